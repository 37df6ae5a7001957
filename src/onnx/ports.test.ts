import { describe, expect, test } from 'vitest';
import type { ModelHeader, PortInfo } from './header';
import { guessPorts } from './ports';

const port = (name: string, dtype: string, shape: PortInfo['shape']): PortInfo => ({ name, dtype, shape });

function header(inputs: PortInfo[], outputs = [port('out_sample', 'float32', ['batch', 3, 8, 8])]): ModelHeader {
  return {
    irVersion: 8,
    opset: 17,
    producer: '',
    inputs,
    outputs,
    parameterCount: 0,
    nodeCount: 0,
    operators: {},
    externalData: [],
  };
}
const image = port('sample', 'float32', ['batch', 3, 8, 8]);

describe('ports are found', () => {
  test('by the names of diffusers', () => {
    const found = guessPorts(header([image, port('timestep', 'int64', []), port('class_labels', 'int64', ['batch'])]));
    expect(found).toEqual({
      sample: 'sample',
      timestep: 'timestep',
      classLabels: 'class_labels',
      output: 'out_sample',
    });
  });

  test('by the names of EDM, with one-hot labels', () => {
    const inputs = [
      port('x', 'float32', ['batch', 3, 8, 8]),
      port('sigma', 'float32', ['batch']),
      port('class_labels', 'float32', ['batch', 4]),
    ];
    const found = guessPorts(header(inputs, [port('denoised', 'float32', ['batch', 3, 8, 8])]));
    expect(found).toEqual({ sample: 'x', timestep: 'sigma', classLabels: 'class_labels', output: 'denoised' });
  });

  test('by type and rank when the names say nothing', () => {
    const inputs = [port('a', 'float32', ['n']), port('b', 'float32', ['n', 2])];
    expect(guessPorts(header(inputs, [port('c', 'float32', ['n', 2])]))).toEqual({
      sample: 'b',
      timestep: 'a',
      output: 'c',
    });
  });

  test('the second of two outputs when it has the sample’s rank', () => {
    const outputs = [port('state', 'float32', ['n']), port('image', 'float32', ['n', 3, 8, 8])];
    expect(guessPorts(header([image, port('t', 'float32', ['n'])], outputs)).output).toBe('image');
  });

  test('as given, whatever they are called', () => {
    const inputs = [port('p', 'float32', ['n', 2]), port('q', 'float32', ['n', 2]), port('time', 'float32', ['n'])];
    expect(guessPorts(header(inputs, [port('out', 'float32', ['n', 2])]), { sample: 'q' }).sample).toBe('q');
  });
});

describe('errors name the candidates', () => {
  test('when two inputs could be the sample', () => {
    const inputs = [port('p', 'float32', ['n', 2]), port('q', 'float32', null), port('t', 'float32', ['n'])];
    expect(() => guessPorts(header(inputs))).toThrow(
      'Cannot tell which port of the model is its sample: the candidates are "p" (float32 [n, 2]), "q" (float32 of unknown rank), "t" (float32 [n])',
    );
  });

  test('when a given port does not exist', () => {
    expect(() => guessPorts(header([image, port('t', 'float32', ['n'])]), { timestep: 'sigma' })).toThrow(
      'The model has no port "sigma" for timestep; it has "sample" (float32 [batch, 3, 8, 8]), "t" (float32 [n]).',
    );
  });
});
