/** A part of a session: its mounts, variables and notes, and its end. */

import type { Mount } from '@ai-bakery/kernel/policy.ts';

/**
 * The additions of one concern (the workspace, the home, the repository, …) to the container, and the action after the
 * container's end. Parts do not know each other.
 */
export type Part = {
  readonly mounts?: readonly Mount[];
  /** Variables that are visible to everybody; never secrets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Secret variables: their values are in the environment of the docker process only. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Lines for the user before the start. */
  readonly notes?: readonly string[];
  /** Runs after the container's end, also after a failure; returns lines for the user. */
  readonly finish?: () => Promise<readonly string[]>;
};
