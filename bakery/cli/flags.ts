import { UserError } from '@ai-bakery/kernel/error.ts';
import { parseReference } from '@ai-bakery/kernel/reference.ts';
import type { Selection } from '../plan/matrix.rules.ts';
import { type Step, steps } from '../publisher/steps.rules.ts';

/** What every verb gets. */
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
 * A registry as it was named, with its namespace, without a slash at the end.
 * @throws UserError E_USAGE for what is none.
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
  throw new UserError('E_USAGE', `--registry: ${JSON.stringify(text)} is no registry`, {
    hint: 'write host[:port][/namespace], like registry.example.com/ai or docker.io/acme',
  });
}

/**
 * A step of publishing as it was named.
 * @throws UserError E_USAGE for what is none.
 */
export function stepOf(option: string, text: string | undefined, otherwise: Step): Step {
  const step = text === undefined ? otherwise : steps.find((one) => one === text);
  if (step !== undefined) return step;
  throw new UserError('E_USAGE', `${option}: there is no step ${JSON.stringify(text)}`, {
    hint: `there are: ${steps.join(', ')}`,
  });
}

export function jsonOf(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** A result for machines, on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(jsonOf(value));
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
