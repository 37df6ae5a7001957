import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type FrameLocator, type Locator, type Page } from '@playwright/test';
import type { Editor } from './editor';

/** The few things a person does in VS Code, by keyboard where there is a key. */
export class Workbench {
  constructor(
    readonly page: Page,
    private readonly editor: Editor,
    private readonly folder: string,
    private readonly pictures: string,
  ) {}

  async open(): Promise<void> {
    await this.page.goto(`${this.editor.url}/?folder=${encodeURIComponent(this.folder)}`);
    await this.ready();
  }

  /** Reloads the window, as after closing and opening the laptop. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.ready();
  }

  private async ready(): Promise<void> {
    await expect(this.page.locator('.monaco-workbench')).toBeVisible({ timeout: 60_000 });
    await expect(this.page.locator('.explorer-folders-view .monaco-list-row').first()).toBeVisible({ timeout: 60_000 });
  }

  async openFile(name: string): Promise<void> {
    await this.quickInput(name, name);
    await expect(this.page.locator('.tab.active', { hasText: name })).toBeVisible();
    await this.page.locator('.editor-instance .view-lines').first().click();
  }

  /** Runs a command from the palette by its full title, for example "S4S Studio: Open Panel". */
  async command(title: string): Promise<void> {
    await this.quickInput(`>${title}`, title);
  }

  /** Opens quick input, types, waits until the first row is the wanted one and takes it. */
  private async quickInput(text: string, row: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget');
    const first = widget.locator('.quick-input-list .monaco-list-row').first();
    // Right after start the list may be rebuilt while extensions are registered, hence the retries.
    await expect(async () => {
      await this.page.keyboard.press('Escape');
      await this.page.keyboard.press('F1');
      await widget.locator('.quick-input-box input').fill(text, { timeout: 5_000 });
      await expect(first).toContainText(row, { timeout: 5_000 });
    }).toPass({ timeout: 60_000 });
    await this.page.keyboard.press('Enter');
    await expect(widget).toBeHidden();
  }

  /** Replaces one whole line (counted from 1) of the active editor. */
  async replaceLine(line: number, text: string): Promise<void> {
    await this.page.locator('.editor-instance .view-lines').first().click();
    await this.page.keyboard.press('Control+G');
    await this.page.locator('.quick-input-widget .quick-input-box input').fill(`:${line}:1`);
    await this.page.keyboard.press('Enter');
    await this.page.keyboard.press('Home');
    await this.page.keyboard.press('Home');
    await this.page.keyboard.press('Shift+End');
    await this.page.keyboard.insertText(text);
  }

  async save(): Promise<void> {
    await this.page.keyboard.press('Control+S');
    await expect(this.page.locator('.tab.active.dirty')).toHaveCount(0);
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }

  /** The rows of the Problems view, which is opened if it is not. */
  async problems(): Promise<Locator> {
    const view = this.page.locator('.markers-panel');
    if (!(await view.isVisible())) await this.page.keyboard.press('Control+Shift+M');
    await expect(view).toBeVisible();
    return view.locator('.monaco-list-row');
  }

  /** Wavy underlines in the editor. */
  get squiggles(): Locator {
    return this.page.locator('.monaco-editor .squiggly-error');
  }

  /** The actions above the first line of solver.yaml. */
  get lenses(): Locator {
    return this.page.locator('.monaco-editor .codelens-decoration a');
  }

  /** The document of our panel: a webview's page lies two frames down. */
  get panel(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
  }

  /** Keeps a picture for people to look at. */
  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: join(this.pictures, `${name}.png`) });
  }
}
