import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  agentCommits,
  agentGit,
  behind,
  commitAll,
  makeMachine,
  type Machine,
  session,
} from './repositories.ts';

let machine: Machine;
beforeEach(() => {
  machine = makeMachine();
});
afterEach(() => machine.remove());

const sessions = (): string => join(machine.home, '.ai-run/git');
const kept = (): string[] => readdirSync(sessions());
const log = (folder: string, ref: string): string =>
  machine.git(folder, 'log', '--format=%s', ref).trim().split('\n').join(', ');

/** Bytes in all files below a folder. */
const size = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);

describe('a shadow', () => {
  test('lets the agent commit, and its commits are fetched; nothing of the user moves before that', async () => {
    const { project } = machine;
    commitAll(machine, project);
    const part = await machine.open();
    expect(agentGit(machine, part, project, 'status', '--porcelain')).toBe('');
    agentCommits(machine, part, project, 'second\n');
    agentGit(machine, part, project, 'checkout', '-qb', 'topic/x');
    agentCommits(machine, part, project, 'third\n');
    expect(await part.finish?.()).toEqual([
      `1 new commit on main, new: topic/x (2 commits): bring them back with: ai-run git fetch ${session}`,
    ]);
    expect(log(project, '--all')).toBe('First');
    // From here on there is nothing hostile left.
    expect(readdirSync(join(sessions(), session, '0')).toSorted()).toEqual(['before', 'saved.git']);
    expect(await machine.verb('list')).toEqual([
      `${session}  ${project}  1 new commit on main, new: topic/x (2 commits)`,
    ]);
    expect(await machine.verb('fetch')).toEqual([
      `${session}: 1 new commit on main, new: topic/x (2 commits)`,
      `  ai/${session}/main  (git reset ai/${session}/main)`,
      `  ai/${session}/topic/x  (git worktree add ../review ai/${session}/topic/x)`,
    ]);
    expect(log(project, `ai/${session}/topic/x`)).toBe('Agent: third, Agent: second, First');
    expect(log(project, 'main')).toBe('First');
    expect(kept()).toEqual([]);
    // The advice, taken: the files are not touched, and what is left to commit is the other branch's change.
    machine.git(project, 'reset', '-q', `ai/${session}/main`);
    expect(readFileSync(join(project, 'file.txt'), 'utf8')).toBe('third\n');
    expect(machine.git(project, 'diff', '--numstat')).toBe('1\t1\tfile.txt\n');
    machine.git(project, 'fsck', '--strict');
  });

  test("has the user's name, the staged files and no way to what is outside", async () => {
    const { project } = machine;
    commitAll(machine, project);
    machine.git(project, 'remote', 'add', 'origin', 'https://user:s3cret@example.com/a.git');
    machine.git(project, 'config', 'credential.helper', '!echo s3cret');
    machine.write(join(project, '.git/hooks/pre-commit'), '#!/bin/sh\nexit 1\n', 0o755);
    machine.write(join(project, 'staged.txt'), 'staged\n');
    machine.git(project, 'add', 'staged.txt');
    machine.write(join(project, '.git/info/exclude'), 'ignored.txt\n');
    machine.write(join(project, 'ignored.txt'), '');
    const part = await machine.open();
    const shadow = behind(part, join(project, '.git')) ?? '';
    expect(agentGit(machine, part, project, 'status', '--porcelain')).toBe('A  staged.txt\n');
    expect(agentGit(machine, part, project, 'config', 'user.email')).toBe('user@example.com\n');
    expect(agentGit(machine, part, project, 'remote', '-v')).toContain('https://example.com/a.git');
    expect(readdirSync(join(shadow, 'hooks'))).toEqual([]);
    expect(readFileSync(join(shadow, 'config'), 'utf8')).not.toContain('s3cret');
    const ofTheProject = (part.mounts ?? []).filter(
      (mount) => mount.type === 'bind' && mount.source.startsWith(project),
    );
    expect(ofTheProject).toMatchObject([{ target: '/run/ai-run/objects/0/0', readonly: true }]);
    expect(statSync(join(sessions(), session)).mode & 0o777).toBe(0o700);
    expect(statSync(sessions()).mode & 0o777).toBe(0o700);
  });

  test('is removed when nothing was committed', async () => {
    commitAll(machine, machine.project);
    const part = await machine.open();
    machine.write(join(machine.project, 'file.txt'), 'changed\n');
    expect(kept()).toEqual([session]);
    expect(await part.finish?.()).toEqual([]);
    expect(kept()).toEqual([]);
    expect(await machine.verb('fetch')).toEqual([`no commits are kept for ${machine.project}`]);
  });

  test('costs what its refs and index cost, not what the objects do', async () => {
    const { project } = machine;
    commitAll(machine, project);
    const noise = Array.from({ length: 200_000 }, (_, at) => (at * 2_654_435_761).toString(36));
    machine.write(join(project, 'large.txt'), noise.join('\n'));
    machine.git(project, 'add', '.');
    machine.git(project, 'commit', '-qm', 'Large');
    machine.git(project, 'repack', '-adq');
    expect(size(join(project, '.git/objects'))).toBeGreaterThan(500_000);
    const part = await machine.open();
    expect(size(join(sessions(), session))).toBeLessThan(10_000);
    agentCommits(machine, part, project, 'second\n');
    await part.finish?.();
    expect(size(join(sessions(), session))).toBeLessThan(10_000);
    await machine.verb('fetch');
    expect(log(project, `ai/${session}/main`)).toBe('Agent: second, Large, First');
  });

  test('saves a stash, a tag, a detached HEAD and a packed repository', async () => {
    const { project } = machine;
    commitAll(machine, project);
    const part = await machine.open();
    agentGit(machine, part, project, 'checkout', '-q', '--detach');
    agentCommits(machine, part, project, 'detached\n');
    agentGit(machine, part, project, 'tag', 'v1', 'main');
    machine.write(join(project, 'file.txt'), 'stashed\n');
    agentGit(machine, part, project, 'stash', '-q');
    agentGit(machine, part, project, 'repack', '-adlq');
    agentGit(machine, part, project, 'pack-refs', '--all');
    await part.finish?.();
    await machine.verb('fetch', session);
    const refs = machine.git(project, 'for-each-ref', '--format=%(refname)', 'refs/remotes').trim();
    expect(refs.split('\n')).toEqual(
      ['detached-head', 'stash', 'tags/v1'].map((name) => `refs/remotes/ai/${session}/${name}`),
    );
    expect(log(project, `ai/${session}/detached-head`)).toBe('Agent: detached, First');
  });

  test('survives the death of ai-run: its commits are there for the next one', async () => {
    const { project } = machine;
    commitAll(machine, project);
    const part = await machine.open();
    agentCommits(machine, part, project, 'second\n');
    await expect(machine.verb('fetch', session)).rejects.toThrow(/still running/);
    const record = join(sessions(), session, 'record.json');
    const gone = { ...(JSON.parse(readFileSync(record, 'utf8')) as object), pid: 2 ** 30 };
    machine.write(record, JSON.stringify(gone));
    expect(await machine.verb('list')).toEqual([`${session}  ${project}  1 new commit on main`]);
    await machine.verb('fetch', session);
    expect(log(project, `ai/${session}/main`)).toBe('Agent: second, First');
  });

  test('that was never made, as ai-run was killed before, is forgotten', async () => {
    const record = { project: machine.project, pid: 2 ** 30, repositories: [] };
    machine.write(join(sessions(), session, 'record.json'), JSON.stringify(record));
    expect(await machine.verb('list')).toEqual([]);
    expect(kept()).toEqual([]);
  });

  test('is dropped on request', async () => {
    commitAll(machine, machine.project);
    const part = await machine.open();
    agentCommits(machine, part, machine.project, 'second\n');
    await part.finish?.();
    await expect(machine.verb('drop', '../../home')).rejects.toThrow(/no commits are kept/);
    expect(await machine.verb('drop', session)).toEqual([`${session}: dropped`]);
    expect(kept()).toEqual([]);
  });
});

