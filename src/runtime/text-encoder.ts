import { headerOf, type ModelHeader } from '../onnx/header';
import { OnnxError } from '../onnx/errors';
import { openModelFile } from '../onnx/open-file';
import type { TextEncoderFiles } from '../onnx/pipeline-folder';
import { serializeModel } from '../onnx/write';
import { breathe } from './abort';
import { ClipTokenizer } from './clip-tokenizer';
import { openSession } from './session';
import type { Session } from './session';
import type { TensorValues } from './tensor-values';

/** What a text encoder makes of one text. */
export interface EncodedText {
  /** [tokens, width]: of the last layer, or of the one before it where the pipeline uses that. */
  readonly states: TensorValues;
  /** [width] of the pooled and projected text, where the file has an output `text_embeds`. */
  readonly pooled: TensorValues | null;
  /** Tokens that did not fit. */
  readonly dropped: number;
  /** Tokens that fit. */
  readonly length: number;
}

/** CLIP's text encoder with its tokenizer. It runs on the CPU: a few texts a run, and the same numbers everywhere. */
export class TextEncoder {
  private constructor(
    private readonly path: string,
    private readonly tokenizer: ClipTokenizer,
    private readonly session: Session,
    private readonly header: ModelHeader,
  ) {}

  static async open({ model: path, tokenizer }: TextEncoderFiles): Promise<TextEncoder> {
    const model = await openModelFile(path);
    return new TextEncoder(
      path,
      await ClipTokenizer.open(tokenizer),
      await openSession(serializeModel(model), 'cpu', path, model.weights?.folder),
      headerOf(model),
    );
  }

  /**
   * @param penultimate SDXL's states: those before the last layer, which the file must have as `hidden_states.<n>`
   * @throws OnnxError (`ports`) when the file does not have the outputs
   */
  async encode(text: string, penultimate: boolean, signal?: AbortSignal): Promise<EncodedText> {
    await breathe(signal);
    const { ids, dropped } = this.tokenizer.encode(text);
    const shape = [1, ids.length];
    // Everything but the ids is a mask of tokens to look at; the pipelines of CLIP let it see all.
    const feeds = this.header.inputs.map(({ name }): [string, TensorValues] => [
      name,
      { dtype: 'int64', shape, data: name === 'input_ids' ? ids : ids.map(() => 1) },
    ]);
    const outputs = await this.session.runValues(Object.fromEntries(feeds));
    const states = outputs[this.statesOutput(penultimate)];
    const pooled = outputs['text_embeds'];
    if (states?.shape.length !== 3) {
      throw new OnnxError('ports', `${this.path} gives no hidden states [batch, tokens, width]; export it again.`);
    }
    return { states: first(states), pooled: pooled ? first(pooled) : null, dropped, length: ids.length };
  }

  release(): Promise<void> {
    return this.session.release();
  }

  private statesOutput(penultimate: boolean): string {
    const names = this.header.outputs.map(({ name }) => name);
    if (!penultimate) return names.find((name) => name === 'last_hidden_state') ?? names[0] ?? '';
    const layers = names.filter((name) => /^hidden_states\.\d+$/.test(name));
    const found = layers.sort((a, b) => layer(a) - layer(b)).at(-2);
    if (found !== undefined) return found;
    throw new OnnxError(
      'ports',
      `${this.path} has no outputs hidden_states.0 to hidden_states.n, whose last but one this pipeline uses; export it with output_hidden_states.`,
    );
  }
}

function layer(name: string): number {
  return Number(name.slice('hidden_states.'.length));
}

/** The only row of a batch of one. */
function first({ dtype, shape, data }: TensorValues): TensorValues {
  return { dtype, shape: shape.slice(1), data };
}
