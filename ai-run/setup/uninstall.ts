/** ai-run uninstall: removes the changes of setup and, with flags, the data of ai-run. */

import { lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type Shell, shells } from '@ai-bakery/kernel/completion-script.ts';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { aliasFile, removeLine } from './shell.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { listImages } from '../image/listed.ts';
import { capture } from '../host/exec.ts';
import { entryAt, using } from '../host/folder.ts';
import { removeTree } from '../host/tree.ts';
import { findUserHome } from '../project/workspace.ts';
import { listRecords } from '../session/record.ts';
import { listSessions } from '../session/sessions.ts';
import { confirm } from './confirm.ts';
import { readBytes, rcFile, replaceFile, short } from './shell-files.ts';

export type UninstallFlags = {
  readonly images?: boolean | undefined;
  readonly homes?: boolean | undefined;
  readonly all?: boolean | undefined;
  readonly yes?: boolean | undefined;
};

/** One removal step: its announcement, and an action that returns what it could not remove. */
type Step = { readonly plan: string; readonly act: () => Promise<string | undefined> };

/**
 * Reverts the changes of `setup`; with flags, also removes ai-run's own data. Touches nothing else.
 * @throws UserError E_SESSIONS while sessions run, with their names.
 */
export async function uninstall(flags: UninstallFlags): Promise<number> {
  const home = findUserHome();
  await refuseWhileRunning(home);
  const steps = await stepsFor(flags, home);
  if (steps.length === 0) {
    process.stderr.write('nothing to remove\n');
    return 0;
  }
  const plan = steps.map((step) => step.plan);
  if (!(await confirm(plan, flags.yes === true))) return 1;
  let failures = 0;
  for (const step of steps) {
    // oxlint-disable-next-line no-await-in-loop -- in the order that was shown
    const failure = await attempt(step);
    if (failure === undefined) continue;
    failures += 1;
    process.stderr.write(`ai-run: ${printable(failure)}\n`);
  }
  process.stderr.write(
    failures === 0
      ? 'done: new shells have no aliases; `unalias` removes them from this one\n'
      : 'some files could not be removed\n',
  );
  return failures === 0 ? 0 : 1;
}

async function refuseWhileRunning(home: string): Promise<void> {
  const sessions = await running(home);
  if (sessions.length === 0) return;
  throw new UserError(
    'E_SESSIONS',
    `nothing was removed: sessions are running: ${sessions.join(', ')}`,
    { hint: 'end them, or run `ai-run stop --all`' },
  );
}

async function stepsFor(flags: UninstallFlags, home: string): Promise<readonly Step[]> {
  const all = flags.all === true;
  const homes = [
    ['.ai-home', 'the agents’ sessions, settings and logins'],
    ['.ai-cache', 'the agents’ caches'],
  ] as const;
  const rest = [
    [
      '.ai-run',
      'the agents’ commits, including those that you have not fetched (`ai-run git list`)',
    ],
    ['.ai-env', 'your settings and keys'],
    ['.ai-workspaces', 'the list of folders that agents may work in'],
    ['.ai-git-allowed', 'the list of git credentials that agents may use'],
  ] as const;
  return [
    ...lines(home),
    ...shells.flatMap((shell) => file(home, aliasFile(shell), 'aliases and completion')),
    ...(all || flags.images === true ? await images() : []),
    ...(all || flags.homes === true ? homes.flatMap(([name, what]) => file(home, name, what)) : []),
    ...(all ? rest.flatMap(([name, what]) => file(home, name, what)) : emptied(home)),
  ];
}

/** Returns this user's sessions: those in this home whose ai-run is alive, and those of the engine if it answers. */
async function running(home: string): Promise<readonly string[]> {
  const { uid } = userInfo();
  const listed = await listSessions().catch((error: unknown) => {
    if (error instanceof UserError) return [];
    throw error;
  });
  const mine = listed.filter(({ owner }) => owner.host === hostname() && owner.uid === uid);
  const noted = (await listRecords(home)).filter(({ gone }) => !gone);
  return [...new Set([...mine, ...noted].map(({ name }) => name))];
}

function file(home: string, name: string, what: string): readonly Step[] {
  const path = join(home, name);
  const found = using(dirname(path), () => entryAt(path));
  if (found === undefined) return [];
  return [
    {
      plan: `remove ~/${name}: ${what}`,
      act: async () => {
        // Of a symbolic link, only the link is removed: its target is not ours.
        if (!found.isDirectory()) rmSync(path);
        else if (!removeTree(path)) return `~/${name} could not be removed completely`;
        return undefined;
      },
    },
  ];
}

async function images(): Promise<readonly Step[]> {
  return (await listImages())
    .filter(({ registry }) => registry !== undefined)
    .map(({ image, size }) => ({
      plan: `remove the image ${printable(image)} (${size})`,
      act: async () => {
        const { code, stderr } = await capture({ file: 'docker', args: ['image', 'rm', image] });
        return code === 0 ? undefined : `${image} could not be removed: ${stderr.trim()}`;
      },
    }));
}

/** Removes the folder that `setup` made, if it contains only files that are removed anyway. */
function emptied(home: string): readonly Step[] {
  const path = join(home, '.ai-run');
  const ours = shells.map((shell) => basename(aliasFile(shell)));
  if (!holdsOnly(path, ours)) return [];
  return [
    {
      plan: 'remove ~/.ai-run: it is empty then',
      act: async () => {
        // Only if it is still empty.
        if (holdsOnly(path, [])) rmdirSync(path);
        return undefined;
      },
    },
  ];
}

function line(home: string, shell: Shell, path: string): readonly Step[] {
  const old = readBytes(path);
  if (old === undefined || removeLine(old, shell) === old) return [];
  return [
    {
      plan: `remove our line from ${short(path, home)}`,
      act: async () => {
        const text = removeLine(readBytes(path) ?? '', shell);
        if (text === undefined) rmSync(path);
        else replaceFile(path, text, 0o644);
        return undefined;
      },
    },
  ];
}

/** Runs a step and returns its failure, including a system error, so that the following steps run all the same. */
function attempt({ act }: Step): Promise<string | undefined> {
  return act().catch((error: unknown) => messageOf(error));
}

/** Whether a path is a folder, not a symbolic link, that contains only the given names. */
function holdsOnly(path: string, names: readonly string[]): boolean {
  try {
    return lstatSync(path).isDirectory() && readdirSync(path).every((name) => names.includes(name));
  } catch {
    return false;
  }
}

/** Returns the steps for all start files that may contain our line, with and without the current environment variables. */
function lines(home: string): readonly Step[] {
  return shells.flatMap((shell) =>
    [...new Set([rcFile(shell, home), rcFile(shell, home, {})])].flatMap((path) =>
      line(home, shell, path),
    ),
  );
}