describe('every kind of repository', () => {
  test.each([
    ['sha256', ['--object-format=sha256']],
    ['without a commit', undefined],
    ['sha1', []],
  ])('%s', async (_, init) => {
    const { project } = machine;
    if (init === undefined) machine.git(project, 'init', '-q');
    else commitAll(machine, project, ...init);
    const part = await machine.open();
    machine.write(join(project, 'new.txt'), 'new\n');
    agentGit(machine, part, project, 'add', '.');
    agentGit(machine, part, project, 'commit', '-qm', 'Agent');
    await part.finish?.();
    await machine.verb('fetch');
    expect(log(project, `ai/${session}/main`)).toBe(init === undefined ? 'Agent' : 'Agent, First');
  });

  test.each([
    ['shallow', ['--depth=1']],
    ['partial', ['--filter=blob:none']],
    ['borrowing', ['--shared']],
    ['with sparse checkout', ['--sparse']],
  ])('%s clones', async (_, flags) => {
    const { project, root } = machine;
    const origin = join(root, 'origin');
    mkdirSync(origin);
    commitAll(machine, origin);
    machine.git(origin, 'config', 'uploadpack.allowFilter', 'true');
    machine.git(origin, 'commit', '-qm', 'Empty', '--allow-empty');
    const url = flags.includes('--shared') ? origin : `file://${origin}`;
    machine.git(root, 'clone', '-q', ...flags, url, 'project');
    const part = await machine.open();
    const lent = part.notes?.filter((note) => note.includes(join(origin, '.git/objects')));
    expect(lent).toHaveLength(flags.includes('--shared') ? 1 : 0);
    expect(agentGit(machine, part, project, 'status', '--porcelain')).toBe('');
    agentCommits(machine, part, project, 'second\n');
    await part.finish?.();
    await machine.verb('fetch');
    expect(log(project, `ai/${session}/main`)).toMatch(/^Agent: second, Empty/);
  });

  test('a linked worktree, whose .git is a file', async () => {
    const { root, project } = machine;
    const main = join(root, 'main');
    mkdirSync(main);
    commitAll(machine, main);
    machine.git(main, 'worktree', 'add', '-q', '-b', 'side', project);
    const part = await machine.open();
    const pointer = part.mounts?.find(({ target }) => target === join(project, '.git'));
    expect(pointer).toMatchObject({ readonly: true });
    expect(readFileSync(behind(part, join(project, '.git')) ?? '', 'utf8')).toBe(
      'gitdir: /run/ai-run/git/0\n',
    );
    agentCommits(machine, part, project, 'second\n');
    await part.finish?.();
    expect(await machine.verb('fetch')).toContain(
      `  ai/${session}/side  (git reset ai/${session}/side)`,
    );
    expect(log(main, `ai/${session}/side`)).toBe('Agent: second, First');
  });

  test('worktrees of one repository, each into a place of its own, whatever their branches are called', async () => {
    const { project } = machine;
    commitAll(machine, project);
    machine.git(project, 'config', 'fetch.prune', 'true');
    machine.git(project, 'worktree', 'add', '-q', '-b', 'side', 'wt');
    const part = await machine.open();
    for (const folder of [project, join(project, 'wt')]) {
      agentGit(machine, part, folder, 'checkout', '-qb', 'fix');
      agentCommits(machine, part, folder, `${folder === project ? 'main' : 'linked'}\n`);
    }
    await part.finish?.();
    await machine.verb('fetch');
    expect(log(project, `ai/${session}/fix`)).toBe('Agent: main, First');
    expect(log(project, `ai/${session}.1/fix`)).toBe('Agent: linked, First');
  });

  test('a worktree of a bare clone', async () => {
    const { root, project } = machine;
    const origin = join(root, 'origin');
    mkdirSync(origin);
    commitAll(machine, origin);
    machine.git(root, 'clone', '-q', '--bare', origin, 'bare');
    machine.git(join(root, 'bare'), 'worktree', 'add', '-q', '-b', 'side', project);
    const part = await machine.open();
    agentCommits(machine, part, project, 'second\n');
    await part.finish?.();
    await machine.verb('fetch');
    expect(log(project, `ai/${session}/side`)).toBe('Agent: second, First');
  });

  test('a branch that is another name of one', async () => {
    const { project } = machine;
    commitAll(machine, project);
    machine.git(project, 'symbolic-ref', 'refs/heads/master', 'refs/heads/main');
    machine.git(project, 'checkout', '-q', 'master');
    const part = await machine.open();
    expect(agentGit(machine, part, project, 'status', '--porcelain')).toBe('');
    agentCommits(machine, part, project, 'second\n');
    await part.finish?.();
    expect(await machine.verb('fetch')).toContain(
      `  ai/${session}/main  (git reset ai/${session}/main)`,
    );
    expect(log(project, `ai/${session}/main`)).toBe('Agent: second, First');
  });

  test('more tags than people make, and work on no branch', async () => {
    const { project } = machine;
    commitAll(machine, project);
    const part = await machine.open();
    for (let at = 0; at < 120; at += 1) agentGit(machine, part, project, 'tag', `v${at}`);
    agentGit(machine, part, project, 'checkout', '-q', '--detach');
    agentCommits(machine, part, project, 'second\n');
    await part.finish?.();
    await machine.verb('fetch');
    expect(log(project, `ai/${session}/detached-head`)).toBe('Agent: second, First');
  });

  test('refs beyond what is read are refused, not left out', async () => {
    const { project } = machine;
    commitAll(machine, project);
    const id = machine.git(project, 'rev-parse', 'HEAD').trim();
    const packed = Array.from({ length: 100_001 }, (_, at) => `${id} refs/tags/v${at}\n`).join('');
    machine.write(join(project, '.git/packed-refs'), packed);
    // Packed ones do not count.
    const part = await machine.open();
    agentCommits(machine, part, project, 'second\n');
    expect(await part.finish?.()).toEqual([expect.stringMatching(/^1 new commit on main/)]);
    machine.write(join(project, '.git/packed-refs'), packed.repeat(12));
    await expect(machine.open({ session: 'another' })).rejects.toThrow(
      /more refs than ai-run reads/,
    );
  }, 30_000);

  test('submodules and repositories within, each into its own', async () => {
    const { root, project } = machine;
    const library = join(root, 'library');
    mkdirSync(library);
    commitAll(machine, library);
    commitAll(machine, project);
    machine.git(project, 'submodule', '--quiet', 'add', library, 'lib');
    machine.git(project, 'commit', '-qm', 'Library');
    const nested = join(project, 'a/nested');
    mkdirSync(nested, { recursive: true });
    commitAll(machine, nested);
    const part = await machine.open();
    agentCommits(machine, part, join(project, 'lib'), 'library\n');
    agentCommits(machine, part, nested, 'nested\n');
    expect(await part.finish?.()).toEqual([
      `lib: 1 new commit on main; a/nested: 1 new commit on main: bring them back with: ai-run git fetch ${session}`,
    ]);
    await machine.verb('fetch');
    expect(log(join(project, 'lib'), `ai/${session}/main`)).toBe('Agent: library, First');
    expect(log(nested, `ai/${session}/main`)).toBe('Agent: nested, First');
  });

  test('a folder without one, and one below one', async () => {
    expect(await machine.open()).toMatchObject({ mounts: [], notes: [] });
    machine.git(machine.root, 'init', '-q');
    const part = await machine.open();
    expect(part.mounts).toEqual([]);
    expect(part.notes).toEqual([
      expect.stringContaining(`is at ${machine.root}, above the shared folder`),
    ]);
  });
});

