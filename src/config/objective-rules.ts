import type { Draft } from './draft';
import type { Report } from './report';
import type { Path } from './yaml-tree';

const distancePath: Path = ['objective', 'distance'];
const spacePath: Path = ['objective', 'space'];
const optimizerPath: Path = ['training', 'optimizer'];

/** Relations of what is made small with the other keys. A missing value keeps its rules silent. */
export function reportObjectiveConflicts({ objective, training }: Draft, report: Report): void {
  const { distance } = objective ?? {};
  if (objective === undefined || distance === undefined) return;
  const usesNetwork = distance === 'features' || distance === 'lpips';
  if (usesNetwork && objective.network === null) {
    const what = distance === 'lpips' ? 'compares two images' : 'makes features of the samples';
    report.add({
      code: 'conflict',
      path: distancePath,
      message: `objective.distance ${distance} needs objective.network, the ONNX file that ${what}; name one or choose l2.`,
      ...report.replace(distancePath, 'l2'),
    });
  }
  const unused = (key: keyof typeof objective, isSet: boolean, reader: string): void => {
    if (!isSet) return;
    report.add({
      code: 'unused-key',
      severity: 'warning',
      path: ['objective', key],
      at: 'pair',
      message: `objective.${key} has no effect with distance ${distance}; it belongs to ${reader}.`,
      related: [{ path: distancePath, message: `The distance is ${distance}.` }],
    });
  };
  if (!usesNetwork) {
    const { network, network_output: output, network_range: range, network_size: size } = objective;
    unused('network', typeof network === 'string', 'features and lpips');
    unused('network_output', typeof output === 'string', 'features and lpips');
    unused('network_range', range === 'unit', 'features and lpips');
    unused('network_size', typeof size === 'number', 'features and lpips');
  }
  if (distance !== 'pseudo_huber') unused('huber_c', typeof objective.huber_c === 'number', 'pseudo_huber');
  if (distance === 'lpips' && training?.optimizer === 'gauss_newton') {
    report.add({
      code: 'conflict',
      path: optimizerPath,
      message:
        'training.optimizer gauss_newton needs a distance that is a sum of squares, and lpips is only a number; use adam, or the distance features.',
      related: [{ path: distancePath, message: 'The distance is lpips.' }],
      ...report.replace(optimizerPath, 'adam'),
    });
  }
}

/** Decoded images need a decoder; only the files can tell. */
export function reportDecoder({ objective }: Draft, report: Report, hasDecoder: boolean): void {
  if (objective?.space !== 'decoded' || hasDecoder) return;
  report.add({
    code: 'conflict',
    path: spacePath,
    message:
      'objective.space decoded needs vae_decoder/model.onnx in the model folder, and there is none; export it too, or measure in the space of the samples.',
    ...report.replace(spacePath, 'sample'),
  });
}
