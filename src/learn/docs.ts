import { code, markdownTable, replaceBetween } from '../solvers/markdown';
import { methodNames, parameterCount, type MethodChoice, type MethodName } from './methods';

/**
 * docs/methods.md with its tables made again; the rest of the page is written by hand.
 *
 * @throws RangeError when the page has lost the comments a table stands between
 */
export function methodsDocText(page: string): string {
  const path = 'docs/methods.md';
  return replaceBetween(replaceBetween(page, path, 'methods', methodTable()), path, 'counts', countTable());
}

interface MethodText {
  readonly learns: string;
  readonly begins: string;
  readonly needs: string;
  readonly source: string;
}

const signal = 'signal at the start';
const oneAStep = 'a start of one evaluation a step';

const texts: Readonly<Record<MethodName, MethodText>> = {
  table: {
    learns: 'every weight of the table, as corrections to the start’s formulas, and the network’s times',
    begins: 'the start, whatever it is',
    needs: '',
    source: 'ours; the space of BNS, the aim of S4S',
  },
  s4s: {
    learns: 'the coefficients of a family, and the network’s times; the solver’s grid stays',
    begins: 'the start, which the family has to contain',
    needs: 'a member; for `ss` ' + signal,
    source: 'Frankel et al. 2025, arXiv 2502.17423',
  },
  's4s-alt': {
    learns: 'coefficients, and in turns with them the grid and the network’s times',
    begins: 'the same',
    needs: 'the same',
    source: 'Frankel et al. 2025, arXiv 2502.17423',
  },
  ld3: {
    learns: 'the inner points of the grid, and in turns with them the network’s times',
    begins: 'the start, whose solver, order and variant stay',
    needs: `${code('ddim')}, ${code('ipndm')}, ${code('dpmpp')} or ${code('unipc')}; ${signal}; 2 evaluations`,
    source: 'Tong et al. 2025, arXiv 2405.15506',
  },
  gs: {
    learns:
      'corrections to all coefficients of DPM-Solver++ 3M on all past outputs and states, its grid, the network’s times',
    begins: 'DPM-Solver++ 3M on the start’s grid, its order never lowered at the end',
    needs: `${oneAStep}; ${signal}`,
    source: 'Oganov et al. 2025, arXiv 2510.17699 (GS; its adversarial training is left out)',
  },
  bns: {
    learns: 'every weight on the velocity, and the inner times',
    begins: 'the start',
    needs: 'a start that asks once at each time',
    source: 'Shaul et al. 2024, arXiv 2403.01329',
  },
  dyweight: {
    learns:
      'weights of the last slopes, which move the tracked noise level too, and a scale of each of the network’s times',
    begins: 'iPNDM of the same order (at most 4) on the start’s grid',
    needs: `${oneAStep}; ${signal}`,
    source: 'Zhao et al. 2026, arXiv 2603.11607',
  },
  dode: {
    learns: 'one number a row: how far it goes along the last difference of outputs',
    begins: 'DDIM on the start’s grid; Heun when the start is Heun',
    needs: `${oneAStep}, or Heun with an even number; ${signal}; 2 evaluations`,
    source: 'Kim et al. 2024, arXiv 2309.16421',
  },
  neural_solver: {
    learns: 'the lengths of the steps, and how each mixes the outputs so far (its weights add up to 1)',
    begins: 'DDIM on the start’s grid',
    needs: oneAStep,
    source: 'Wang et al. 2025, arXiv 2505.21114',
  },
  amed: {
    learns:
      'in each step of two evaluations: where the second one is, the noise level it is told, and how far the step goes',
    begins: 'DPM2 (midpoint in log σ) on the grid of a Heun start',
    needs: `a Heun start; ${signal}; 2 evaluations (odd numbers by an analytic first slope)`,
    source: 'Zhou et al. 2024, arXiv 2312.00094 (constants in place of its network)',
  },
};

function methodTable(): string {
  return markdownTable(
    ['method', 'learns', 'begins at', 'needs', 'source'],
    methodNames.map((name) => {
      const { learns, begins, needs, source } = texts[name];
      return [code(name), learns, begins, needs, source];
    }),
  );
}

const evaluations = [3, 4, 5, 6, 8, 10];

/** What a method's rows of the table of counts are: its families or options. */
function variantsOf(method: MethodName): (MethodChoice & { readonly label: string })[] {
  const usual = { method, family: 'lms', order: 3 } as const;
  switch (method) {
    case 'table':
      return [
        { ...usual, label: code(method) },
        { ...usual, consistent_rows: true, label: `${code(method)}, ${code('consistent_rows')}` },
      ];
    case 's4s':
    case 's4s-alt':
      return (['lms', 'pc', 'ss'] as const).map((family) => ({
        ...usual,
        family,
        label: `${code(method)}, ${code(family)}, order 3`,
      }));
    case 'dyweight':
      return [{ ...usual, label: `${code(method)}, order 3` }];
    default:
      return [{ ...usual, label: code(method) }];
  }
}

function countTable(): string {
  return markdownTable(
    ['numbers learned at', ...evaluations.map(String)],
    methodNames
      .flatMap(variantsOf)
      .map(({ label, ...choice }) => [label, ...evaluations.map((nfe) => String(parameterCount(choice, nfe) ?? ''))]),
  );
}
