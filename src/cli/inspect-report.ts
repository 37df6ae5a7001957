import type { DimInfo } from '../onnx';
import type { Blocker, Cost, Family, Inspection } from '../onnx/inspect';
import { bytes, count } from './units';

/** An inspection for a person: sections of short lines. */
export function inspectionText(model: Inspection): string {
  const sections = [
    fileSection(model),
    portSection(model),
    parameterSection(model),
    operatorSection(model),
    costSection(model),
    gradientSection(model),
    ...model.blockers.map(blockerSection),
    model.notes.length > 0 ? ['Notes', ...model.notes.map((note) => `  ${note}`)] : [],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function fileSection(model: Inspection): string[] {
  const opsets = Object.entries(model.opsets).map(([domain, version]) => `${domain} ${version}`);
  const { ports } = model;
  const roles = ports
    ? Object.entries(ports).map(([role, name]) => `${role} "${name}"`)
    : ['none: the inputs and outputs are not those of a denoiser'];
  return [
    `${model.file} (${bytes(model.fileBytes)})`,
    `  format      IR version ${model.irVersion}, opset ${opsets.join(', ')}, made by ${model.producer || 'an unnamed exporter'}`,
    `  kind        ${kinds[model.kind]}: ${model.kindReason}`,
    ...(model.predictionType ? [`  prediction  ${model.predictionType}`] : []),
    `  ports       ${roles.join(', ')}`,
  ];
}

const kinds: Readonly<Record<Inspection['kind'], string>> = {
  unet: 'UNet',
  transformer: 'diffusion transformer',
  edm: 'EDM-type denoiser',
  'vae-encoder': 'VAE encoder',
  'vae-decoder': 'VAE decoder',
  perceptual: 'perceptual net',
  mlp: 'MLP denoiser',
  unknown: 'unknown',
};

function portSection({ inputs, outputs, shapes }: Inspection): string[] {
  const width = Math.max(...[...inputs, ...outputs].map(({ name }) => name.length));
  const shapeText = (shape: readonly DimInfo[] | null): string =>
    shape ? `[${shape.map((dim) => dim ?? '?').join(', ')}]` : 'of unknown rank';
  const used = (name: string, shape: readonly DimInfo[] | null): string => {
    const sizes = shapes[name];
    return sizes && shape?.some((dim) => typeof dim !== 'number') ? `  here ${sizes.join('x')}` : '';
  };
  return [
    'Inputs',
    ...inputs.map(
      ({ name, dtype, shape }) => `  ${name.padEnd(width)}  ${dtype} ${shapeText(shape)}${used(name, shape)}`,
    ),
    'Outputs',
    ...outputs.map(
      ({ name, dtype, shape }) => `  ${name.padEnd(width)}  ${dtype} ${shapeText(shape)}${used(name, shape)}`,
    ),
  ];
}

function parameterSection({ parameters }: Inspection): string[] {
  return [
    `Parameters: ${count(parameters.count).trim()} (${bytes(parameters.bytes)})`,
    ...parameters.byType.map(
      ({ dtype, count: number, bytes: size }) => `  ${dtype.padEnd(8)}  ${count(number).trim()} (${bytes(size)})`,
    ),
    ...parameters.external.map(({ file, bytes: size }) => `  of these ${bytes(size)} in the file ${file}`),
  ];
}

function operatorSection({ operators, nodeCount }: Inspection): string[] {
  const list = Object.entries(operators).map(([operator, number]) => `${operator} ${number}`);
  return [`Operators: ${nodeCount} nodes`, ...wrap(list, 100).map((line) => `  ${line}`)];
}

function costSection({ forward, vjp, batch, shapes, inputs, parameters }: Inspection): string[] {
  if (forward === null) return [];
  const sizes = inputs.map(({ name }) => `${name} ${shapes[name]?.join('x') ?? 'of unknown shape'}`);
  return [
    `Cost per sample (${sizes.join(', ')}${batch === 1 ? '' : `, divided by the batch of ${batch}`})`,
    `  forward                 ${costText(forward)}`,
    ...(vjp ? [`  gradient, with forward  ${costText(vjp)}${ratio(vjp, forward)}`] : []),
    ...familyLines(forward),
    `  One multiply-add is 2 FLOPs. Memory is the peak of the values alive at one time in ONNX Runtime's order;`,
    `  weights (${bytes(parameters.bytes)}) and the scratch memory of kernels come on top.`,
    ...uncountedLines('forward', forward),
    ...(vjp ? uncountedLines('gradient', vjp) : []),
  ];
}

const costText = ({ flops, macs, peakBytes }: Cost): string =>
  `${count(flops)}FLOPs (${count(macs).trim()} multiply-adds), ${bytes(peakBytes)} of activations`;

const ratio = (vjp: Cost, forward: Cost): string =>
  forward.flops > 0 ? ` (${(vjp.flops / forward.flops).toFixed(2)} times the FLOPs)` : '';

const familyNames: Readonly<Record<Family, string>> = {
  convolution: 'convolutions',
  linear: 'matrix products with weights',
  attention: 'attention (products of activations, softmax)',
  normalisation: 'normalisations',
  other: 'elementwise, reductions, pooling',
};

function familyLines({ flops, byFamily }: Cost): string[] {
  return (Object.keys(familyNames) as Family[])
    .filter((family) => byFamily[family] > 0)
    .sort((a, b) => byFamily[b] - byFamily[a])
    .map((family) => `    ${((100 * byFamily[family]) / flops).toFixed(1).padStart(5)} %  ${familyNames[family]}`);
}

function uncountedLines(pass: string, { uncounted, unknownValues }: Cost): string[] {
  const operators = Object.entries(uncounted).map(([operator, number]) => `${operator} (${number})`);
  return [
    ...(operators.length > 0
      ? [`  Not counted in ${pass}, because sizes or work are not known: ${operators.join(', ')}.`]
      : []),
    ...(unknownValues > 0 ? [`  ${unknownValues} values of unknown size are not in the memory of ${pass}.`] : []),
  ];
}

function gradientSection({ gradients, blockers }: Inspection): string[] {
  if (gradients.length === 0) return [];
  const width = Math.max(...gradients.map(({ name }) => name.length));
  const nodes = blockers.reduce((sum, { nodes: { length } }) => sum + length, 0);
  return [
    blockers.length === 0
      ? 'Gradient: nothing blocks it'
      : `Gradient: blocked at ${nodes} ${nodes === 1 ? 'node' : 'nodes'}; learning goes on without gradients`,
    ...gradients.map(
      ({ name, differentiable, reason }) => `  ${name.padEnd(width)}  ${differentiable}${reason ? `: ${reason}` : ''}`,
    ),
  ];
}

function blockerSection({ operator, reason, nodes, inputs, path }: Blocker): string[] {
  return [
    `Blocked: ${operator}, ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} on the way from ${inputs.join(', ')}`,
    `  ${reason}`,
    ...(path ? pathLines(path, nodes[0] ?? '') : []),
  ];
}

/** Nodes that are shown at each end of a path, and around the one it is about; longer paths are cut between. */
const shownAtEnds = 3;
const shownAround = 1;

/** One node a line, the one that the path is about marked with an arrow. */
function pathLines({ from, nodes, to }: NonNullable<Blocker['path']>, blocked: string): string[] {
  const middle = nodes.findIndex(({ node }) => node === blocked);
  const isShown = (i: number): boolean =>
    i < shownAtEnds || i >= nodes.length - shownAtEnds || Math.abs(i - middle) <= shownAround;
  const lines: string[] = [];
  let hidden = 0;
  nodes.forEach(({ operator, node }, i) => {
    if (!isShown(i)) hidden += 1;
    if (hidden > 0 && (isShown(i + 1) || i === nodes.length - 1)) {
      lines.push(`       … ${hidden} ${hidden === 1 ? 'node' : 'nodes'} …`);
      hidden = 0;
    }
    if (isShown(i)) lines.push(`    ${i === middle ? '->' : '  '} ${operator}${node === '' ? '' : ` "${node}"`}`);
  });
  return [`  path from ${from} to ${to}:`, ...lines];
}

/** Items in lines of at most `width` characters, broken between items. */
function wrap(items: readonly string[], width: number): string[] {
  const lines: string[] = [];
  items.forEach((item, i) => {
    const text = i < items.length - 1 ? `${item},` : item;
    const last = lines.at(-1);
    if (last !== undefined && last.length + text.length < width) lines[lines.length - 1] = `${last} ${text}`;
    else lines.push(text);
  });
  return lines;
}
