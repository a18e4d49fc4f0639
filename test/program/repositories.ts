import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Part } from '../../ai-run/part.rules.ts';
import { walk } from '../../ai-run/host/walk.ts';
import { type GitOptions, openGit } from '../../ai-run/git/git.ts';
import { gitVerb } from '../../ai-run/git/verb.ts';

const write = (path: string, text: string, mode = 0o644): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
};

/** A machine for one test: a home and a project, with real git and nobody's settings. */
export type Machine = {
  readonly root: string;
  readonly home: string;
  readonly project: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs git in a folder, as the user would; returns what it printed. */
  readonly git: (folder: string, ...args: string[]) => string;
  readonly write: typeof write;
  readonly open: (options?: Partial<GitOptions>) => Promise<Part>;
  /** `ai-run git …` in the project; returns the lines it printed. */
  readonly verb: (name: 'list' | 'fetch' | 'drop', ...names: string[]) => Promise<string[]>;
  readonly remove: () => void;
};

export const session = 'claude-project-1';

export const makeMachine = (): Machine => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'ai-run-git-')));
  const [home, project] = [join(root, 'home'), join(root, 'project')];
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
  };
  write(
    join(home, '.gitconfig'),
    '[user]\n\tname = A User\n\temail = user@example.com\n[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n',
  );
  mkdirSync(project);
  const user = { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };
  return {
    root,
    home,
    project,
    env,
    write,
    git: (folder, ...args) =>
      execFileSync('git', args, { cwd: folder, env, encoding: 'utf8', stdio: 'pipe' }),
    open: (options) => {
      const folder = options?.project ?? project;
      const tree = walk(folder);
      return openGit({
        project: folder,
        tree,
        mode: 'shadow',
        session,
        home,
        user,
        env,
        ...options,
      });
    },
    verb: async (name, ...names) => {
      const lines: string[] = [];
      await gitVerb(name, names, { home, cwd: project, env, print: (line) => lines.push(line) });
      return lines;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
};

/** A repository with one commit in a folder. */
export const commitAll = (machine: Machine, folder: string, ...init: string[]): void => {
  machine.git(folder, 'init', '-q', ...init);
  machine.write(join(folder, 'file.txt'), 'first\n');
  machine.git(folder, 'add', '.');
  machine.git(folder, 'commit', '-qm', 'First');
};

/** The file of the host behind a path of the container, or nothing where it is the host's own. */
export const behind = (part: Part, path: string): string | undefined => {
  const mount = part.mounts?.find(({ target }) => target === path);
  return mount?.type === 'bind' ? mount.source : undefined;
};

/**
 * Runs git as the agent does in the container: in its `.git`, with what is lent to it. Paths of the container mean nothing
 * on the host, so the lent objects are named here.
 */
export const agentGit = (
  machine: Machine,
  part: Part,
  folder: string,
  ...args: string[]
): string => {
  const pointer = behind(part, join(folder, '.git')) ?? '';
  const number = /\/(\d+)\/(?:shadow|pointer)$/.exec(pointer)?.[1] ?? '';
  const lent = (part.mounts ?? []).flatMap((mount) =>
    mount.type === 'bind' && new RegExp(`^/run/ai-run/objects/${number}/\\d+$`).test(mount.target)
      ? [mount.source]
      : [],
  );
  return execFileSync('git', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: 'pipe',
    env: {
      PATH: machine.env['PATH'],
      HOME: '/nonexistent',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_DIR: pointer.replace(/pointer$/, 'shadow'),
      GIT_WORK_TREE: folder,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: lent.join(':'),
      ...part.env,
    },
  });
};

/** Changes a file and commits it, as the agent. */
export const agentCommits = (machine: Machine, part: Part, folder: string, text: string): void => {
  machine.write(join(folder, 'file.txt'), text);
  agentGit(machine, part, folder, 'commit', '-qam', `Agent: ${text.trim()}`);
};
