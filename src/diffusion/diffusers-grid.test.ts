import { describe, expect, it } from 'vitest';
import { cosineBetas, linearBetas, scaledLinearBetas } from './discrete-vp';
import { diffusersGrid, type DiffusersGrid, type DiffusersGridOptions } from './diffusers-grid';
import { zeroTerminalSnr } from './zero-terminal-snr';

/** Expected values: diffusers 0.42 with its float32 read as float64. */
const linear = linearBetas(1e-4, 0.02, 1000);
const scaled = scaledLinearBetas(0.00085, 0.012, 1000);

function expectGrid(options: DiffusersGridOptions, timesteps: readonly number[], sigmas?: readonly number[]): void {
  const grid: DiffusersGrid = diffusersGrid(options);
  expect(grid.timesteps).toHaveLength(timesteps.length);
  for (const [i, t] of timesteps.entries()) expect(grid.timesteps[i]).toBeCloseTo(t, 9);
  if (!sigmas) return;
  expect(grid.sigmas).toHaveLength(sigmas.length);
  for (const [i, sigma] of sigmas.entries())
    expect(grid.sigmas[i]! / (sigma || 1)).toBeCloseTo(sigma === 0 ? 0 : 1, 11);
}

describe('timesteps of DDIM and PNDM', () => {
  it('round halves to even timesteps, which 16 steps show', () => {
    expectGrid(
      { steps: 16, betas: linear, family: 'ddim', spacing: 'trailing' },
      [999, 937, 874, 811, 749, 687, 624, 561, 499, 437, 374, 311, 249, 187, 124, 61],
    );
    expectGrid({ steps: 5, betas: linear, family: 'ddim', spacing: 'linspace' }, [999, 749, 500, 250, 0]);
    expectGrid({ steps: 3, betas: linear, family: 'ddim', spacing: 'leading', stepsOffset: 1 }, [667, 334, 1]);
  });
});

describe('grids of Euler, Heun, LMS and KDPM2', () => {
  it('span a ramp over the spaced timesteps and interpolate the timesteps', () => {
    expectGrid(
      { steps: 3, betas: scaled, family: 'euler', spacing: 'leading', stepsOffset: 1, sigmas: 'beta' },
      [667, 474.20078105448874, 1],
      [2.929548754176115, 1.485431583086449, 0.04131441199678309, 0],
    );
  });

  it('start near, not at, infinite noise with zero terminal SNR', () => {
    expectGrid(
      { steps: 3, betas: zeroTerminalSnr(scaled), family: 'euler', spacing: 'trailing' },
      [999, 666, 332],
      [4095.9998779296857, 3.50093313812759, 0.9834381780994209, 0],
    );
  });
});

describe('grids of DPM-Solver, UniPC and DEIS', () => {
  it('drop the last of one point more', () => {
    expectGrid(
      {
        steps: 4,
        betas: scaled,
        family: 'multistep',
        spacing: 'leading',
        stepsOffset: 1,
        finalSigmas: 'sigma_min',
      },
      [801, 601, 401, 201],
      [5.134431117517536, 2.292853821788702, 1.1682159550479787, 0.5740502594628525, 0.029167158151720367],
    );
  });

  it('leave out the timesteps below a λ', () => {
    const options = { steps: 4, betas: cosineBetas(1000), family: 'multistep', lambdaMinClipped: -5.1 } as const;
    expectGrid(
      { ...options, spacing: 'linspace' },
      [995, 746, 498, 249],
      [160.41363805933085, 2.403393386068308, 1.0092385354885192, 0.4249948150069442, 0],
    );
    expectGrid({ ...options, spacing: 'trailing' }, [995, 745, 495, 245]);
  });

  it('round the timesteps of a karras ramp and cut those of an exponential one', () => {
    const options = { betas: scaled, family: 'multistep', spacing: 'linspace' } as const;
    expectGrid(
      { ...options, steps: 3, sigmas: 'exponential', finalSigmas: 'last' },
      [999, 233, 0],
      [14.614641229333637, 0.6528916847890065, 0.029167158151720367, 0.029167158151720367],
    );
    const real = diffusersGrid({ ...options, family: 'euler', steps: 3, sigmas: 'karras' }).timesteps[1]!;
    expectGrid({ ...options, steps: 3, sigmas: 'karras' }, [999, Math.round(real), 0]);
  });

  it('do not round with the cosine betas in DPM-Solver', () => {
    expectGrid(
      {
        steps: 4,
        betas: cosineBetas(1000),
        family: 'multistep',
        spacing: 'linspace',
        sigmas: 'karras',
        roundRamp: false,
      },
      [999, 998, 983, 0],
      [20291.169610019882, 1773.357520586623, 40.84088288381394, 0.0064254127711420835, 0],
    );
  });
});

it('refuses more steps than training timesteps', () => {
  expect(() => diffusersGrid({ steps: 1001, betas: linear, family: 'ddim', spacing: 'leading' })).toThrow(
    'between 1 and the 1000 training timesteps, got 1001',
  );
});
