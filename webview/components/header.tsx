import type { RunState } from '../../src/protocol/server';
import { formatEta, isActive, percent, phaseNames, stateNames } from '../../src/protocol/wording';
import { send } from '../host';
import { runState, type PageState } from '../state';
import { state } from '../store';
import { Icon, type IconName } from './icons';

const stateIcons: Readonly<Record<RunState, IconName>> = {
  running: 'running',
  stopping: 'running',
  done: 'check',
  cancelled: 'pause',
  failed: 'error',
  crashed: 'error',
  interrupted: 'pause',
};

/** What is running, how far it is, and what can be done about it. */
export function Header() {
  const page = state.value;
  const current = runState(page) ?? 'interrupted';
  const { started } = page;
  return (
    <header>
      <div class="title-line">
        <div class="title">
          <h1>{started?.name ?? 'Run'}</h1>
          {started !== null && <p class="quiet">{subtitle(page)}</p>}
        </div>
        <div class="chips">
          <span class={`chip state-${current}`}>
            <Icon name={stateIcons[current]} />
            {stateNames[current]}
          </span>
          <DeviceChip page={page} />
        </div>
        <Actions current={current} resumable={page.run?.resumable === true} hasReport={page.finished?.report != null} />
      </div>
      <Progress page={page} current={current} />
    </header>
  );
}

function subtitle({ started }: PageState): string {
  if (started === null) return '';
  const nfes = new Intl.ListFormat('en').format(started.nfes.map(String));
  const what = started.task === 'preview' ? 'Samples' : `Method ${started.method}`;
  const seeds = started.seeds > 1 ? ` · ${started.seeds} seeds` : '';
  return `${what} at ${nfes} evaluations${seeds} · teacher ${started.teacher}`;
}

function DeviceChip({ page: { device } }: { readonly page: PageState }) {
  if (device === null) return null;
  const fellBack = device.reason !== null;
  return (
    <span class={fellBack ? 'chip chip-warning' : 'chip'} data-testid="device" title={device.reason ?? undefined}>
      {fellBack && <Icon name="warning" />}
      {fellBack ? `${device.used} instead of ${device.requested}` : device.used}
    </span>
  );
}

interface ActionsProps {
  readonly current: RunState;
  readonly resumable: boolean;
  readonly hasReport: boolean;
}

function Actions({ current, resumable, hasReport }: ActionsProps) {
  return (
    <div class="actions">
      {isActive(current) ? (
        <button class="primary" data-testid="stop" disabled={current === 'stopping'} onClick={() => send('stop')}>
          <Icon name="stop" />
          Stop
        </button>
      ) : (
        <>
          {resumable && (
            <button class="primary" data-testid="resume" onClick={() => send('resume')}>
              <Icon name="resume" />
              Resume
            </button>
          )}
          <button class={resumable ? '' : 'primary'} data-testid="learn" onClick={() => send('learn')}>
            <Icon name="play" />
            Learn Again
          </button>
        </>
      )}
      {hasReport && (
        <button data-testid="report" onClick={() => send('open-report')}>
          <Icon name="report" />
          Open Report
        </button>
      )}
      <button data-testid="log" onClick={() => send('show-log')}>
        <Icon name="log" />
        Show Log
      </button>
    </div>
  );
}

function Progress({ page, current }: { readonly page: PageState; readonly current: RunState }) {
  const { progress } = page;
  const active = isActive(current);
  const fraction = current === 'done' ? 1 : (progress?.fraction ?? 0);
  const phase = progress === null ? 'starting' : phaseNames[progress.phase];
  const of = progress?.nfe == null ? '' : ` ${progress.nfe} NFE`;
  const doing = active ? phase + of : stateNames[current];
  const eta = active && progress?.etaMs != null ? formatEta(progress.etaMs) : null;
  return (
    <div class={active ? 'progress active' : 'progress'}>
      <progress data-testid="progress" max={1} value={fraction} aria-label="Progress of the run" />
      <div class="progress-line">
        <span>
          <strong data-testid="phase">{doing}</strong>
          <span class="quiet"> {active ? progress?.message : endMessage(page)}</span>
        </span>
        {active && (
          <span class="eta" data-testid="eta">
            {[`${percent(fraction)} %`, ...(eta === null ? [] : [eta])].join(' · ')}
          </span>
        )}
      </div>
      {/* Spoken when the phase changes and every ten percent, not ten times a second. */}
      <p class="visually-hidden" aria-live="polite">
        {active ? `${doing}, ${Math.floor(percent(fraction) / 10) * 10} percent` : `${doing}. ${endMessage(page)}`}
      </p>
    </div>
  );
}

function endMessage({ run, finished }: PageState): string {
  return finished?.message ?? run?.message ?? '';
}
