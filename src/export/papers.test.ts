import { expect, it } from 'vitest';
import { papersOf } from './papers';

const numbers = (...given: Parameters<typeof papersOf>) => papersOf(...given).map((text) => text.slice(-10));

it('cites the method and the classic solvers that took part, each once', () => {
  expect(numbers({ method: 'gs', relaxed: false, solvers: ['unipc', 'DPM-Solver++ 3M'] })).toEqual([
    '2510.17699',
    '2302.04867',
    '2211.01095',
  ]);
  expect(numbers({ method: 'table', relaxed: true, solvers: ['unipc', 'UniPC-2', 'UniPC-3'] })).toEqual([
    '2502.17423',
    '2403.01329',
    '2405.15506',
    '2302.04867',
  ]);
  expect(numbers({ method: 'ld3', relaxed: true, solvers: ['a grid of its own'] })).toEqual(['2405.15506']);
});
