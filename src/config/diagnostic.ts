/** Stable codes; docs/config.md explains each. */
export type DiagnosticCode = keyof typeof diagnosticCodes;

export const diagnosticCodes = {
  'yaml-syntax': 'The text is not valid YAML here. The rest of the file is still checked.',
  'duplicate-key': 'A key is given twice; the first one counts.',
  'too-many-aliases': 'Anchors and aliases expand to more than the file may hold. Write the values out.',
  'file-too-large': 'The file is larger than 256 kB or nested deeper than 32 levels, so it is not read.',
  'unknown-key': 'This key does not exist here. The quick fix takes the nearest known key.',
  'missing-key': 'A key without a default is missing.',
  'wrong-type': 'The value has another type than the key takes.',
  'out-of-range': 'The number, or the length of the list, lies outside the range of the key.',
  'unknown-value': 'The value is not one of those the key takes.',
  conflict: 'Two values cannot be used together.',
  'list-order': 'The list is not ascending, or an entry is there twice. It is used sorted.',
  'unused-key': 'The key has no effect with the other values.',
  'model-missing': 'There is no model file or folder at this path.',
  'model-unreadable':
    'The model file is torn, is not ONNX, or cannot be read; or the folder is not a diffusers-style ONNX folder.',
  'model-input': 'The inputs of the model do not fit sample_shape, conditioning or inputs.',
  'model-scheduler':
    'The noise schedule or the prediction type is not that of the scheduler_config.json in the model folder.',
  'model-output': 'The output of the model does not fit sample_shape.',
  'tensor-file': 'A tensor file cannot be read, or its shape does not fit the input or the other tensor files.',
  'file-missing': 'A file that this file names does not exist.',
} as const;

/** A range of the text, in UTF-16 offsets; `end` is exclusive. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** One change of the text that removes the problem. */
export interface Fix extends TextRange {
  readonly title: string;
  readonly newText: string;
}

export interface Diagnostic extends TextRange {
  readonly code: DiagnosticCode;
  readonly severity: 'error' | 'warning';
  /** One sentence for a person: what is wrong, where and what to do. */
  readonly message: string;
  /** The other places of the text that take part. */
  readonly related?: readonly (TextRange & { readonly message: string })[];
  readonly fix?: Fix;
}
