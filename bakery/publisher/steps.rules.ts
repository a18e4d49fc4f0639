import type { Need } from './need.rules.ts';

/** The steps of a publication, in their order. */
export const steps = ['stage', 'test', 'promote'] as const;

export type Step = (typeof steps)[number];

/** Whether a run with this last step takes another step. */
export function includes(until: Step, step: Step): boolean {
  return steps.indexOf(step) <= steps.indexOf(until);
}

/**
 * Why a run that begins with this step cannot take an image up: others have to do something before. Nothing where it
 * can, or where nothing is to be done.
 */
export function missingBefore(from: Step, need: Need): string | undefined {
  const first = firstStep(need);
  if (first === undefined || steps.indexOf(first) >= steps.indexOf(from)) return undefined;
  return need.step === 'test' ? `not tested on ${need.untested.join(', ')}` : 'not staged';
}

/** What a need begins with; nothing where nothing is missing. */
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
