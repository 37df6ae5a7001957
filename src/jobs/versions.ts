import { version } from '../../package.json';
import { runtimeVersion } from '../runtime/session';

/** Versions that a learned table may depend on. */
export function softwareVersions(): Record<string, string> {
  return { 's4s-studio': version, 'onnxruntime-node': runtimeVersion(), node: process.versions.node };
}
