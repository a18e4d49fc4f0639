/** The `ci` section of bakery.yaml. */

import { z } from 'zod';
import { platforms } from '@ai-bakery/kernel/platform.ts';

const Text = z.string().min(1);

const Tags = z.array(Text).min(1);

/** The runners, images and variables of the jobs in a generated pipeline. */
export const CiSettings = z.strictObject({
  /** Container image of the jobs, for runners with the docker executor; it needs Node, git, docker and buildx. */
  image: Text.optional(),
  /** Containers beside the jobs, like docker's own for docker in docker. */
  services: z
    .array(
      z.strictObject({ name: Text, alias: Text.optional(), command: z.array(Text).optional() }),
    )
    .optional(),
  /** Tags of the runners that take the jobs. */
  tags: Tags.optional(),
  /** By platform, tags of the runners that execute it natively: its tests go there instead. */
  native: z.partialRecord(z.enum(platforms), Tags).optional(),
  /** Variables of all jobs. */
  variables: z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string()).optional(),
  /** Lines of shell that every job starts with. */
  before: z.array(Text).optional(),
  /** The command by which jobs call the bakery (default: `npx bakery`). */
  command: Text.optional(),
});

export type CiSettings = z.infer<typeof CiSettings>;
