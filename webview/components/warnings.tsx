import { state } from '../store';
import { Icon } from './icons';

/** Everything that did not go as asked for, in the order it happened; equal ones once. */
export function Warnings() {
  const { device, warnings, finished } = state.value;
  const fallback = device?.reason ?? null;
  const known = warnings.some(({ message }) => message === fallback);
  const shown =
    fallback === null || known ? warnings : [{ code: 'device-fallback', message: fallback, count: 1 }, ...warnings];
  const failure = finished?.status === 'failed' ? finished.message : null;
  if (shown.length === 0 && failure === null) return null;
  return (
    <ul class="warnings" data-testid="warnings" aria-label="Problems">
      {failure !== null && (
        <li class="problem-error">
          <Icon name="error" />
          <span>{failure}</span>
        </li>
      )}
      {shown.map(({ code, message, count }) => (
        <li key={`${code} ${message}`} class="problem-warning">
          <Icon name="warning" />
          <span>
            {message}
            {count > 1 && <span class="quiet"> ({count} times)</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}
