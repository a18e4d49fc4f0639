/** Building of an image by bakery, for --build. */

import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import type { Command } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { showProgress } from '../host/exec.ts';

/**
 * The paths of bakery if it is not on PATH: in a checkout, above `ai-run/image/`, `ai-run/dist/` and `ai-run/dist/run/`; or in a
 * package that is installed beside this one.
 */
const beside = [
  '../../bakery/cli/main.ts',
  '../../bakery/dist/bakery.js',
  '../../../bakery/dist/bakery.js',
  '../../../ai-bakery/dist/bakery.js',
].map((path) => join(import.meta.dirname, path));

/**
 * Builds an image into the local engine with `bakery build`, with its progress on standard error.
 * @throws UserError E_NO_BAKERY if bakery is not found, E_BUILD if the build failed.
 */
export async function build(
  { agent, runtime, platform }: Record<'agent' | 'runtime', string> & { platform?: string },
  path = process.env['PATH'] ?? '',
): Promise<void> {
  const bakery = findBakery(path);
  if (bakery === undefined) {
    throw new UserError('E_NO_BAKERY', '--build: bakery is neither on PATH nor beside ai-run', {
      hint: 'install bakery, or use an image of a registry with --image-source registry',
    });
  }
  const flags = platform === undefined ? [] : ['--platform', platform];
  const args = [...bakery.args, 'build', agent, '--runtime', runtime, ...flags];
  const { code } = await showProgress({ file: bakery.file, args }, 'inherit');
  if (code === 0) return;
  throw new UserError(
    'E_BUILD',
    `bakery could not build ai-${agent}:${runtime}: exit code ${code}`,
    { hint: 'see its messages above; without --build, ai-run starts the existing image' },
  );
}

/**
 * Returns the command of bakery. It builds from the catalogue that bakery comes with, because an agent could have written
 * one in the project.
 */
function findBakery(path: string): Pick<Command, 'file' | 'args'> | undefined {
  // A relative folder on PATH would be in the project.
  const folders = path.split(delimiter).filter(isAbsolute);
  const found = folders.map((folder) => join(folder, 'bakery')).find(isProgram);
  const own = beside.find((one) => existsSync(one));
  const program = found ?? own;
  if (program === undefined) return undefined;
  const root = catalogueOf(realpathSync(program));
  const args = root === undefined ? [] : ['--root', root];
  return found === undefined
    ? { file: process.execPath, args: [program, ...args] }
    : { file: found, args };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Returns the folder with `bakery.yaml` above a program. */
function catalogueOf(program: string): string | undefined {
  for (let folder = dirname(program); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'bakery.yaml'))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
