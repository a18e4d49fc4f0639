/** The verb `doctor`: checks what a build needs on this machine, with a remedy for each fault. */

import { statfs } from 'node:fs/promises';
import { UserError } from '@ai-bakery/kernel/error.ts';
import type { ErrorCode } from '@ai-bakery/kernel/error-codes.ts';
import { platforms } from '@ai-bakery/kernel/platform.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { inspectInstance, isEngine } from '../builder/instance.ts';
import { buildInputs, type Checkout } from '../catalogue/checkout.ts';
import { upstreamsOf } from '../templates/dockerfile.rules.ts';
import { mirrored } from '../catalogue/settings.rules.ts';
import { openEngine } from '../engine/engine.ts';
import { capture } from '../host/exec.ts';
import { paint, table } from '../host/format.ts';
import { type CommonFlags, print, printJson } from './flags.ts';
import { type Machine, openMachine } from './machine.ts';

type Finding = {
  readonly what: string;
  readonly status: 'ok' | 'warning' | 'error';
  readonly found: string;
  /** The code of the error that the check met. */
  readonly code?: ErrorCode;
  readonly hint?: string;
};

export async function doctor(flags: CommonFlags & { json?: boolean }): Promise<number> {
  const { signal } = flags;
  const machine = await openMachine(flags);
  const { checkout } = machine;
  const findings = [
    node(),
    await look('engine', engine),
    await look('builder', () => builder(signal)),
    await look('smoke tests', () => emulation(signal)),
    await look('settings', () =>
      ok(
        'settings',
        Object.keys(buildInputs(checkout).secrets).join(', ') || 'no extra files for build steps',
      ),
    ),
    await look('upstream images', () => upstream(machine)),
    await look('disk', () => disk(checkout)),
  ];
  if (flags.json === true) printJson(findings);
  else {
    const colors = { ok: 'green', warning: 'yellow', error: 'red' } as const;
    print(
      table(
        ['WHAT', 'STATUS', 'FOUND'],
        findings.map(({ what, status, found }) => [
          what,
          paint(colors[status], status),
          found.split('\n')[0] ?? '',
        ]),
      ),
    );
    for (const { what, hint } of findings) if (hint !== undefined) print(`${what}: ${hint}`);
  }
  return findings.some(({ status }) => status === 'error') ? 1 : 0;
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18)
    ? ok('Node', process.versions.node)
    : {
        what: 'Node',
        status: 'error',
        found: process.versions.node,
        hint: 'install Node 22.18 or newer',
      };
}

/** Returns an error of the check as its finding. */
async function look(what: string, finding: () => Promise<Finding> | Finding): Promise<Finding> {
  try {
    return await finding();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {
      what,
      status: 'error',
      found: error.message,
      code: error.code,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
}

async function engine(): Promise<Finding> {
  const { version, cpus, containerdStore } = await openEngine();
  return containerdStore
    ? ok('engine', `${version}, ${cpus} CPUs, containerd image store`)
    : {
        what: 'engine',
        status: 'error',
        found: `${version} without the containerd image store`,
        hint: 'set {"features":{"containerd-snapshotter":true}} in its daemon.json',
      };
}

async function builder(signal: AbortSignal): Promise<Finding> {
  const found = await inspectInstance(signal);
  const { name, buildx, driver } = found;
  const how = isEngine(found) ? '' : ': pushes by digest, and hands images over to the engine';
  return ok('builder', printable(`buildx ${buildx}, ${name}, driver ${driver}${how}`));
}

async function emulation(signal: AbortSignal): Promise<Finding> {
  const used = await inspectInstance(signal);
  // Tests run in the engine, even if another instance builds. The engine's own instance has the name of docker's context.
  const { platforms: executable } = isEngine(used)
    ? used
    : await inspectInstance(
        signal,
        (await capture({ file: 'docker', args: ['context', 'show'] }, { signal })).trim(),
      );
  const missing = platforms.filter((platform) => !executable.includes(platform));
  return missing.length === 0
    ? ok('smoke tests', `can run on ${platforms.join(' and ')}`)
    : {
        what: 'smoke tests',
        status: 'warning',
        found: `this machine cannot execute ${missing.join(', ')}: images for it are built, but not run`,
        hint: 'register QEMU with binfmt_misc, flag F (in a checkout on Debian or Ubuntu, as root: scripts/setup --install-engine)',
      };
}

function ok(what: string, found: string): Finding {
  return { what, status: 'ok', found };
}

async function upstream({ checkout, registry }: Machine): Promise<Finding> {
  const { catalogue, settings, upstreamLock } = checkout;
  const references = upstreamsOf(catalogue.agents, catalogue.runtimes, settings.upstreams);
  const unlocked = references.filter((reference) => upstreamLock[reference] === undefined);
  if (unlocked.length > 0) {
    return {
      what: 'upstream images',
      status: 'error',
      found: `not locked: ${unlocked.join(', ')}`,
      hint: 'run `bakery update --upstreams`',
    };
  }
  const names = references.map(
    (reference) => `${mirrored(reference, settings.mirrors)}@${upstreamLock[reference]}`,
  );
  const absent = await Promise.all(
    names.map(async (name) => ((await registry.readManifest(name)) === undefined ? [name] : [])),
  );
  const missing = absent.flat();
  if (missing.length > 0) {
    return {
      what: 'upstream images',
      status: 'error',
      found: `the registry does not have ${missing.join(', ')}`,
      hint: 'run `bakery update --upstreams`',
    };
  }
  return ok('upstream images', `${references.length} locked and reachable`);
}

async function disk({ own }: Checkout): Promise<Finding> {
  const { bavail, bsize } = await statfs(own);
  const free = (bavail * bsize) / 1e9;
  const found = `${free.toFixed(0)} GB free`;
  return free > 20
    ? ok('disk', found)
    : {
        what: 'disk',
        status: 'warning',
        found,
        hint: 'the whole matrix needs about 60 GB: `docker builder prune` frees some',
      };
}