describe('what is refused, with the reason', () => {
  const cases: readonly [string, RegExp, () => void][] = [
    ['a bare repository', /bare/, () => machine.git(machine.project, 'init', '-q', '--bare', '.')],
    [
      'refs in another format',
      /newer git|reftable/,
      () => {
        commitAll(machine, machine.project);
        machine.git(machine.project, 'config', 'core.repositoryformatversion', '1');
        machine.git(machine.project, 'config', 'extensions.refstorage', 'reftable');
      },
    ],
    [
      'a symbolic link',
      /symbolic link/,
      () => {
        commitAll(machine, machine.root);
        symlinkSync(join(machine.root, '.git'), join(machine.project, '.git'));
      },
    ],
    [
      'a file that names a repository of somebody else',
      /belongs to another folder/,
      () => {
        commitAll(machine, machine.root);
        machine.write(join(machine.project, '.git'), `gitdir: ${machine.root}/.git\n`);
      },
    ],
    [
      'a worktree that came with the code and names a repository of somebody else',
      /is not a worktree of the repository/,
      () => {
        commitAll(machine, machine.root);
        const { project } = machine;
        machine.write(join(project, '.git'), 'gitdir: fake\n');
        machine.write(join(project, 'fake/gitdir'), `${project}/.git\n`);
        machine.write(join(project, 'fake/HEAD'), 'ref: refs/heads/main\n');
        machine.write(join(project, 'fake/commondir'), `${machine.root}/.git\n`);
      },
    ],
  ];
  test.each(cases)('%s', async (_, message, make) => {
    make();
    await expect(machine.open()).rejects.toThrow(message);
    expect(existsSync(sessions()) ? kept() : []).toEqual([]);
  });

  test('a name of a session that is a path', async () => {
    await expect(machine.open({ session: '../x' })).rejects.toThrow(/not a session name/);
  });

  test('what names no repository within is hidden, and said', async () => {
    commitAll(machine, machine.project);
    machine.write(join(machine.project, 'sub/.git'), 'gitdir: /nowhere\n');
    const part = await machine.open();
    expect(behind(part, join(machine.project, 'sub/.git'))).toBe('/dev/null');
    expect(part.notes).toEqual([expect.stringContaining('sub is hidden from the agent')]);
  });
});

