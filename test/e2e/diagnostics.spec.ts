import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './support/editor';

/** Replaces the value of a key and says on which line (from 1) it stands and what stood there. */
function breakLine(lines: string[], pattern: RegExp, broken: (line: string) => string): { line: number; good: string } {
  const index = lines.findIndex((line) => pattern.test(line));
  const good = lines[index];
  if (good === undefined) throw new Error(`No line of the demo's solver.yaml matches ${String(pattern)}.`);
  lines[index] = broken(good);
  return { line: index + 1, good };
}

test('a broken solver.yaml shows its errors and loses them when it is corrected', async ({ workbench, folder }) => {
  const lines = workbench.read('solver.yaml').split('\n');
  const wrongKey = breakLine(lines, /^\s+method:/, (line) => line.replace('method', 'metod'));
  const wrongType = breakLine(lines, /^\s+num_inference_steps:/, (line) => line.replace(/:.*/, ': five'));
  const wrongFile = breakLine(lines, /^\s+path:/, (line) => line.replace(/:.*/, ': ./missing.onnx'));
  writeFileSync(join(folder, 'solver.yaml'), lines.join('\n'));

  await workbench.open();
  await workbench.openFile('solver.yaml');
  await expect(workbench.squiggles.first()).toBeVisible();
  const problems = await workbench.problems();
  await expect(problems.filter({ hasText: 'metod' })).toBeVisible();
  await expect(problems.filter({ hasText: 'num_inference_steps' })).toBeVisible();
  await expect(problems.filter({ hasText: 'missing.onnx' })).toBeVisible();
  await workbench.picture('1-broken');

  await workbench.replaceLine(wrongKey.line, wrongKey.good);
  await expect(problems.filter({ hasText: 'metod' })).toHaveCount(0);
  await expect(problems.filter({ hasText: 'missing.onnx' })).toBeVisible();
  await workbench.replaceLine(wrongType.line, wrongType.good);
  await workbench.replaceLine(wrongFile.line, wrongFile.good);
  await expect(problems).toHaveCount(0);
  await expect(workbench.squiggles).toHaveCount(0);
  await workbench.picture('2-corrected');
  await workbench.save();
});
