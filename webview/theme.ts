import { signal } from '@preact/signals';

/** Grows with every change of the colour theme; what draws on a canvas reads it to draw again. */
export const themeVersion = signal(0);

// The window changes the variables on <html> and the theme kind on <body>, whichever theme comes or goes.
const observer = new MutationObserver(() => {
  themeVersion.value += 1;
});
observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });

/** The colour a CSS custom property of the page has now. */
export function themeColor(name: `--${string}`): string {
  return getComputedStyle(document.body).getPropertyValue(name).trim();
}
