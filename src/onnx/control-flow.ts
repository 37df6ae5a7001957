import type { GraphBuilder } from './builder';
import type { NodeProto } from './generated/onnx_pb';
import { isDefaultDomain } from './model';
import { valuesRead } from './scopes';

/** Why control flow has no gradient, and what to do about it; undefined for other operators. */
export function controlFlowAdvice(b: GraphBuilder, node: NodeProto): string | undefined {
  if (!isDefaultDomain(node.domain)) return undefined;
  if (node.opType === 'Loop' || node.opType === 'Scan') {
    return (
      'a gradient would have to run its body backwards; export the model with the loop unrolled ' +
      '(by tracing, with fixed sizes), or use a learning method without gradients'
    );
  }
  if (node.opType !== 'If') return undefined;
  const { values, sizes } = sourcesOf(b, node.input[0] ?? '');
  const depends = [
    ...values.map((name) => `the value of the input "${name}"`),
    ...sizes.map((name) => `the sizes of the input "${name}"`),
  ];
  const advice =
    values.length > 0
      ? 'export the model with that value fixed'
      : sizes.length > 0
        ? 'export the model with these sizes fixed'
        : 'export the model by tracing, without the branch';
  const on = depends.length > 0 ? `depends on ${depends.join(' and ')}` : 'cannot be worked out from the file';
  return `which branch runs is decided by "${node.input[0] ?? ''}", which ${on}; ${advice}, or use a learning method without gradients`;
}

/** The graph's inputs that a value is computed from: by their values, or by their sizes only. */
function sourcesOf(b: GraphBuilder, value: string): { values: string[]; sizes: string[] } {
  const inputs = new Set(b.source.graph.input.map(({ name }) => name));
  const needed = new Map<string, 'value' | 'size'>([[value, 'value']]);
  for (const node of b.nodes.toReversed()) {
    const wanted = new Set(node.output.map((name) => needed.get(name)));
    if (!wanted.has('value') && !wanted.has('size')) continue;
    const asksSize = isDefaultDomain(node.domain) && (node.opType === 'Shape' || node.opType === 'Size');
    const kind = asksSize || !wanted.has('value') ? 'size' : 'value';
    for (const name of valuesRead(node)) if (needed.get(name) !== 'value') needed.set(name, kind);
  }
  const found = (kind: 'value' | 'size') => [...inputs].filter((name) => needed.get(name) === kind);
  return { values: found('value'), sizes: found('size') };
}
