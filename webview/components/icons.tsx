const paths = {
  play: 'M4.5 2.8v10.4L13 8z',
  stop: 'M4 4h8v8H4z',
  resume: 'M3.5 3h1.8v10H3.5zM7 3v10l7-5z',
  report: 'M3 2h7l3 3v9H3zm1.2 1.2v9.6h7.6V5.8H9.2V3.2zM5.5 8h5v1.1h-5zm0 2.2h5v1.1h-5z',
  log: 'M2.5 4h11v1.2h-11zm0 3.4h11v1.2h-11zm0 3.4h7V12h-7z',
  warning: 'M8 1.8 15 14H1zm-.7 4.4v4h1.4v-4zm0 5v1.4h1.4v-1.4z',
  check: 'm3 8.4 1-1 2.6 2.5L12 4l1 1-6.4 7z',
  error:
    'M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM5.6 4.7l-.9.9L7.1 8l-2.4 2.4.9.9L8 8.9l2.4 2.4.9-.9L8.9 8l2.4-2.4-.9-.9L8 7.1z',
  pause: 'M4.2 3h2.4v10H4.2zm5.2 0h2.4v10H9.4z',
  running: 'M8 2a6 6 0 1 1-5.6 3.9l1.2.4A4.7 4.7 0 1 0 8 3.3z',
} as const;

export type IconName = keyof typeof paths;

/** Pictures beside words, never instead of them: hidden from screen readers. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={paths[name]} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}
