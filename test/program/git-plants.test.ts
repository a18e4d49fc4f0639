import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  agentCommits,
  behind,
  commitAll,
  makeMachine,
  type Machine,
  session,
} from './repositories.ts';

/**
 * Plants of an agent that git would run on the host, each in a place that the mounts of its session allow: in the shadow, or
 * with `--git live` in the repository itself. The second is the control: there, they run.
 */

let machine: Machine;
beforeEach(() => {
  machine = makeMachine();
});
afterEach(() => machine.remove());

const canary = (): string => join(machine.root, 'canary');
const program = (): string => join(machine.project, 'plant.sh');
const evil = (): string =>
  `[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfsmonitor = ${program()}\n`;

type Plant = { readonly name: string; readonly make: (dotGit: string) => void };

const plants: readonly Plant[] = [
  {
    name: 'a file monitor in its configuration',
    make: (dotGit) => machine.write(join(dotGit, 'config'), evil()),
  },
  {
    name: 'a hook',
    make: (dotGit) =>
      machine.write(
        join(dotGit, 'hooks/post-index-change'),
        `#!/bin/sh\nexec ${program()}\n`,
        0o755,
      ),
  },
  {
    name: 'a filter for files that an attribute names',
    make: (dotGit) => {
      machine.git(
        machine.project,
        'config',
        '--file',
        join(dotGit, 'config'),
        'filter.x.clean',
        program(),
      );
      machine.write(join(machine.project, '.gitattributes'), '*.txt filter=x\n');
      machine.write(join(machine.project, 'file.txt'), 'Agent\n');
    },
  },
  {
    name: 'another place for what repositories share',
    make: (dotGit) => {
      machine.git(machine.project, 'init', '-q', '--bare', 'evil');
      machine.write(join(machine.project, 'evil/config'), evil());
      machine.write(join(dotGit, 'commondir'), '../evil\n');
    },
  },
  {
    name: 'a configuration of the worktree',
    make: (dotGit) => {
      machine.git(
        machine.project,
        'config',
        '--file',
        join(dotGit, 'config'),
        'extensions.worktreeConfig',
        'true',
      );
      machine.write(join(dotGit, 'config.worktree'), evil());
    },
  },
  {
    name: 'a bare repository in place of the project',
    make: (dotGit) => {
      rmSync(join(dotGit, 'HEAD'));
      for (const folder of ['refs', 'objects']) mkdirSync(join(machine.project, folder));
      machine.write(join(machine.project, 'HEAD'), 'ref: refs/heads/main\n');
      renameSync(join(dotGit, 'index'), join(machine.project, 'index'));
      machine.write(join(machine.project, 'config'), `${evil()}\tworktree = ${machine.project}\n`);
    },
  },
];

/** Commands of a person after a session. Only the programs that git runs matter, not its exit code. */
const useGit = (): void => {
  for (const args of [['status'], ['diff'], ['log', '-p', '-1'], ['add', '-u']]) {
    try {
      machine.git(machine.project, ...args);
    } catch {
      // A repository that is broken has not run anything.
    }
  }
};

beforeEach(() => {
  commitAll(machine, machine.project);
  machine.write(program(), `#!/bin/sh\ntouch ${canary()}\n`, 0o755);
  // So that git has to look at it again.
  machine.write(join(machine.project, 'file.txt'), 'changed\n');
});

describe.each(plants)('$name', ({ make }) => {
  test('runs on the host where .git is shared live', async () => {
    const part = await machine.open({ mode: 'live' });
    make(behind(part, join(machine.project, '.git')) ?? join(machine.project, '.git'));
    useGit();
    expect(existsSync(canary())).toBe(true);
  });

  test('runs nowhere when it is in a shadow: not by git in the project, not by bringing commits back', async () => {
    const part = await machine.open();
    agentCommits(machine, part, machine.project, 'second\n');
    const shadow = behind(part, join(machine.project, '.git'));
    expect(shadow).not.toContain(machine.project);
    make(shadow ?? '');
    await part.finish?.();
    await machine.verb('list');
    await machine.verb('fetch');
    useGit();
    expect(existsSync(canary())).toBe(false);
    // The project is the repository that it was.
    expect(machine.git(machine.project, 'log', '--format=%s').trim()).toBe('First');
  });
});

const brought = (): string =>
  machine
    .git(machine.project, 'for-each-ref', '--format=%(contents:subject)', 'refs/remotes')
    .trim();

const shadowOf = async () => {
  const part = await machine.open();
  agentCommits(machine, part, machine.project, 'second\n');
  return { part, shadow: behind(part, join(machine.project, '.git')) ?? '' };
};

