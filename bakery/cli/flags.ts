/** Flags that verbs share: the selection of images, registries, steps; and printing of results. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { parseReference } from '@ai-bakery/kernel/reference.ts';
import type { Selection } from '../plan/matrix.rules.ts';
import { type Step, steps } from '../publisher/steps.rules.ts';

/** Passed to every verb. */
export type CommonFlags = { readonly root: string | undefined; readonly signal: AbortSignal };

export type SelectionFlags = {
  readonly agents: string[];
  readonly runtime?: string[];
  readonly platform?: string[];
  readonly json?: boolean;
};

export function selectionOf({ agents, runtime = [], platform = [] }: SelectionFlags): Selection {
  return {
    agents,
    runtimes: runtime,
    platforms: platform,
  };
}

/**
 * A registry with its namespace, without a slash at the end.
 * @throws UserError E_USAGE for an invalid name.
 */
export function registryOf(text: string): string {
  const registry = text.replace(/\/+$/, '');
  const isRegistry = ((): boolean => {
    try {
      const { registry: host, tag, digest } = parseReference(`${registry}/ai-x`);
      return host !== undefined && tag === undefined && digest === undefined;
    } catch {
      return false;
    }
  })();
  if (isRegistry) return registry;
  throw new UserError('E_USAGE', `--registry: ${JSON.stringify(text)} is not a registry`, {
    hint: 'write host[:port][/namespace], like registry.example.com/ai or docker.io/acme',
  });
}

/** A step of publishing, as the table of commands has checked it. */
export function stepOf(text: string | undefined, otherwise: Step): Step {
  return steps.find((one) => one === text) ?? otherwise;
}

export function jsonOf(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Prints a result as JSON on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(jsonOf(value));
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
