import { buildVjpGraph, parseModel, serializeModel } from '../../src/onnx';
import { median } from './demo';
import { buildLongUNet } from './unet';

export interface BuildingRow {
  readonly nodes: number;
  /** Nodes of the VJP graph. */
  readonly vjpNodes: number;
  /** Milliseconds from the model's bytes to the VJP graph's bytes. */
  readonly ms: number;
}

/** How the time to build a VJP graph grows with the model. */
export function measureBuilding(): BuildingRow[] {
  return [1250, 2500, 5000].map((wanted) => {
    const model = buildLongUNet(wanted);
    const bytes = serializeModel(model);
    const times: number[] = [];
    let vjpNodes = 0;
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      const vjp = buildVjpGraph(parseModel(bytes, 'long'));
      serializeModel(vjp);
      times.push(performance.now() - start);
      vjpNodes = vjp.graph.node.length;
    }
    return { nodes: model.graph.node.length, vjpNodes, ms: median(times) };
  });
}
