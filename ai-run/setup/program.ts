/** The command that starts ai-run in the user's shell. */

import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { formatCommand } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';

/**
 * Returns the command for an alias: the name, if it is on PATH permanently; otherwise the path of the running program. npm
 * and npx add folders to PATH for one command only, so these do not count.
 * @throws UserError E_SETUP if npx fetched the program, because npx may delete it again.
 */
export function findProgram(env: NodeJS.ProcessEnv = process.env): string {
  const lasting = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder.startsWith('/') && !/\/node_modules\/|\/_npx\//.test(`${folder}/`));
  if (lasting.some((folder) => isExecutable(join(folder, 'ai-run')))) return 'ai-run';
  const own = realpathSync(process.argv[1] ?? '');
  if (own.includes('/_npx/')) {
    throw new UserError(
      'E_SETUP',
      'npx fetched ai-run for one command: an alias to it would break',
      {
        hint: 'install it first, with `npm install --global`, or copy dist/ai-run.mjs to a folder on PATH as ai-run',
      },
    );
  }
  return formatCommand({ file: process.execPath, args: [own] });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
