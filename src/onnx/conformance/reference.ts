/** A reference file that is not laid out as it must be. The message names the file and the key. */
export class ReferenceFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ReferenceFileError';
  }
}

/** A tensor of a reference file; `data` is flat, row-major, with truth values as 0 and 1. */
export interface ReferenceTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

type Tensors = Readonly<Record<string, ReferenceTensor>>;

/** One set of inputs with what a correct gradient graph makes of them. */
export interface ReferenceCase {
  readonly name: string;
  readonly inputs: Tensors;
  readonly outputs: Tensors;
  /** By output; outputs that are left out have none. */
  readonly cotangents: Tensors;
  /** ∂/∂input Σ_outputs ⟨output, cotangent⟩, by input. */
  readonly gradients: Tensors;
}

/** Reference values of a model: the `NAME.json` beside `NAME.onnx`. */
export interface Reference {
  /** Largest `relativeError` that passes. */
  readonly tolerance: { readonly forward: number; readonly gradient: number };
  readonly cases: readonly ReferenceCase[];
}

/**
 * Checks a parsed reference file.
 *
 * @param label path of the file, for messages
 * @throws ReferenceFileError
 */
export function readReference(json: unknown, label: string): Reference {
  const root = new Json(json, label, '');
  const tolerance = root.get('tolerance');
  return {
    tolerance: { forward: tolerance.get('forward_rel').positive(), gradient: tolerance.get('gradient_rel').positive() },
    cases: root.get('cases').items().map(readCase),
  };
}

/** A model of a folder's `index.json`. */
export interface IndexEntry {
  readonly name: string;
  readonly onnx: string;
  readonly json: string;
}

/** The models that an `index.json` lists. @throws ReferenceFileError */
export function readIndex(json: unknown, label: string): IndexEntry[] {
  return new Json(json, label, '')
    .get('models')
    .items()
    .map((model) => ({
      name: model.get('name').text(),
      onnx: model.get('onnx').fileName(),
      json: model.get('json').fileName(),
    }));
}

function readCase(json: Json): ReferenceCase {
  return {
    name: json.get('name').text(),
    inputs: json.get('inputs').record(readTensor),
    outputs: json.get('outputs').record(readTensor),
    cotangents: json.get('cotangents').record(readTensor),
    gradients: json.get('gradients').record(readTensor),
  };
}

function readTensor(json: Json): ReferenceTensor {
  const shape = json.get('shape').numbers();
  const data = json.get('data').elements();
  const count = shape.reduce((product, size) => product * size, 1);
  if (data.length !== count) json.get('data').fail(`has ${data.length} numbers, but the shape takes ${count}`);
  return { dtype: json.get('dtype').text(), shape, data };
}

/** A value in a JSON file that knows where it stands, so that errors can say so. */
class Json {
  constructor(
    private readonly value: unknown,
    private readonly label: string,
    private readonly path: string,
  ) {}

  fail(what: string): never {
    throw new ReferenceFileError(`${this.label}: ${this.path === '' ? 'the file' : `"${this.path}"`} ${what}.`);
  }

  private at(key: string, value: unknown): Json {
    return new Json(value, this.label, this.path === '' ? key : `${this.path}.${key}`);
  }

  private object(): Record<string, unknown> {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) this.fail('is no object');
    return this.value as Record<string, unknown>;
  }

  get(key: string): Json {
    const object = this.object();
    const found = this.at(key, object[key]);
    return Object.hasOwn(object, key) ? found : found.fail('is missing');
  }

  record<T>(read: (value: Json) => T): Record<string, T> {
    return Object.fromEntries(Object.entries(this.object()).map(([key, value]) => [key, read(this.at(key, value))]));
  }

  items(): Json[] {
    if (!Array.isArray(this.value)) return this.fail('is no list');
    if (this.value.length === 0) this.fail('is empty');
    return this.value.map((item, i) => new Json(item, this.label, `${this.path}[${i}]`));
  }

  text(): string {
    return typeof this.value === 'string' && this.value !== '' ? this.value : this.fail('is no text');
  }

  /** A file beside this one: a list must not lead out of its folder. */
  fileName(): string {
    const name = this.text();
    return /[/\\]/.test(name) || name === '..' ? this.fail(`is "${name}", which is not a file in this folder`) : name;
  }

  positive(): number {
    return typeof this.value === 'number' && this.value > 0 ? this.value : this.fail('is no number above zero');
  }

  /** Numbers; a mask may spell them `true` and `false`. */
  elements(): number[] {
    const number = (item: unknown): unknown => (typeof item === 'boolean' ? Number(item) : item);
    const plain = Array.isArray(this.value) ? this.value.map(number) : this.value;
    return new Json(plain, this.label, this.path).numbers();
  }

  numbers(): number[] {
    if (!Array.isArray(this.value) || !this.value.every((item) => typeof item === 'number')) {
      return this.fail('is no list of numbers');
    }
    return this.value;
  }
}