describe('the other modes', () => {
  test('none hides every .git', async () => {
    commitAll(machine, machine.project);
    machine.write(join(machine.project, 'sub/.git'), 'gitdir: ../.git\n');
    const { mounts } = await machine.open({ mode: 'none' });
    expect(mounts).toEqual([
      { type: 'tmpfs', target: join(machine.project, '.git'), bytes: 1024 * 1024, mode: '0700' },
      {
        type: 'bind',
        source: '/dev/null',
        target: join(machine.project, 'sub/.git'),
        readonly: true,
      },
    ]);
  });

  test('live mounts nothing over it, and warns', async () => {
    commitAll(machine, machine.project);
    const part = await machine.open({ mode: 'live' });
    expect(part.mounts).toBeUndefined();
    expect(part.notes).toEqual([expect.stringContaining('run on your machine')]);
  });
});

test('hooks that are files of the project, and Git LFS, are said', async () => {
  commitAll(machine, machine.project);
  machine.git(machine.project, 'config', 'core.hooksPath', '.husky/_');
  mkdirSync(join(machine.project, '.git/lfs'));
  const { notes } = await machine.open();
  expect(notes).toEqual([
    expect.stringContaining('Git LFS'),
    expect.stringContaining('core.hooksPath .husky/_'),
  ]);
});

test('a repository that the agent makes or replaces is named', async () => {
  const { project } = machine;
  mkdirSync(join(project, 'old'));
  commitAll(machine, join(project, 'old'));
  machine.git(project, 'init', '-q', '--bare', 'fixture');
  const part = await machine.open();
  machine.git(project, 'init', '-q');
  machine.git(project, 'init', '-q', '--bare', 'planted');
  machine.write(join(project, 'fixture/config'), '[core]\n\tbare = true\n\tfsmonitor = run\n');
  // A folder can be renamed although a mount is below it; another one then takes its place.
  renameSync(join(project, 'old'), join(project, 'older'));
  machine.write(join(project, 'old/.git/HEAD'), 'ref: refs/heads/main\n');
  const notes = (await part.finish?.()) ?? [];
  const named = notes.flatMap((note) => /the git repository (\S+):/.exec(note)?.[1] ?? []);
  expect(named.toSorted()).toEqual(['.git', 'fixture', 'old/.git', 'older/.git', 'planted']);
});
