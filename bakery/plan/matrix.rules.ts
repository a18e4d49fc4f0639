/** Selects cells of the matrix: agents on runtimes, for platforms. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { type Platform, platforms } from '@ai-bakery/kernel/platform.ts';
import {
  type Agent,
  type Catalogue,
  lockedPlatforms,
  type Runtime,
} from '../catalogue/catalogue.rules.ts';

/** The names on the command line; an empty list selects all. */
export type Selection = {
  readonly agents: readonly string[];
  readonly runtimes: readonly string[];
  readonly platforms: readonly string[];
};

/** One image of the matrix: an agent on a runtime, for the platforms it is locked for. */
export type Cell = {
  readonly agent: Agent;
  readonly runtime: Runtime;
  readonly platforms: readonly Platform[];
};

/** A platform of an agent without a cell in the matrix, and the reason. */
export type LeftOut = {
  readonly agent: string;
  readonly platform: Platform;
  readonly reason: string;
};

export function pickPlatforms(names: readonly string[]): readonly Platform[] {
  const unknown = names.find((name) => !isPlatform(name));
  if (unknown !== undefined) {
    throw new UserError('E_UNKNOWN', `unknown platform ${JSON.stringify(unknown)}`, {
      hint: `expected one of ${platforms.join(', ')}`,
    });
  }
  return platforms.filter((platform) => names.length === 0 || names.includes(platform));
}

/**
 * The cells that a selection names, and the platforms that were left out.
 * @throws UserError E_UNKNOWN for a name that is not in the catalogue.
 */
export function select(
  { agents, runtimes }: Catalogue,
  selection: Selection,
): { readonly cells: readonly Cell[]; readonly leftOut: readonly LeftOut[] } {
  const wanted = pickPlatforms(selection.platforms);
  const chosenRuntimes = pick('runtime', runtimes, selection.runtimes);
  const chosenAgents = pick('agent', agents, selection.agents);
  return {
    cells: chosenAgents.flatMap((agent) => {
      const available = lockedPlatforms(agent).filter((platform) => wanted.includes(platform));
      return available.length === 0
        ? []
        : chosenRuntimes.map((runtime) => ({ agent, runtime, platforms: available }));
    }),
    leftOut: chosenAgents.flatMap((agent) =>
      wanted.flatMap((platform): LeftOut[] => {
        const reason = agent.platforms.includes(platform)
          ? agent.lock.missing[platform]
          : `${agent.title} does not exist for it`;
        return reason === undefined ? [] : [{ agent: agent.name, platform, reason }];
      }),
    ),
  };
}

function isPlatform(text: string): text is Platform {
  return platforms.some((platform) => platform === text);
}

function pick<T extends { readonly name: string }>(
  kind: string,
  all: readonly T[],
  names: readonly string[],
): readonly T[] {
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new UserError('E_UNKNOWN', `unknown ${kind} ${JSON.stringify(unknown)}`, {
      hint: `expected one of ${all.map(({ name }) => name).join(', ')}`,
    });
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}
