import * as z from 'zod';
import { choice, meta } from './schema-key';

/** What learning makes small. */
export const objective = z
  .strictObject({
    distance: choice({ l2: 'Mean squared difference per element.' })
      .default('l2')
      .meta(meta({ text: 'How far a sample of the student is from that of the teacher.' })),
    relax_radius: z
      .union([choice({ auto: 'Chosen from the number of parameters.' }), z.number().min(0).max(1)])
      .default('auto')
      .meta(
        meta({
          text: 'How far the start noise of a training pair may move to meet its target: a ball of radius r·sigma_T·√dim. 0 keeps it fixed.',
          unit: 'share of the noise norm',
          source: 'S4S section 3.2, LD3 (arXiv 2405.15506)',
        }),
      ),
  })
  .prefault({})
  .meta(meta({ text: 'What learning makes small.' }));