describe('what is brought back is data', () => {
  test('settings that a fetch from the shadow itself would obey are not seen', async () => {
    const { part, shadow } = await shadowOf();
    machine.git(
      machine.project,
      'config',
      '--file',
      join(shadow, 'config'),
      'uploadpack.packObjectsHook',
      program(),
    );
    machine.write(join(shadow, 'objects/info/alternates'), `${machine.home}\n`);
    await part.finish?.();
    await machine.verb('fetch');
    expect(brought()).toBe('Agent: second');
    expect(existsSync(canary())).toBe(false);
  });

  test('refs that are links or have names of paths are left out, the others arrive', async () => {
    const { part, shadow } = await shadowOf();
    const secret = join(machine.home, 'secret');
    const id = machine.git(machine.project, 'rev-parse', 'HEAD').trim();
    machine.write(secret, `${id}\n`);
    symlinkSync(secret, join(shadow, 'refs/heads/link'));
    symlinkSync(machine.home, join(shadow, 'refs/tags/folder'));
    writeFileSync(
      join(shadow, 'packed-refs'),
      `${id} refs/../../x\n${id} refs/heads/a\u001b[2J\n`,
      { flag: 'a' },
    );
    writeFileSync(join(shadow, 'refs/heads/odd name'), `${id}\n`);
    const notes = await part.finish?.();
    expect(notes).toEqual([expect.stringMatching(/^1 new commit on main: bring/)]);
    await machine.verb('fetch');
    expect(brought()).toBe('Agent: second');
  });

  test('objects that are links are not followed, and a pack that is none is refused', async () => {
    const { part, shadow } = await shadowOf();
    renameSync(join(shadow, 'objects'), join(shadow, 'objects.real'));
    symlinkSync(join(shadow, 'objects.real'), join(shadow, 'objects'));
    expect(await part.finish?.()).toEqual([expect.stringMatching(/git cannot read the commits/)]);
    await machine.verb('drop', session);
    expect(brought()).toBe('');

    const again = await shadowOf();
    machine.write(join(again.shadow, `objects/pack/pack-${'a'.repeat(40)}.pack`), 'no pack');
    expect(await again.part.finish?.()).toEqual([expect.stringMatching(/git refuses a pack/)]);
    expect(brought()).toBe('');
  });

  test('an object under the name of another is not taken', async () => {
    const { part, shadow } = await shadowOf();

    const loose = readdirSync(join(shadow, 'objects'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.length === 38)
      .map(({ parentPath, name }) => join(parentPath, name));
    expect(loose.length).toBe(3);
    const [first = '', second = ''] = loose;
    rmSync(first);
    renameSync(second, first);
    await part.finish?.();
    const refused = await machine.verb('fetch').catch(String);
    expect(String(refused)).toMatch(/git cannot read the commits|git refuses the commits/);
    expect(brought()).toBe('');
    machine.git(machine.project, 'fsck');
  });

  test("the user's own hooks in the project do not run while commits are fetched", async () => {
    machine.git(machine.project, 'config', 'core.hooksPath', '.husky');
    const { part } = await shadowOf();
    machine.write(
      join(machine.project, '.husky/reference-transaction'),
      `#!/bin/sh\nexec ${program()}\n`,
      0o755,
    );
    await part.finish?.();
    await machine.verb('fetch');
    expect(brought()).toBe('Agent: second');
    expect(existsSync(canary())).toBe(false);
    machine.git(machine.project, 'branch', 'control');
    expect(existsSync(canary())).toBe(true);
  });
});

const nested = (): string => join(machine.project, 'nested');

/** A repository within the project, as an agent of an earlier session has left it. */
const configured = (make: (dotGit: string) => string): void => {
  mkdirSync(nested());
  commitAll(machine, nested());
  writeFileSync(join(nested(), '.git/config'), make(join(nested(), '.git')), { flag: 'a' });
};

describe('a repository of the project that an agent has configured', () => {
  /** Settings that run a program while commits are fetched into a repository, unless no git of the host takes part. */
  const settings: readonly (readonly [string, (dotGit: string) => string])[] = [
    [
      'an address in place of another',
      () =>
        `[protocol "ext"]\n\tallow = always\n[url "ext::sh -c ${program()};# "]\n\tinsteadOf = /\n`,
    ],
    [
      'a command for what it borrows',
      (dotGit) => {
        machine.git(machine.root, 'clone', '-q', '--bare', nested(), 'lender');
        machine.write(join(dotGit, 'objects/info/alternates'), `${machine.root}/lender/objects\n`);
        return `[core]\n\talternateRefsCommand = ${program()}\n`;
      },
    ],
  ];

  test.each(settings)('%s runs a program where git itself fetches into it', (_, make) => {
    configured(make);
    machine.git(machine.root, 'clone', '-q', '--bare', nested(), 'saved');
    machine.write(join(machine.root, 'saved/HEAD'), 'ref: refs/heads/none\n');
    const id = machine.git(nested(), 'rev-parse', 'HEAD^{tree}').trim();
    const other = ['--git-dir=saved', '-c', 'user.name=x', '-c', 'user.email=x'];
    const made = machine.git(machine.root, ...other, 'commit-tree', '-m', 'x', id).trim();
    machine.git(machine.root, '--git-dir=saved', 'update-ref', 'refs/heads/main', made);
    rmSync(canary(), { force: true });
    try {
      machine.git(nested(), 'fetch', '-q', join(machine.root, 'saved'), '+refs/heads/*:refs/x/*');
    } catch {
      // It is not what it was told to fetch from.
    }
    expect(existsSync(canary())).toBe(true);
  });

  test.each(settings)('%s does not while commits are brought back', async (_, make) => {
    configured(make);
    rmSync(canary(), { force: true });
    const part = await machine.open();
    agentCommits(machine, part, nested(), 'nested\n');
    await part.finish?.();
    const lines = await machine.verb('fetch');
    expect(lines.at(-1)).toContain(`ai/${session}/main`);
    expect(existsSync(canary())).toBe(false);
    const config = join(nested(), '.git/config');
    writeFileSync(config, '[core]\n\trepositoryformatversion = 0\n');
    expect(machine.git(nested(), 'log', '--format=%s', `ai/${session}/main`).trim()).toBe(
      'Agent: nested\nFirst',
    );
    machine.git(nested(), 'fsck', '--strict');
  });

  test.each(['before', 'after'])(
    'another one in its place gets nothing, and the commits stay: put there %s they are saved',
    async (moment) => {
      configured(() => '');
      const part = await machine.open();
      agentCommits(machine, part, nested(), 'nested\n');
      const moved = join(machine.project, 'moved');
      const swap = (): void => {
        // A folder can be renamed although a mount is below it.
        renameSync(nested(), moved);
        mkdirSync(nested());
        machine.git(nested(), 'init', '-q');
      };
      if (moment === 'before') swap();
      await part.finish?.();
      if (moment === 'after') swap();
      await expect(machine.verb('fetch')).rejects.toThrow(/was replaced since the session started/);
      expect(machine.git(nested(), 'for-each-ref')).toBe('');
      rmSync(nested(), { recursive: true });
      renameSync(moved, nested());
      await machine.verb('fetch');
      expect(machine.git(nested(), 'for-each-ref', 'refs/remotes')).toContain(`ai/${session}/main`);
    },
  );

  test('what leads elsewhere is not written to', async () => {
    const { part } = await shadowOf();
    await part.finish?.();
    const [refs, elsewhere] = [join(machine.project, '.git/refs'), join(machine.home, 'elsewhere')];
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, join(refs, 'remotes'));
    await expect(machine.verb('fetch')).rejects.toThrow(/cannot be used/);
    expect(readdirSync(elsewhere)).toEqual([]);
    rmSync(join(refs, 'remotes'));
    await machine.verb('fetch');
    expect(brought()).toBe('Agent: second');
  });

  test('a configuration that includes what never ends is not waited for', async () => {
    const pipe = join(machine.project, 'pipe');
    execFileSync('mkfifo', [pipe]);
    configured(() => `[include]\n\tpath = ${pipe}\n`);
    const part = await machine.open();
    expect(part.notes).toEqual([expect.stringMatching(/^git: nested is hidden .*no answer in/)]);
  }, 30_000);
});

