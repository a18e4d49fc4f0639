import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { formatCommand } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';

/**
 * How a shell of the user's starts ai-run: by its name where that is on PATH for good, else by the path of this very program.
 * npm and npx put folders on PATH for one command only.
 * @throws UserError E_SETUP for a program that npx has fetched, and throws away again.
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
      'npx has fetched ai-run for this once: an alias would lead nowhere',
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
