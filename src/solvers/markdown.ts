/** Pieces of the pages under docs/ that are made from tables in the source. */

/**
 * A page with the text between two comments made again; the rest is written by hand.
 *
 * @param path of the page, for messages
 * @throws RangeError when the page has lost the comments
 */
export function replaceBetween(page: string, path: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name}: made by node tools/docs.mjs -->`, `<!-- end of ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) {
    throw new RangeError(`${path} needs the lines ${begin} and ${end} around its table; put them back.`);
  }
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export const code = (text: string): string => `\`${text}\``;
