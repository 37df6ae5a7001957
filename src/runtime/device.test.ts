import { existsSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { chooseDevice } from './device';
import { probeDevice } from './probe';

vi.mock('node:fs', () => ({ existsSync: vi.fn(() => true) }));
vi.mock('./probe', () => ({ probeDevice: vi.fn() }));
const probe = vi.mocked(probeDevice);
afterEach(() => probe.mockReset());

it('asks nobody for the CPU', async () => {
  expect(await chooseDevice('cpu')).toEqual({ requested: 'cpu', used: 'cpu', reason: null });
  expect(probe).not.toHaveBeenCalled();
});

it('uses a device that was asked for if it works, however slow', async () => {
  probe.mockResolvedValue({ works: true, slowdown: 50 });
  expect(await chooseDevice('webgpu')).toEqual({ requested: 'webgpu', used: 'webgpu', reason: null });
});

it('falls back to the CPU with the reason', async () => {
  probe.mockResolvedValue({ works: false, problem: 'no adapter.' });
  expect(await chooseDevice('cuda')).toEqual({
    requested: 'cuda',
    used: 'cpu',
    reason: 'cuda does not work here: no adapter. The CPU is used.',
  });
});

it('auto takes the first device that works and is no software driver, and is silent about the others', async () => {
  probe.mockImplementation(async (device) => {
    if (device === 'webgpu') return { works: true, slowdown: 0.2 };
    return { works: false, problem: 'not there.' };
  });
  expect(await chooseDevice('auto')).toEqual({ requested: 'auto', used: 'webgpu', reason: null });
  probe.mockResolvedValue({ works: true, slowdown: 3.5 });
  expect(await chooseDevice('auto')).toEqual({ requested: 'auto', used: 'cpu', reason: null });
});

it.runIf(process.platform === 'linux')('auto probes nothing on a Linux machine without a GPU device node', async () => {
  vi.mocked(existsSync).mockReturnValue(false);
  expect(await chooseDevice('auto')).toEqual({ requested: 'auto', used: 'cpu', reason: null });
  expect(probe).not.toHaveBeenCalled();
});
