import { stringify } from 'yaml';
import { checkSolverYaml } from './check';
import type { ResolvedConfig } from './resolved';

/** The text of config.resolved.yaml: a complete solver.yaml that needs no default and no folder to stand in. */
export function stringifyResolved(config: ResolvedConfig): string {
  return stringify(config, { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** Reads config.resolved.yaml back. Throws an Error with one sentence when the text is not one. */
export function parseResolved(text: string): ResolvedConfig {
  const { config, diagnostics } = checkSolverYaml(text, { baseDir: '/' });
  if (config !== undefined) return config;
  const first = diagnostics.find((diagnostic) => diagnostic.severity === 'error');
  throw new Error(`config.resolved.yaml is damaged: ${first?.message ?? 'it holds no configuration.'}`);
}
