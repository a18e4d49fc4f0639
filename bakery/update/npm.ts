/** Updates an agent from npm. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { parseAnswer, parseJson } from '@ai-bakery/kernel/json.ts';
import type { Agent } from '../catalogue/catalogue.rules.ts';
import { PackageJson, readLock } from '../catalogue/lock.rules.ts';
import { best, candidates, skippedFor, type Trial, type Update } from './candidates.rules.ts';
import { capture, run } from '../host/exec.ts';

const View = z.object({
  versions: z.union([z.string(), z.array(z.string())]),
  'dist-tags': z.object({ latest: z.string() }),
});

/** Older versions than these are not worth having. */
const maximumTrials = 30;

type Files = Readonly<Record<string, string>>;

/** Finds the newest version of an npm agent whose tree contains its program on all the agent's platforms. */
export async function updateNpm(agent: Agent, signal: AbortSignal): Promise<Update> {
  const [name] = Object.keys(
    parseJson(agent.files['package.json'] ?? '{}', PackageJson)?.dependencies ?? {},
  );
  const from = agent.lock.version;
  const nothing: Update = {
    name: agent.name,
    from,
    to: from,
    skipped: [],
    missing: agent.lock.missing,
    files: {},
  };
  if (name === undefined) return { ...nothing, error: 'package.json names no package' };
  const trials = await tryVersions(agent, name, signal);
  const taken = best(trials);
  if (taken === undefined) return nothing;
  const skipped = skippedFor(trials, taken);
  const reasons = Object.values(taken.missing);
  if (reasons.length >= agent.platforms.length)
    return {
      ...nothing,
      skipped: [...skipped, { version: taken.version, reason: reasons[0] ?? '' }],
    };
  return {
    ...nothing,
    to: taken.version,
    skipped,
    missing: taken.missing,
    files: taken.version === from && agent.lock.issues.length === 0 ? {} : filesOf(agent, taken),
  };
}

/** Tries versions, newest first, up to one that is complete. */
async function tryVersions(
  agent: Agent,
  name: string,
  signal: AbortSignal,
): Promise<Trial<Files>[]> {
  const { version: present, missing, issues } = agent.lock;
  const args = ['view', name, 'versions', 'dist-tags', '--json'];
  const answer = await capture({ file: 'npm', args }, { signal, timeout: 120_000 });
  const { versions, 'dist-tags': tags } = parseAnswer(answer, View, `npm view ${name}`);
  const wanted = candidates([versions].flat(), tags.latest, present).slice(0, maximumTrials);
  // The present version is complete as it is: its lock was checked when it was read.
  const isComplete = Object.keys(missing).length === 0 && issues.length === 0;
  const trials: Trial<Files>[] = [];
  for (const version of wanted) {
    const trial =
      version === present && isComplete
        ? { version, missing: {}, value: {} }
        : await resolveVersion(agent, name, version, signal);
    trials.push(trial);
    if (Object.keys(trial.missing).length === 0) break;
  }
  return trials;
}

function filesOf(agent: Agent, { value }: Trial<Files>): Files {
  return Object.fromEntries(
    Object.entries(value).map(([file, text]) => [`agents/${agent.name}/${file}`, text]),
  );
}

/** Resolves one version in a folder of its own. npm runs no scripts for it, and writes no download address. */
async function resolveVersion(
  agent: Agent,
  name: string,
  version: string,
  signal: AbortSignal,
): Promise<Trial<Files>> {
  const folder = await mkdtemp(join(tmpdir(), 'bakery-update-'));
  try {
    const manifest = { name: agent.name, private: true, dependencies: { [name]: version } };
    const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
    await writeFile(join(folder, 'package.json'), text);
    const outcome = await run(
      {
        file: 'npm',
        args: [
          'install',
          '--package-lock-only',
          '--ignore-scripts',
          '--omit-lockfile-registry-resolved',
          '--no-audit',
          '--no-fund',
        ],
      },
      { cwd: folder, signal, timeout: 300_000 },
    );
    if (outcome.exitCode !== 0) {
      const reason = /npm error (?!code)(.*)/.exec(outcome.stderr)?.[1] ?? 'npm cannot resolve it';
      return {
        version,
        missing: Object.fromEntries(agent.platforms.map((platform) => [platform, reason])),
        value: {},
      };
    }
    const files = {
      'package.json': text,
      'package-lock.json': await readFile(join(folder, 'package-lock.json'), 'utf8'),
    };
    return { version, missing: readLock(agent, files).missing, value: files };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
