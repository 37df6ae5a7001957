import tseslint from 'typescript-eslint';
import importX from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';

/**
 * The room table of ARCHITECTURE.md: what each folder under src/ (and the page) may import.
 * "types" rooms may be imported with `import type` only.
 */
const rooms = {
  protocol: { may: [] },
  config: { may: ['protocol'] },
  diffusion: { may: [] },
  solvers: { may: ['diffusion'] },
  conformance: { may: ['diffusion', 'solvers', 'learn'] },
  onnx: { may: [] },
  runtime: { may: ['onnx', 'diffusion'], types: ['solvers', 'protocol'] },
  metrics: { may: [], types: ['runtime'] },
  learn: { may: ['diffusion', 'solvers', 'metrics'] },
  export: { may: ['diffusion', 'solvers', 'onnx'] },
  jobs: {
    may: ['protocol', 'config', 'diffusion', 'solvers', 'onnx', 'runtime', 'learn', 'metrics', 'export'],
  },
  backend: { may: ['protocol', 'config', 'onnx'], types: ['jobs'] },
  cli: { may: ['protocol', 'config', 'onnx', 'export', 'jobs', 'conformance'] },
  extension: { may: ['protocol'] },
};

/** Packages that only some rooms may load. */
const packageRooms = {
  'onnxruntime-node': ['runtime'],
  vscode: ['extension'],
  'vscode-languageclient': ['extension'],
  'vscode-languageserver': ['backend'],
  '@bufbuild/protobuf': ['onnx'],
  '@huggingface/tokenizers': ['runtime'],
  zod: ['config', 'conformance'],
  yaml: ['config'],
  preact: [],
};

function roomRules(room) {
  const { may, types = [] } = rooms[room];
  const group = Object.keys(rooms)
    .filter((other) => other !== room && !may.includes(other))
    .map((other) => ({
      regex: `^(?:\\.\\./)+${other}(?:/|$)`,
      allowTypeImports: types.includes(other),
      message: `src/${room} must not import src/${other} (see ARCHITECTURE.md).`,
    }));
  const packages = Object.entries(packageRooms)
    .filter(([, allowed]) => !allowed.includes(room))
    .map(([name]) => ({ group: [name, `${name}/*`], message: `src/${room} must not import ${name}.` }));
  return {
    files: [`src/${room}/**/*.ts`],
    ignores: ['**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [...group, ...packages] }],
    },
  };
}

export default tseslint.config(
  {
    ignores: ['node_modules/', 'dist/', 'out/', '.s4s/', '.cache/', 'test-results/', 'src/onnx/generated/'],
  },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'webview/**/*.{ts,tsx}'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
    },
  },
  ...Object.keys(rooms).map(roomRules),
  {
    files: ['webview/**/*.{ts,tsx}'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^node:', message: 'The page has no Node.' },
            { regex: '/src/(?!protocol)', message: 'The page may import only src/protocol.' },
          ],
        },
      ],
    },
  },
);
