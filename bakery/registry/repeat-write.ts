/** Writes to a registry, and repeats the whole write if the registry has lost a part of it. */

import { persist } from '../host/retry.ts';
import type { RetryPolicy } from '../host/retry-policy.rules.ts';
import { reasonOfWrite, refusal } from './registry-error.rules.ts';
import type { Answer } from './transport.ts';

/** @throws RegistryError for another answer than 200 or 201. */
export async function write(
  send: () => Promise<Answer>,
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<void> {
  const attempt = async (): Promise<void> => {
    const answer = await send();
    if (answer.status !== 200 && answer.status !== 201) throw refusal(answer);
  };
  await persist(attempt, { policy, signal, ofError: reasonOfWrite });
}
