import type { NodeProto } from './generated/onnx_pb';
import { valuesRead } from './scopes';

/**
 * Puts nodes into an order that makes ONNX Runtime run a gradient graph with little memory.
 *
 * ONNX Runtime does not run a file's nodes in the file's order. It walks back from the outputs, the one that stands last
 * first, and at every node goes into the input that stands last first. So this walks the same way with the opposite
 * preference: what should run first is placed last among its equals. What should run first is
 * - of large values the one with the longer way from a cotangent: a recomputed activation or the gradient of a short cut
 *   would otherwise wait in memory for the end of the long way (as registers in Sethi and Ullman 1970);
 * - of small values (the gradient of a time embedding) the older one: it is the sum over an image that waits.
 * Nodes that no output needs are left out.
 *
 * @param nodes each behind those it reads from
 * @param cotangents the inputs that the backward pass starts from
 * @param outputs in the order they should be finished
 * @param isSmall whether a value has no axes of an image or a sequence
 */
export function scheduleNodes(
  nodes: readonly NodeProto[],
  cotangents: readonly string[],
  outputs: readonly string[],
  isSmall: (value: string) => boolean,
): NodeProto[] {
  const position = new Map<string, number>();
  nodes.forEach((node, i) => node.output.forEach((name) => name !== '' && position.set(name, i)));
  const sources = nodes.map((node) => [...new Set(valuesRead(node).flatMap((name) => position.get(name) ?? []))]);
  const roots = new Set(cotangents);
  /** Nodes on the longest way from a cotangent; 0 for the forward pass. */
  const heights: number[] = [];
  nodes.forEach((node, i) => {
    const above = Math.max(0, ...(sources[i] ?? []).map((at) => heights[at] ?? 0));
    heights.push(above > 0 || node.input.some((name) => roots.has(name)) ? above + 1 : 0);
  });
  const inRunningOrder = (at: number): number[] => {
    const small = isSmall(nodes[at]?.output[0] ?? '');
    return (sources[at] ?? []).toSorted((p, q) => (small ? 0 : (heights[q] ?? 0) - (heights[p] ?? 0)) || p - q);
  };

  const visited = new Set<number>();
  const order: NodeProto[] = [];
  const stack: { readonly at: number; readonly leaving: boolean }[] = [];
  for (const name of outputs) {
    const at = position.get(name);
    if (at !== undefined) stack.push({ at, leaving: false });
  }
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { at, leaving } = entry;
    const node = nodes[at];
    if (node === undefined || (!leaving && visited.has(at))) continue;
    if (leaving) {
      order.push(node);
      continue;
    }
    visited.add(at);
    stack.push({ at, leaving: true });
    for (const source of inRunningOrder(at)) if (!visited.has(source)) stack.push({ at: source, leaving: false });
  }
  return order;
}
