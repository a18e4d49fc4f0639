import { chownSync, existsSync, lchownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launch } from '../../kernel/launch.ts';
import type { Part } from '../../ai-run/part.rules.ts';
import { platformOfMachine } from '../../kernel/platform.ts';
import { harden } from '../../kernel/policy.ts';
import { openElsewhere } from '../../ai-run/git/elsewhere.ts';
import type { GitOptions } from '../../ai-run/git/git.ts';
import { openMasks } from '../../ai-run/project/masks.ts';
import { commitAll, makeMachine, type Machine, session } from '../program/repositories.ts';
import { docker, type Ran, run, upstream } from './support.ts';

/** The base image of all agents: it has git. */
let image = '';
let machine: Machine;

const policy = harden({
  user: { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 },
});

beforeAll(async () => {
  image = await upstream('mcr.microsoft.com/devcontainers/typescript-node:24-trixie');
  const { code, stderr } = await docker('pull', '--quiet', image);
  if (code !== 0) throw new Error(stderr);
});
beforeEach(() => {
  machine = makeMachine();
  // If the tests run as root, the project belongs to the agent's user, as the project of a person does.
  machine.git(machine.home, 'config', '--global', 'safe.directory', '*');
});
afterEach(() => machine.remove());

/** Gives what the user made to the user of the container, where that is another one. */
const own = (folder: string): void => {
  chownSync(folder, policy.user.uid, policy.user.gid);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    lchownSync(join(entry.parentPath, entry.name), policy.user.uid, policy.user.gid);
};

const open = (options?: Partial<GitOptions>): Promise<Part> => {
  own(machine.project);
  return machine.open({ user: policy.user, ...options });
};

/** Runs a script as the agent, with the mounts of its session. */
const agent = (part: Part, script: string): Promise<Ran> => {
  const { project } = machine;
  const { file, args } = launch({
    image,
    platform: platformOfMachine(process.arch) ?? 'linux/amd64',
    policy: harden({
      user: policy.user,
      network: { mode: 'none' },
      mounts: [
        { type: 'bind', source: project, target: project, readonly: false },
        ...(part.mounts ?? []),
      ],
    }),
    command: ['sh', '-ec', script],
    workdir: project,
    env: { ...part.env },
  });
  return run(file, args);
};

const log = (folder: string, ref: string): string =>
  machine.git(folder, 'log', '--format=%an %s', ref).trim().split('\n').join(', ');

describe('an agent in its container', () => {
  test('commits in the project, a submodule and a repository within, and all of it is fetched', async () => {
    const { project, root } = machine;
    const library = join(root, 'library');
    const nested = join(project, 'nested');
    mkdirSync(library);
    commitAll(machine, library);
    commitAll(machine, project);
    machine.git(project, 'submodule', '--quiet', 'add', library, 'lib');
    machine.git(project, 'commit', '-qm', 'Library');
    machine.write(join(project, '.git/hooks/pre-commit'), '#!/bin/sh\nexit 1\n', 0o755);
    mkdirSync(nested);
    commitAll(machine, nested);
    const part = await open();
    const ran = await agent(
      part,
      `git status --porcelain --untracked-files=no
       for folder in nested lib .; do
         echo agent > $folder/file.txt; git -C $folder commit -qam Agent
       done
       git log --format=%s
       ls -A .git/hooks
       if touch /run/ai-run/objects/0/0/x 2>/dev/null; then echo objects can be written; fi
       git fsck --strict --no-progress`,
    );
    // Nothing but the log: no false change, no complaint about ownership or objects, no hook.
    expect(ran).toEqual({ code: 0, stdout: 'Agent\nLibrary\nFirst\n', stderr: '' });
    expect(log(project, '--all')).not.toContain('Agent');
    expect(await part.finish?.()).toEqual([
      `1 new commit on main; lib: 1 new commit on main; nested: 1 new commit on main: bring them back with: ai-run git fetch ${session}`,
    ]);
    await machine.verb('fetch', session);
    expect(log(project, `ai/${session}/main`)).toBe('A User Agent, A User Library, A User First');
    expect(log(join(project, 'lib'), `ai/${session}/main`)).toBe('A User Agent, A User First');
    expect(log(nested, `ai/${session}/main`)).toBe('A User Agent, A User First');
    expect(readdirSync(join(machine.home, '.ai-run/git'))).toEqual([]);
  });

  test('sees a borrowing clone without complaints', async () => {
    const origin = join(machine.root, 'origin');
    mkdirSync(origin);
    commitAll(machine, origin);
    machine.git(machine.root, 'clone', '-q', '--shared', origin, 'project');
    const part = await open();
    expect(await agent(part, 'git status --porcelain; git log --format=%s')).toEqual({
      code: 0,
      stdout: 'First\n',
      stderr: '',
    });
    await part.finish?.();
  });

  test('leaves masked files out of its commits; where git is not told of them, they are committed as empty', async () => {
    const { home, project, write } = machine;
    write(join(project, '.env'), 'secret\n');
    write(join(project, '.ssh/config'), 'secret\n');
    commitAll(machine, project);
    write(join(project, '.npmrc'), 'secret\n');
    const { mounts = [] } = openMasks({ userHome: home, workspaces: [project] });
    const script =
      'cat .env; echo agent > file.txt; git add -A; git commit -qm Agent; git show --name-status --format= HEAD';
    const commit = async (hidden: readonly string[]): Promise<Ran> => {
      const part = await open({ hidden });
      const ran = await agent({ ...part, mounts: [...(part.mounts ?? []), ...mounts] }, script);
      await part.finish?.();
      await machine.verb('drop', session);
      return ran;
    };
    expect(await commit(mounts.map(({ target }) => target))).toEqual({
      code: 0,
      stdout: 'M\tfile.txt\n',
      stderr: '',
    });
    expect((await commit([])).stdout).toBe('M\t.env\nA\t.npmrc\nD\t.ssh/config\nM\tfile.txt\n');
  });

  test('sees no repository with --git none', async () => {
    commitAll(machine, machine.project);
    expect((await agent(await open({ mode: 'none' }), 'git log')).stderr).toMatch(
      /not a git repository/,
    );
  });
});

