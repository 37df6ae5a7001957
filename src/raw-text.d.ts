/** Files that ship as they are: vitest and esbuild (tools/build.mjs) both give their text. */
declare module '*.py?raw' {
  const text: string;
  export default text;
}
