import { execFile, execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { stripVTControlCharacters } from 'node:util';
import { join } from 'node:path';
import type { Ended } from './bakery.ts';

/** GitLab's pipelines on this machine, by gitlab-ci-local: it reads them with GitLab's own schema, and runs the jobs. */

const require = createRequire(import.meta.url);
const program = require.resolve('gitlab-ci-local');

/** Makes a folder the repository that a pipeline runs in: all that is there and not ignored, in one commit. */
export const commitFolder = (folder: string): void => {
  const git = (...args: readonly string[]): void => {
    const person = ['-c', 'user.name=A User', '-c', 'user.email=user@example.com'];
    const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
    execFileSync('git', [...person, ...args], { cwd: folder, env, stdio: 'pipe' });
  };
  git('init', '--quiet', '--initial-branch=main');
  git('remote', 'add', 'origin', 'https://gitlab.example.com/acme/bakery.git');
  git('symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'All');
};

/** Runs it to its end in such a folder; nothing of the user's is read. */
export const gitlab = (folder: string, args: readonly string[]): Promise<Ended> =>
  new Promise((settle) => {
    const child = execFile(
      process.execPath,
      [program, '--home', join(folder, '.gitlab-ci-local', 'home'), ...args],
      {
        cwd: folder,
        maxBuffer: 64 * 1024 * 1024,
        env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
      },
      (_, stdout, stderr) =>
        settle({
          code: child.exitCode,
          stdout: stripVTControlCharacters(stdout),
          stderr: stripVTControlCharacters(stderr),
        }),
    );
  });
