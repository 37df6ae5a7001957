import { closest, distance } from 'fastest-levenshtein';

/** The candidate a person most likely meant, or undefined when none is near. Case and - _ do not count. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0 || word.length > 64) return undefined;
  const plain = (text: string) => text.toLowerCase().replaceAll('-', '_');
  // A whole word inside a longer one is meant more often than a short word one letter away: gpu is webgpu, not cpu.
  const inside = word.length < 3 ? undefined : candidates.find((candidate) => plain(candidate).includes(plain(word)));
  if (inside !== undefined) return inside;
  const best = closest(plain(word), candidates.map(plain));
  const found = candidates.find((candidate) => plain(candidate) === best);
  return distance(plain(word), best) <= Math.max(1, Math.floor(best.length / 2.5)) ? found : undefined;
}
