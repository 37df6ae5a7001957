import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { test as base, expect, type Page } from '@playwright/test';
import { pageHtml } from '../../src/extension/page-html';
import { parseLoggedEvent, type FromPage, type LoggedEvent, type RunInfo, type ToPage } from '../../src/protocol';
import themes from '../data/page/themes.json';

export type Theme = keyof typeof themes;

const root = join(__dirname, '..', '..');
const data = join(root, 'test', 'data', 'page');

/** A whole run of two solvers, as a job of version 1 wrote it. */
export const events = logOf('events.jsonl');

/** The same from three draws of training noises, with the teacher's own error, and too few noises at the end. */
export const seedEvents = logOf('seeds.jsonl');

function logOf(name: string): readonly LoggedEvent[] {
  const lines = readFileSync(join(data, 'run', name), 'utf8').split('\n');
  return lines.flatMap((line) => parseLoggedEvent(line) ?? []);
}

export const run: RunInfo = {
  runDir: '/demo/digits/runs/digits-20261123-1815',
  configPath: '/demo/digits/solver.yaml',
  task: 'learn',
  state: 'running',
  resumable: false,
  pid: 4711,
  message: '',
};

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.png': 'image/png',
};

/** Plays the extension's part: serves the built page under its real policy and speaks its protocol. */
export class FakeWindow {
  private readonly problems: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly server: Server,
    private readonly origin: string,
  ) {}

  static async open(page: Page): Promise<FakeWindow> {
    let origin = '';
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', origin).pathname;
      if (path === '/') {
        response.setHeader('content-type', 'text/html');
        const asset = (name: string): string => `${origin}/dist/${name}`;
        const parts = {
          cspSource: origin,
          nonce: 'bm9uY2U=',
          script: asset('webview.js'),
          style: asset('webview.css'),
        };
        response.end(pageHtml(parts));
        return;
      }
      if (path === '/favicon.ico') {
        response.writeHead(204).end();
        return;
      }
      const file = path.startsWith('/run/') ? join(data, path) : join(root, path);
      try {
        const body = readFileSync(file);
        response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
        response.end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

    const window = new FakeWindow(page, server, origin);
    page.on('pageerror', (error) => window.problems.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') window.problems.push(`${message.text()} ${message.location().url}`);
    });
    await page.addInitScript(() => {
      const sent: unknown[] = [];
      Object.assign(globalThis, {
        sent,
        acquireVsCodeApi: () => ({
          postMessage: (message: unknown) => sent.push(message),
          getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') as unknown,
          setState: (state: unknown) => sessionStorage.setItem('state', JSON.stringify(state)),
        }),
      });
    });
    return window;
  }

  /** Loads the page in a theme and waits until it asks for its run. */
  async load(theme: Theme = 'dark'): Promise<void> {
    await this.page.goto(`${this.origin}/`);
    await this.setTheme(theme);
    await expect.poll(() => this.sent()).toContainEqual({ kind: 'ready' });
  }

  /** What VS Code does when the theme changes: variables on <html>, the kind on <body>. */
  async setTheme(theme: Theme): Promise<void> {
    await this.page.evaluate(({ kind, colors }) => {
      const { style } = document.documentElement;
      style.cssText = '';
      for (const [name, color] of Object.entries(colors)) style.setProperty(`--vscode-${name}`, color);
      style.setProperty('--vscode-font-family', 'system-ui, "Ubuntu", "Droid Sans", sans-serif');
      style.setProperty('--vscode-font-size', '13px');
      style.setProperty('--vscode-editor-font-family', '"Droid Sans Mono", monospace');
      document.body.className = kind;
    }, themes[theme]);
  }

  async post(message: ToPage): Promise<void> {
    await this.page.evaluate((data) => window.postMessage(data), message);
  }

  async hydrate(shown: readonly LoggedEvent[], change: Partial<RunInfo> = {}): Promise<void> {
    await this.post({ kind: 'hydrate', run: { ...run, ...change }, runBase: `${this.origin}/run`, events: shown });
  }

  sent(): Promise<FromPage[]> {
    return this.page.evaluate(() => (globalThis as unknown as { sent: FromPage[] }).sent);
  }

  /** Closes everything and says what went wrong in the page, policy violations included. */
  async close(): Promise<readonly string[]> {
    await this.page.close();
    const closed = new Promise((resolve) => this.server.close(resolve));
    // A picture that was still loading would hold its connection open.
    this.server.closeAllConnections();
    await closed;
    return this.problems;
  }
}

/** A test with a fake window; it fails when the page logged an error or broke its policy, whatever else it checked. */
export const test = base.extend<{ window: FakeWindow }>({
  window: async ({ page }, use) => {
    const window = await FakeWindow.open(page);
    await use(window);
    expect(await window.close(), 'errors in the page').toEqual([]);
  },
});

export { expect } from '@playwright/test';
