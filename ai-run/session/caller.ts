/** The caller of a session: the policy without any flag, and the terminal to ask on. */

import { availableParallelism } from 'node:os';
import { harden, type Policy } from '@ai-bakery/kernel/policy.ts';
import { type Ask, askTerminal } from '../host/ask.ts';

export type Caller = {
  /** The policy without any flag. */
  readonly usual: Policy;
  /** Undefined without a terminal. */
  readonly ask: Ask | undefined;
};

export function findCaller(): Caller {
  const usual = harden({
    user: { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 },
    limits: { cpus: Math.min(2, availableParallelism()) },
  });
  return { usual, ask: askTerminal() };
}