const canary = (): string => join(machine.root, 'canary');

/** Replaces `.git` by one that runs a program, as an agent could try where only files in it are guarded. */
const replace = {
  'a repository': (evil: string) =>
    `mv .git .git.old; cp -r .git.old .git; printf '${evil}' >> .git/config`,
  'the file of a linked worktree': (evil: string) =>
    `gitdir=$(sed 's/gitdir: //' .git); mkdir evil; git init -q evil/r; printf '${evil}' >> evil/r/.git/config
     touch evil/r/file.txt; git -C evil/r add .; rm .git; echo "gitdir: evil/r/.git" > .git`,
};

describe.each(Object.entries(replace))('replacing %s', (what, script) => {
  const attack = async (mode: GitOptions['mode']): Promise<Ran> => {
    const { project, root } = machine;
    const worktree = what !== 'a repository';
    const main = worktree ? join(root, 'main') : project;
    mkdirSync(main, { recursive: true });
    commitAll(machine, main);
    if (worktree) machine.git(main, 'worktree', 'add', '-q', '-b', 'side', project);
    machine.write(join(project, 'plant.sh'), `#!/bin/sh\ntouch ${canary()}\n`, 0o755);
    const part = await open({ mode });
    const ran = await agent(part, script(`[core]\\nfsmonitor = ${project}/plant.sh\\n`));
    await part.finish?.();
    machine.git(project, 'status');
    return ran;
  };

  test('fails, and nothing runs on the host', async () => {
    const { code, stderr } = await attack('shadow');
    expect(stderr).toMatch(/Device or resource busy/);
    expect(code).not.toBe(0);
    expect(existsSync(canary())).toBe(false);
  });

  test('works where .git is shared live, and runs on the host', async () => {
    expect(await attack('live')).toMatchObject({ code: 0 });
    expect(existsSync(canary())).toBe(true);
  });
});

test('the file of a linked worktree names the shadow, which is where the agent commits', async () => {
  const { root, project } = machine;
  const main = join(root, 'main');
  mkdirSync(main);
  commitAll(machine, main);
  machine.git(main, 'worktree', 'add', '-q', '-b', 'side', project);
  const dotGit = readFileSync(join(project, '.git'), 'utf8');
  const part = await open();
  const ran = await agent(
    part,
    'echo agent > file.txt; git commit -qam Agent; git branch --show-current',
  );
  expect(ran).toEqual({ code: 0, stdout: 'side\n', stderr: '' });
  await part.finish?.();
  await machine.verb('fetch');
  expect(log(main, `ai/${session}/side`)).toBe('A User Agent, A User First');
  expect(readFileSync(join(project, '.git'), 'utf8')).toBe(dotGit);
});

describe('a repository beside the project', () => {
  const plant =
    'printf "#!/bin/sh\\ntouch ran\\n" > ../lib/.git/hooks/pre-commit; chmod +x ../lib/.git/hooks/pre-commit';

  /** Lets an agent work in both folders; says whether what it planted has run when the user commits. */
  const works = async (guarded: boolean): Promise<{ said: readonly string[]; ran: boolean }> => {
    const { project } = machine;
    const lib = join(dirname(project), 'lib');
    mkdirSync(lib);
    commitAll(machine, lib);
    own(lib);
    const shared = { type: 'bind', source: lib, target: lib, readonly: false } as const;
    const part = guarded ? openElsewhere({ project, others: [lib], hidden: [] }) : {};
    await agent({ ...part, mounts: [shared, ...(part.mounts ?? [])] }, `${plant} || true`);
    machine.git(lib, 'commit', '--allow-empty', '-qm', 'Second');
    return { said: (await part.finish?.()) ?? [], ran: existsSync(join(lib, 'ran')) };
  };

  test('is hidden, so that nothing is planted in it', async () => {
    expect(await works(true)).toEqual({ said: [], ran: false });
  });

  test('would run what is planted in it, were it not hidden', async () => {
    expect(await works(false)).toEqual({ said: [], ran: true });
  });
});
