import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Part } from '../../ai-run/part.rules.ts';
import { agentGit, commitAll, makeMachine, type Machine } from './repositories.ts';

let machine: Machine;
beforeEach(() => {
  machine = makeMachine();
});
afterEach(() => machine.remove());

/** Secrets that a project keeps in its repository, though it should not, and secrets that it does not keep there. */
const tracked = ['.env', '.ssh/config', '.ssh/keys/id_rsa', 'odd [a] *?/:(glob).pem'];
const untracked = '.npmrc #1';

const make = (): void => {
  for (const name of tracked) machine.write(join(machine.project, name), 'secret\n');
  commitAll(machine, machine.project);
  machine.write(join(machine.project, untracked), 'secret\n');
};

const hidden = (): string[] =>
  ['.env', '.ssh', tracked[3] ?? '', untracked].map((name) => join(machine.project, name));

/** The project as the agent sees it under its masks. */
const mask = (): void => {
  for (const name of ['.env', tracked[3] ?? '', untracked])
    machine.write(join(machine.project, name), '');
  rmSync(join(machine.project, '.ssh'), { recursive: true });
  mkdirSync(join(machine.project, '.ssh'));
};

const git = (part: Part, ...args: string[]): string =>
  agentGit(machine, part, machine.project, ...args);

describe('files that are masked', () => {
  test('look changed to git, where it is not told', async () => {
    make();
    const part = await machine.open();
    mask();
    const status = git(part, 'status', '--porcelain', '-z').split('\0').filter(Boolean);
    expect(status.toSorted()).toEqual([
      ' D .ssh/config',
      ' D .ssh/keys/id_rsa',
      ' M .env',
      ` M ${tracked[3]}`,
      `?? ${untracked}`,
    ]);
    git(part, 'add', '-A');
    git(part, 'commit', '-qam', 'Agent');
    expect(git(part, 'show', 'HEAD:.env')).toBe('');
  });

  const kinds: readonly (readonly [string, () => void])[] = [
    ['a repository', () => undefined],
    ['one with a split index', () => machine.git(machine.project, 'update-index', '--split-index')],
    [
      'a sparse checkout',
      () => machine.git(machine.project, 'sparse-checkout', 'set', '--no-cone', '/*', '!/absent'),
    ],
    [
      'one with an index of version 4',
      () => machine.git(machine.project, 'update-index', '--index-version=4'),
    ],
  ];
  test.each(kinds)('are for git as they were, in %s', async (_, prepare) => {
    make();
    prepare();
    const index = machine.git(machine.project, 'ls-files', '--stage', '-v');
    const part = await machine.open({ hidden: hidden() });
    expect(part.notes).toContain(
      `git: masked, but the agent can read the committed versions: .env, .ssh/config, .ssh/keys/id_rsa and 1 more (--git none hides the repository)`,
    );
    mask();
    expect(git(part, 'status', '--porcelain')).toBe('');
    machine.write(join(machine.project, 'file.txt'), 'agent\n');
    machine.write(join(machine.project, 'new.txt'), 'agent\n');
    git(part, 'add', '-A');
    git(part, 'commit', '-qam', 'Agent');
    expect(git(part, 'show', '--name-only', '--format=', 'HEAD')).toBe('file.txt\nnew.txt\n');
    // Other acts of agents: none of them fails because a file cannot be written.
    git(part, 'switch', '-qc', 'topic', 'HEAD~');
    git(part, 'reset', '-q', '--hard', 'main');
    git(part, 'stash', 'list');
    expect(git(part, 'status', '--porcelain')).toBe('');
    for (const name of tracked) expect(git(part, 'show', `HEAD:${name}`)).toBe('secret\n');
    expect(machine.git(machine.project, 'ls-files', '--stage', '-v')).toBe(index);
  });

  test('are so in a repository within', async () => {
    make();
    const nested = join(machine.project, 'nested');
    machine.write(join(nested, '.env'), 'secret\n');
    commitAll(machine, nested);
    const part = await machine.open({ hidden: [...hidden(), join(nested, '.env')] });
    expect(part.notes?.join('\n')).toContain('the committed versions: nested: .env (');
    machine.write(join(nested, '.env'), '');
    expect(agentGit(machine, part, nested, 'status', '--porcelain')).toBe('');
  });

  test('are warned of where the repository is shared live', async () => {
    make();
    const { notes } = await machine.open({ mode: 'live', hidden: hidden() });
    expect(notes?.join('\n')).toContain(
      'git: masked, and the agent may commit it as an empty file: .env, ',
    );
    expect((await machine.open({ mode: 'live', hidden: [] })).notes?.join()).not.toContain(
      'masked',
    );
  });

  test('are no concern of a repository that does not track them', async () => {
    commitAll(machine, machine.project);
    machine.write(join(machine.project, '.env'), 'secret\n');
    const part = await machine.open({ hidden: [join(machine.project, '.env')] });
    expect(part.notes).toEqual([]);
    expect(git(part, 'status', '--porcelain')).toBe('');
  });
});
