/** Files that tests read as they are, through Vite: the page's code has no Node to read them with. */
declare module '*?raw' {
  const text: string;
  export default text;
}
