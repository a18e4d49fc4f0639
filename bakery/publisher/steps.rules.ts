/** The steps of a publication, and the step that an image needs first. */

import type { Need } from './need.rules.ts';

/** The steps of a publication, in their order. */
export const steps = ['stage', 'test', 'promote'] as const;

export type Step = (typeof steps)[number];

/** Whether a run with this last step takes another step. */
export function includes(until: Step, step: Step): boolean {
  return steps.indexOf(step) <= steps.indexOf(until);
}

/**
 * The reason why a run that begins with this step cannot take up an image: an earlier step is missing. Returns undefined if
 * it can, or if the image is up to date.
 */
export function missingBefore(from: Step, need: Need): string | undefined {
  const first = firstStep(need);
  if (first === undefined || steps.indexOf(first) >= steps.indexOf(from)) return undefined;
  return need.step === 'test' ? `not tested on ${need.untested.join(', ')}` : 'not staged';
}

/** The first step of a need; undefined if nothing is missing. */
function firstStep({ step }: Need): Step | undefined {
  switch (step) {
    case 'build':
      return 'stage';
    case 'nothing':
      return undefined;
    case 'test':
      return 'test';
    case 'promote':
    case 'sign':
      return 'promote';
  }
}
