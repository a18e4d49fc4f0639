/** The verb `update`: moves locks forward, one after the other. */

import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import { type Checkout, openCheckout } from '../catalogue/checkout.ts';
import type { Agent } from '../catalogue/catalogue.rules.ts';
import type { Update } from '../update/candidates.rules.ts';
import { openDisplay } from '../host/display.ts';
import { writeAtomic } from '../host/write.ts';
import { paint } from '../host/format.ts';
import { updateDownload } from '../update/download.ts';
import { updateNpm } from '../update/npm.ts';
import { updatePypi } from '../update/pypi.ts';
import { updateUpstreams } from '../update/upstreams.ts';
import { type CommonFlags, print, printJson } from './flags.ts';
import type { VerbFlags } from './verb-flags.rules.ts';
import { openMachine } from './machine.ts';

/** Writes each lock as soon as it is known, so that an interruption keeps it. */
export async function update(
  flags: CommonFlags & VerbFlags<'update'> & { agents: string[] },
): Promise<number> {
  const { checkout, registry } = await openMachine(flags, 'accept');
  if (checkout.own !== checkout.root && flags.check !== true) {
    throw new UserError('E_NO_CHECKOUT', `${checkout.root}: an installed package keeps its locks`, {
      hint: 'run bakery update in a checkout, or with --check',
    });
  }
  const { agents } = checkout.catalogue;
  const unknown = flags.agents.find((name) => !agents.some((agent) => agent.name === name));
  if (unknown !== undefined) {
    throw new UserError('E_UNKNOWN', `unknown agent ${JSON.stringify(unknown)}`, {
      hint: `expected ${agents.map(({ name }) => name).join(', ')}`,
    });
  }
  const display = openDisplay(flags.json === true ? 'none' : 'auto');
  const updates: Update[] = [];
  const settle = async (one: Update): Promise<void> => {
    updates.push(one);
    if (flags.check !== true) {
      for (const [file, text] of Object.entries(one.files))
        await writeAtomic(join(checkout.root, file), text);
    }
    if (flags.json !== true) print(describe(one));
  };
  try {
    if (flags.upstreams === true || flags.agents.length === 0) {
      for (const one of await updateUpstreams(checkout, registry, flags.signal)) await settle(one);
    }
    // Agents resolve inside the new upstream images.
    const current = flags.check === true ? checkout : await openCheckout(flags.root, 'accept');
    const chosen =
      flags.upstreams === true
        ? []
        : agents.filter(({ name }) => flags.agents.length === 0 || flags.agents.includes(name));
    for (const agent of chosen) {
      display.start(`update ${agent.name}`);
      const result = await attempt(current, agent, flags.signal);
      display.end(`update ${agent.name}`, result.error === undefined ? 'done' : 'failed', '');
      await settle(result);
    }
  } finally {
    display.close();
  }
  if (flags.json === true)
    printJson(updates.map((one) => ({ ...one, files: Object.keys(one.files) })));
  return updates.every(({ error }) => error === undefined) ? 0 : 1;
}

function describe({ name, from, to, skipped, missing, error }: Update): string {
  const head =
    error === undefined
      ? from === to
        ? `${name} ${short(from)}`
        : `${paint('green', name)} ${short(from)} → ${short(to)}`
      : `${paint('red', name)} ${short(from)}: ${error}`;
  return [
    head,
    ...skipped.map(({ version, reason }) => `  skipped ${version}: ${reason}`),
    ...Object.entries(missing).map(
      ([platform, reason]) => `  not locked for ${platform}: ${reason}`,
    ),
  ].join('\n');
}

/** Reports an agent's error in its own entry, and goes on with the others. */
async function attempt(checkout: Checkout, agent: Agent, signal: AbortSignal): Promise<Update> {
  try {
    return await updateAgent(checkout, agent, signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof UserError)) throw error;
    const { lock, name } = agent;
    return {
      name,
      from: lock.version,
      to: lock.version,
      skipped: [],
      missing: lock.missing,
      files: {},
      error: redacted(error.message).split('\n').slice(0, 3).join(' '),
    };
  }
}

function short(version: string | undefined): string {
  return version === undefined
    ? '(none)'
    : version.startsWith('sha256:')
      ? version.slice(0, 19)
      : version;
}

function updateAgent(checkout: Checkout, agent: Agent, signal: AbortSignal): Promise<Update> {
  switch (agent.install.kind) {
    case 'npm':
      return updateNpm(agent, signal);
    case 'pypi':
      return updatePypi(checkout, agent, signal);
    case 'download':
      return updateDownload(agent, signal);
  }
}
