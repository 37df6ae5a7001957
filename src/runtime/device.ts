import { existsSync } from 'node:fs';
import { probeDevice } from './probe';
import type { Device } from './device-name';

export interface ChosenDevice {
  readonly requested: Device;
  readonly used: Exclude<Device, 'auto'>;
  /** Why another device than the one asked for is used; null when nothing needs saying. */
  readonly reason: string | null;
}

/** A device that is this much slower than the CPU is a software driver: `auto` leaves it alone. */
const softwareFactor = 3;

/**
 * Picks an execution provider by running a small network on it and comparing with the CPU; names alone say nothing.
 * A device that was asked for and does not work falls back to the CPU with the reason.
 */
export async function chooseDevice(requested: Device): Promise<ChosenDevice> {
  if (requested === 'cpu') return { requested, used: 'cpu', reason: null };
  if (requested !== 'auto') {
    const probe = await probeDevice(requested);
    if (probe.works) return { requested, used: requested, reason: null };
    return { requested, used: 'cpu', reason: `${requested} does not work here: ${probe.problem} The CPU is used.` };
  }
  for (const candidate of hasGpu() ? candidates(process.platform) : []) {
    const probe = await probeDevice(candidate);
    if (probe.works && probe.slowdown < softwareFactor) return { requested, used: candidate, reason: null };
  }
  return { requested, used: 'cpu', reason: null };
}

/** On Linux a GPU has a device node; without one, probing would only make drivers complain on stderr. */
function hasGpu(): boolean {
  return process.platform !== 'linux' || ['/dev/dri', '/dev/nvidia0', '/dev/dxg'].some((node) => existsSync(node));
}

/** Devices `auto` tries, fastest first. */
function candidates(platform: NodeJS.Platform): Exclude<Device, 'auto' | 'cpu'>[] {
  switch (platform) {
    case 'win32':
      return ['cuda', 'dml', 'webgpu'];
    case 'darwin':
      return ['coreml', 'webgpu'];
    default:
      return ['cuda', 'webgpu'];
  }
}