test('a repository that has only what git needs to obey its settings is named', async () => {
  const part = await machine.open();
  const { project } = machine;
  machine.git(project, 'init', '-q', '--bare', 'node_modules/x');
  machine.write(join(project, 'src/HEAD'), 'ref: refs/heads/main\n');
  machine.write(join(project, 'src/commondir'), '../node_modules/x\n');
  machine.write(
    join(project, 'node_modules/x/config'),
    `[core]\n\trepositoryformatversion = 1\n\tbare = false\n\tfsmonitor = ${program()}\n[extensions]\n\tworktreeConfig = true\n`,
  );
  machine.write(
    join(project, 'src/config.worktree'),
    `[core]\n\tbare = false\n\tworktree = ${project}/src\n`,
  );
  machine.write(join(project, 'src/file.txt'), 'x');
  expect(await part.finish?.()).toEqual([expect.stringContaining('the git repository src:')]);
  // The control: git obeys it.
  try {
    machine.git(join(project, 'src'), 'status');
  } catch {
    // It is a poor repository.
  }
  expect(existsSync(canary())).toBe(true);
});

test('a tree that is too deep for a path is removed with the shadow, and what was planted is told', async () => {
  const { part, shadow } = await shadowOf();
  machine.git(machine.project, 'init', '-q', 'planted');
  const deep = `const name = 'a'.repeat(200);
    for (let at = 0; at < 40; at += 1) { fs.mkdirSync(name); process.chdir(name); }`;
  execFileSync(process.execPath, ['-e', deep], { cwd: shadow });
  expect(await part.finish?.()).toEqual([
    expect.stringMatching(/^1 new commit on main/),
    expect.stringContaining('the git repository planted/.git'),
  ]);
  await machine.verb('fetch');
  expect(brought()).toBe('Agent: second');
  expect(existsSync(join(machine.home, '.ai-run/git', session))).toBe(false);
});
