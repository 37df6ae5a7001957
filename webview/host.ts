import type { FromPage, ToPage } from '../src/protocol/page';

/** Kept by the window across hiding and reloading. The first two fields are what the window finds the run again by. */
export interface SavedState {
  readonly version: 1;
  readonly runDir: string | null;
  readonly configPath: string | null;
  readonly nfe: number | null;
  readonly scroll: number;
}

interface VsCodeApi {
  postMessage(message: FromPage): void;
  getState(): unknown;
  setState(state: SavedState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();
const nothing: SavedState = { version: 1, runDir: null, configPath: null, nfe: null, scroll: 0 };

export function send(kind: FromPage['kind']): void {
  api.postMessage({ kind });
}

export function listen(receive: (message: ToPage) => void): void {
  window.addEventListener('message', (event: MessageEvent<ToPage>) => receive(event.data));
}

/** What was kept, field by field: another version of this page may have written it. */
export function saved(): SavedState {
  const { version, runDir, configPath, nfe, scroll } = (api.getState() ?? {}) as Partial<
    Record<keyof SavedState, unknown>
  >;
  if (version !== 1) return nothing;
  return {
    version,
    runDir: typeof runDir === 'string' ? runDir : null,
    configPath: typeof configPath === 'string' ? configPath : null,
    nfe: typeof nfe === 'number' ? nfe : null,
    scroll: typeof scroll === 'number' ? scroll : 0,
  };
}

export function save(change: Partial<Omit<SavedState, 'version'>>): void {
  api.setState({ ...saved(), ...change });
}
