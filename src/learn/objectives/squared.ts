import { l2 } from './distance';
import { endpoint } from './endpoint';

/** L2 in the space of the samples: ‖y_N − target‖²/dim. */
export const squared = endpoint(l2);
