/** The names that completion offers for ai-run: agents, runtimes, sessions and kept commits of this machine. */

import type { LookUp } from '@ai-bakery/kernel/command-completion.ts';

export type Sources = {
  /** Images of the engine. */
  readonly images: () => Promise<readonly { readonly agent: string; readonly tag: string }[]>;
  /** Names of running sessions. */
  readonly sessions: () => Promise<readonly string[]>;
  /** Names of sessions whose commits are kept. */
  readonly commits: () => Promise<readonly string[]>;
};

/** Only the source in question is read. */
export function lookUp({ images, sessions, commits }: Sources): LookUp {
  return async (source, [agent]) => {
    switch (source) {
      case 'agents':
        return (await images()).map((image) => image.agent);
      case 'runtimes': {
        const all = await images();
        const own = all.filter((image) => image.agent === agent);
        return (own.length > 0 ? own : all).map(({ tag }) => tag);
      }
      case 'sessions':
        return sessions();
      case 'commits':
        return commits();
      case 'files':
      case 'layers':
        return [];
    }
  };
}
