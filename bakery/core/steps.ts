import type { Need } from './publish.ts';

/** The steps of a publication, in their order. */
export const steps = ['stage', 'test', 'promote'] as const;
export type Step = (typeof steps)[number];

/** What a need begins with; nothing where nothing is missing. */
const firstStep = ({ step }: Need): Step | undefined => {
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
};

/**
 * Why a run that begins with this step cannot take an image up: others have to do something before. Nothing where it
 * can, or where nothing is to be done.
 */
export const missingBefore = (from: Step, need: Need): string | undefined => {
  const first = firstStep(need);
  if (first === undefined || steps.indexOf(first) >= steps.indexOf(from)) return undefined;
  return need.step === 'test' ? `not tested on ${need.untested.join(', ')}` : 'not staged';
};
