export interface PageParts {
  /** `webview.cspSource`: where the window serves files of this panel from. */
  readonly cspSource: string;
  /** Fresh random base64 for every page. */
  readonly nonce: string;
  readonly script: string;
  readonly style: string;
}

/**
 * The whole document of the panel. Nothing may load but our one script (by nonce), our one stylesheet, and images from the
 * extension and the run folder; nothing may connect, frame, embed or submit anywhere.
 */
export function pageHtml({ cspSource, nonce, script, style }: PageParts): string {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${cspSource}; img-src ${cspSource}`;
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>S4S Studio</title>
    <link rel="stylesheet" href="${style}">
  </head>
  <body>
    <div id="root"></div>
    <script nonce="${nonce}" src="${script}"></script>
  </body>
</html>
`;
}
