import { InvalidArgumentError } from 'commander';
import type { ClassicContender } from '../jobs/evaluate-candidates';
import { sampleSpacings } from '../jobs/sample-table';

/** `unipc-3:logsnr,deis-3/rhoab:karras,classics`: name, order, variant and spacing (logsnr when left out). */
export function solverList(text: string): (ClassicContender | 'classics')[] {
  return text.split(',').map((part) => {
    const entry = part.trim();
    if (entry === 'classics') return entry;
    const [, solver, order, variant, spacing = 'logsnr'] =
      /^([a-z][a-z0-9_]*)(?:-(\d{1,2}))?(?:\/([a-z0-9_-]+))?(?::([a-z]+))?$/.exec(entry) ?? [];
    if (solver === undefined) {
      throw new InvalidArgumentError(`"${entry}" is no NAME-ORDER/VARIANT:SPACING, such as unipc-3:logsnr or deis.`);
    }
    const name = sampleSpacings.find((known) => known === spacing);
    if (name === undefined) {
      throw new InvalidArgumentError(`there is no spacing "${spacing}"; there are ${sampleSpacings.join(', ')}.`);
    }
    return {
      solver,
      ...(order === undefined ? {} : { order: Number(order) }),
      ...(variant === undefined ? {} : { variant }),
      spacing: name,
    };
  });
}
