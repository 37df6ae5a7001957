import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { OnnxError } from '../onnx/errors';
import { readFileError } from '../onnx/file-error';
import { readJson } from '../onnx/pipeline-folder';

type Json = Readonly<Record<string, unknown>>;

/** A text as token ids of a fixed length. */
export interface Tokens {
  readonly ids: readonly number[];
  /** Tokens of the text that did not fit, without start and end. */
  readonly dropped: number;
}

/** What diffusers asks for when tokenizer_config.json gives no usable length. */
const clipLength = 77;

/**
 * The tokenizer of a pipeline's text encoder: `tokenizer.json`, or CLIP's from `vocab.json` and `merges.txt`, with
 * `tokenizer_config.json`. Texts are cut after `model_max_length` tokens, the last of which stays the end token, and
 * filled up with the pad token, as diffusers' pipelines call it.
 */
export class ClipTokenizer {
  private constructor(
    private readonly tokenizer: Tokenizer,
    readonly length: number,
    private readonly pad: number,
  ) {}

  /** @throws OnnxError `unreadable` with a sentence that names the folder or the file */
  static async open(folder: string): Promise<ClipTokenizer> {
    const config = await readConfig(folder);
    const json = (await readJson(join(folder, 'tokenizer.json'))) ?? (await clipTokenizerJson(folder, config));
    let tokenizer: Tokenizer;
    try {
      tokenizer = new Tokenizer(json, config);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new OnnxError('unreadable', `The tokenizer in ${folder} cannot be used: ${reason}.`);
    }
    const end = tokenText(config, 'eos_token', '<|endoftext|>');
    const pad = tokenizer.token_to_id(tokenText(config, 'pad_token', end));
    if (pad === undefined) {
      throw new OnnxError('unreadable', `The tokenizer in ${folder} has no id for its pad_token; correct its files.`);
    }
    // transformers writes 1e30 for "no limit".
    const stated = config['model_max_length'];
    const length = typeof stated === 'number' && stated >= 2 && stated <= 4096 ? stated : clipLength;
    return new ClipTokenizer(tokenizer, length, pad);
  }

  encode(text: string): Tokens {
    const { ids } = this.tokenizer.encode(text);
    const dropped = Math.max(0, ids.length - this.length);
    const kept = dropped === 0 ? ids : [...ids.slice(0, this.length - 1), ids.at(-1)!];
    return { ids: [...kept, ...Array<number>(this.length - kept.length).fill(this.pad)], dropped };
  }
}

/**
 * tokenizer_config.json. Older folders (without `added_tokens_decoder`) say their special tokens in a file of their own,
 * which wins in transformers: Stable Diffusion 2 is filled up with "!" for that reason.
 */
async function readConfig(folder: string): Promise<Json> {
  const config = (await readJson(join(folder, 'tokenizer_config.json'))) ?? {};
  if ('added_tokens_decoder' in config) return config;
  return { ...config, ...(await readJson(join(folder, 'special_tokens_map.json'))) };
}

/** The equivalent of transformers' CLIPTokenizer as the contents of a tokenizer.json. */
async function clipTokenizerJson(folder: string, config: Json): Promise<Json> {
  const vocab = await readJson(join(folder, 'vocab.json'));
  if (vocab === null) {
    throw new OnnxError(
      'unreadable',
      `${folder} holds neither tokenizer.json nor vocab.json; copy the tokenizer's files there.`,
    );
  }
  const [start, end] = [
    tokenText(config, 'bos_token', '<|startoftext|>'),
    tokenText(config, 'eos_token', '<|endoftext|>'),
  ];
  const unknown = tokenText(config, 'unk_token', end);
  const special = [...new Set([start, end, unknown, tokenText(config, 'pad_token', end)])];
  return {
    version: '1.0',
    added_tokens: special.map((content) => ({
      id: vocab[content],
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
          behavior: 'Removed',
          invert: true,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: 'RobertaProcessing',
      sep: [end, vocab[end]],
      cls: [start, vocab[start]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      unk_token: unknown,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: await readMerges(join(folder, 'merges.txt')),
    },
  };
}

/** One pair a line, best first, under a line with the version. */
async function readMerges(path: string): Promise<string[]> {
  try {
    const lines = (await readFile(path, 'utf8')).split(/\r?\n/);
    return lines.filter((line) => line !== '' && !line.startsWith('#version'));
  } catch (error) {
    throw readFileError(error, path);
  }
}

/** Special tokens stand there as text or as `{ content }`. */
function tokenText(config: Json, key: string, fallback: string): string {
  const value = config[key];
  if (typeof value === 'string') return value;
  const content = typeof value === 'object' && value !== null ? (value as Json)['content'] : undefined;
  return typeof content === 'string' ? content : fallback;
}
