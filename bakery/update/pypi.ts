/** Updates an agent from PyPI. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { architecture, type Platform } from '@ai-bakery/kernel/platform.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import { buildInputs, type Checkout, rendererFor } from '../catalogue/checkout.ts';
import type { Agent } from '../catalogue/catalogue.rules.ts';
import { readLock } from '../catalogue/lock.rules.ts';
import type { Skipped, Update } from './candidates.rules.ts';
import { run } from '../host/exec.ts';

/** Finds the newest version of a PyPI agent that has wheels for all the agent's platforms. */
export async function updatePypi(
  checkout: Checkout,
  agent: Agent,
  signal: AbortSignal,
): Promise<Update> {
  if (agent.install.kind !== 'pypi') throw new Error(`${agent.name} is not from PyPI`);
  const { package: name } = agent.install;
  let files = await compile(checkout, agent, name, signal);
  const versions = agent.platforms.map((platform: Platform) =>
    versionOf(name, files[`requirements.${architecture(platform)}.txt`]),
  );
  const skipped: Skipped[] = [];
  if (new Set(versions).size > 1) {
    // One platform lags behind: take its version on all of them.
    const [oldest, newest] = versions.toSorted((a, b) =>
      (a ?? '').localeCompare(b ?? '', 'en', { numeric: true }),
    );
    skipped.push({ version: newest ?? '', reason: 'one of the platforms has no wheels' });
    files = await compile(checkout, agent, `${name}==${oldest}`, signal);
  }
  const lock = readLock(agent, files);
  const from = agent.lock.version;
  const changed = Object.entries(files).some(([file, text]) => agent.files[file] !== text);
  return {
    name: agent.name,
    from,
    to: lock.version,
    skipped,
    missing: lock.missing,
    files:
      changed && lock.version !== from
        ? Object.fromEntries(
            Object.entries(files).map(([file, text]) => [`agents/${agent.name}/${file}`, text]),
          )
        : {},
  };
}

/** Resolves in a build step, with the uv, mirrors and CA of builds, so that the machine needs no uv. */
async function compile(
  checkout: Checkout,
  agent: Agent,
  requirement: string,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'bakery-update-'));
  try {
    const { secrets, args } = buildInputs(checkout);
    const { exitCode, stderr } = await run(
      {
        file: 'docker',
        args: [
          'buildx',
          'build',
          '--file=-',
          '--no-cache',
          '--progress=plain',
          `--output=type=local,dest=${folder}`,
          ...Object.entries(secrets).map(([id, path]) => `--secret=type=file,id=${id},src=${path}`),
          ...Object.keys(args).map((name) => `--build-arg=${name}`),
          `agents/${agent.name}`,
        ],
        env: args,
      },
      {
        input: rendererFor(checkout, checkout.settings.mirrors).pypiLock(agent, requirement),
        cwd: checkout.root,
        signal,
        timeout: 600_000,
      },
    );
    if (exitCode !== 0) {
      const said =
        /(?:× |error: )(.*)/.exec(redacted(stderr))?.[0] ??
        redacted(stderr).trim().split('\n').at(-1);
      throw new UserError('E_RESOLVE', `agents/${agent.name}: ${requirement}: ${said}`);
    }
    const files: Record<string, string> = {};
    for (const platform of agent.platforms) {
      const name = `requirements.${architecture(platform)}.txt`;
      files[name] = await readFile(join(folder, name), 'utf8');
    }
    return files;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function versionOf(name: string, text: string | undefined): string | undefined {
  return new RegExp(`^${name}==([^\\s;]+)`, 'm').exec(text ?? '')?.[1];
}
