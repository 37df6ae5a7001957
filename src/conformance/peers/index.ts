import type { Peers } from './peer';

/** Every published program whose settings are understood. */
export const peers: Peers = {};
