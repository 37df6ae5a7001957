import { mean, tableLosses } from '../learn/objective';
import type { Objective } from '../learn/objective';
import type { PairSet } from '../learn/pairs';
import type { BaselineResult } from './checkpoint';
import { classicTables } from './classics';
import { fullLabel } from './run-context';
import type { RunContext } from './run-context';
import { UserError } from './user-error';

/** Classic solvers by their loss on the validation noises, best first. */
export async function rankClassics(
  { folder, meter, model, signal }: RunContext,
  objective: Objective,
  validation: PairSet,
  nfe: number,
): Promise<readonly BaselineResult[]> {
  const ranked: BaselineResult[] = [];
  for (const classic of classicTables(model.schedule, nfe)) {
    meter.say(`${fullLabel(classic)} at ${nfe} evaluations`);
    const validationLoss = mean(await tableLosses(model.denoiser, objective, classic.table, validation, signal));
    if (!Number.isFinite(validationLoss)) continue;
    const { solver, spacing } = classic;
    ranked.push({ solver, spacing, validationLoss });
    folder.emit({ kind: 'baseline', nfe, solver, spacing, validationLoss });
  }
  if (ranked.length === 0) {
    throw new UserError(
      'classics-not-finite',
      `Every classic solver gives NaN at ${nfe} evaluations; check the model.`,
    );
  }
  return ranked.sort((a, b) => a.validationLoss - b.validationLoss);
}
