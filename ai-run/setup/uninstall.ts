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

/** One thing to take away: what is said before, and doing it, which says what could not be done. */
type Step = { readonly plan: string; readonly act: () => Promise<string | undefined> };

/**
 * Takes back what `setup` did; with flags, also what ai-run keeps. Nothing else is touched.
 * @throws UserError E_SESSIONS while sessions run, with their names.
 */
export async function uninstall(flags: UninstallFlags): Promise<number> {
  const home = findUserHome();
  const sessions = await running(home);
  if (sessions.length > 0) {
    throw new UserError(
      'E_SESSIONS',
      `nothing was removed: sessions are running: ${sessions.join(', ')}`,
      {
        hint: 'end them, or `ai-run stop --all`',
      },
    );
  }
  const all = flags.all === true;
  const steps: readonly Step[] = [
    ...lines(home),
    ...shells.flatMap((shell) => file(home, aliasFile(shell), 'aliases and completion')),
    ...(all || flags.images === true ? await images() : []),
    ...(all || flags.homes === true
      ? [
          ...file(home, '.ai-home', 'what agents keep of their sessions, logins too'),
          ...file(home, '.ai-cache', 'their caches'),
        ]
      : []),
    ...(all
      ? [
          ...file(
            home,
            '.ai-run',
            'what agents have committed, also what you have not fetched (`ai-run git list`)',
          ),
          ...file(home, '.ai-env', 'your settings and keys'),
          ...file(home, '.ai-workspaces', 'the folders that agents may work in'),
          ...file(home, '.ai-git-allowed', 'whose git credentials agents may use'),
        ]
      : emptied(home)),
  ];
  if (steps.length === 0) {
    process.stderr.write('there is nothing to remove\n');
    return 0;
  }
  if (
    !(await confirm(
      steps.map(({ plan }) => plan),
      flags.yes === true,
    ))
  )
    return 1;
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
      ? 'done: aliases are gone in new shells; `unalias` takes them from this one\n'
      : 'not everything could be removed\n',
  );
  return failures === 0 ? 0 : 1;
}

/** Sessions of this user: those of this home that have a living ai-run, and those that the engine has, where it answers. */
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
        // Of a symbolic link the link only: what it leads to is not ours.
        if (!found.isDirectory()) rmSync(path);
        else if (!removeTree(path)) return `~/${name} could not be removed whole`;
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

/** The folder that `setup` made, where nothing is in it besides what goes anyway. */
function emptied(home: string): readonly Step[] {
  const path = join(home, '.ai-run');
  const ours = shells.map((shell) => basename(aliasFile(shell)));
  if (!holdsOnly(path, ours)) return [];
  return [
    {
      plan: 'remove ~/.ai-run: nothing else is in it',
      act: async () => {
        // Never with what came to be in it since.
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
      plan: `take our line out of ${short(path, home)}`,
      act: async () => {
        const text = removeLine(readBytes(path) ?? '', shell);
        if (text === undefined) rmSync(path);
        else replaceFile(path, text, 0o644);
        return undefined;
      },
    },
  ];
}

/** What kept a step from being done, the system too: what comes after it is done all the same. */
function attempt({ act }: Step): Promise<string | undefined> {
  return act().catch((error: unknown) => messageOf(error));
}

/** Whether a folder is there, not a symbolic link to one, with nothing else in it than these. */
function holdsOnly(path: string, names: readonly string[]): boolean {
  try {
    return lstatSync(path).isDirectory() && readdirSync(path).every((name) => names.includes(name));
  } catch {
    return false;
  }
}

/** Where our line can be: also where a shell looks without the variables of today. */
function lines(home: string): readonly Step[] {
  return shells.flatMap((shell) =>
    [...new Set([rcFile(shell, home), rcFile(shell, home, {})])].flatMap((path) =>
      line(home, shell, path),
    ),
  );
}
