import { lstatSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UserError } from './core/error.ts';
import type { Mount } from './core/policy.ts';

/**
 * The real path of the project folder.
 * @throws UserError E_WORKSPACE for `/`, the home folder and every folder above it: they hold more than a project.
 */
export const findProject = (folder: string): string => {
  const project = realpathSync(folder);
  const home = realpathSync(homedir());
  if (project === '/' || home === project || home.startsWith(`${project}/`)) {
    throw new UserError(
      'E_WORKSPACE',
      `${project} is not shared with an agent: it is or holds your home folder`,
      {
        hint: 'start ai-run in the folder of one project',
      },
    );
  }
  return project;
};

/** The project at its own path. Its `.git` is covered: what an agent plants there would run on the host. */
export const projectMounts = (project: string): Mount[] => {
  const git = join(project, '.git');
  const state = lstatSync(git, { throwIfNoEntry: false });
  const mount: Mount = { type: 'bind', source: project, target: project, readonly: false };
  if (state === undefined) return [mount];
  return [
    mount,
    state.isDirectory()
      ? { type: 'tmpfs', target: git, bytes: 1024 * 1024, mode: '0700' }
      : { type: 'bind', source: '/dev/null', target: git, readonly: true },
  ];
};
