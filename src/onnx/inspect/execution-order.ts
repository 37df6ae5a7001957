import type { NodeProto } from '../generated/onnx_pb';

/**
 * The order in which ONNX Runtime runs nodes (its default one): depth first from the nodes that nothing reads, inputs
 * before the node, and of several inputs or ends the one that stands later in the file first. Memory depends on it.
 */
export function executionOrder<T extends { readonly node: NodeProto }>(nodes: readonly T[]): T[] {
  const makers = new Map<string, number>();
  nodes.forEach(({ node }, i) => {
    for (const name of node.output) if (name !== '') makers.set(name, i);
  });
  const sources = nodes.map(({ node }) => [...new Set(node.input.flatMap((name) => makers.get(name) ?? []))]);
  const read = new Set(sources.flat());
  const ordered: T[] = [];
  const seen = new Set<number>();
  const stack = nodes.flatMap((_, i) => (read.has(i) ? [] : [{ i, isReady: false }]));
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { i, isReady } = top;
    const entry = nodes[i];
    if (entry === undefined) continue;
    if (isReady) ordered.push(entry);
    if (isReady || seen.has(i)) continue;
    seen.add(i);
    stack.push({ i, isReady: true });
    for (const source of (sources[i] ?? []).toSorted((a, b) => a - b)) {
      if (!seen.has(source)) stack.push({ i: source, isReady: false });
    }
  }
  return ordered;
}
