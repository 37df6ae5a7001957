import { readModelHeader } from './header';
import { openPipelineFolder } from './pipeline-folder';
import { readSkeleton } from './skeleton';

/** How an editor reads a model: ports and places only, never the weights. */
export const modelReader = { read: readSkeleton, parse: readModelHeader, openFolder: openPipelineFolder };
