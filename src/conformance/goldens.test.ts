import { describe, expect, it } from 'vitest';
import { runFolder, type GroupResult } from './folder';

// A third of the runs of the published programs that this project is checked against; see test/data/solvers/README.md.
const groups: GroupResult[] = [];
for await (const group of runFolder('test/data/solvers')) groups.push(group);

describe('runs of the published programs', () => {
  it.each(groups.map((group) => [group.name, group] as const))('%s', (_, { problem, cases }) => {
    expect(problem).toBeNull();
    expect(cases.filter(({ passed }) => !passed)).toEqual([]);
    expect(cases.length).toBeGreaterThan(0);
  });

  it('hold cases of every family', () => {
    expect(groups.length).toBeGreaterThan(20);
    expect(groups.reduce((sum, { cases }) => sum + cases.length, 0)).toBeGreaterThan(400);
  });
});
