import type { LoggedEvent } from './events';
import type { RunInfo } from './server';

/** Extension → page. */
export type ToPage =
  | {
      /** Answer to `ready`, and again whenever another run is shown: everything needed to draw. */
      readonly kind: 'hydrate';
      readonly run: RunInfo | null;
      /** Base URI (webview scheme) of the run folder; preview files are relative to it. */
      readonly runBase: string;
      readonly events: readonly LoggedEvent[];
    }
  | { readonly kind: 'event'; readonly event: LoggedEvent }
  | { readonly kind: 'run'; readonly run: RunInfo };

/** Page → extension. The page is untrusted: `isFromPage` is checked first. */
export type FromPage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'learn' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'show-log' }
  | { readonly kind: 'open-report' };

const fromPageKinds: ReadonlySet<string> = new Set<FromPage['kind']>([
  'ready',
  'learn',
  'stop',
  'resume',
  'show-log',
  'open-report',
]);

export function isFromPage(value: unknown): value is FromPage {
  const kind = (value as { kind?: unknown } | null)?.kind;
  return typeof kind === 'string' && fromPageKinds.has(kind);
}
