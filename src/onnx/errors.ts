/** Stable codes of what can be wrong with a model file, for diagnostics and tests. */
export type OnnxErrorCode =
  | 'unreadable'
  | 'not-onnx'
  | 'external-data'
  | 'invalid-graph'
  | 'unsupported-opset'
  | 'unsupported-operator'
  | 'unsupported-variant'
  | 'unknown-shape'
  | 'ports';

/** Which node of the user's graph an error is about. */
export interface NodeLocation {
  readonly operator: string;
  readonly node: string;
}

/** A model file we cannot use. The message is one sentence for a person that names the file and the node. */
export class OnnxError extends Error {
  constructor(
    readonly code: OnnxErrorCode,
    message: string,
    readonly location?: NodeLocation,
    options?: ErrorOptions,
  ) {
    super(oneLine(message), options);
    this.name = 'OnnxError';
  }
}

/** Names in a damaged file may be anything: control characters are shown as �, and a long text loses its middle. */
function oneLine(message: string): string {
  const line = message.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�');
  return line.length <= 1000 ? line : `${line.slice(0, 600)} … ${line.slice(-300)}`;
}

/** A node on the way from an input to the output whose operator, or variant of it, has no gradient rule. */
export class UnsupportedOperatorError extends OnnxError {
  constructor(code: 'unsupported-operator' | 'unsupported-variant', message: string, location: NodeLocation) {
    super(code, message, location);
    this.name = 'UnsupportedOperatorError';
  }
}
