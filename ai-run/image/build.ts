import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import type { Command } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { showProgress } from '../host/exec.ts';

/**
 * Where bakery is when it is not on PATH: in a checkout, above `ai-run/image/`, `ai-run/dist/` and `ai-run/dist/run/`; or as a
 * package installed beside this one.
 */
const beside = [
  '../../bakery/cli/main.ts',
  '../../bakery/dist/bakery.js',
  '../../../bakery/dist/bakery.js',
  '../../../ai-bakery/dist/bakery.js',
].map((path) => join(import.meta.dirname, path));

/**
 * Builds an image into the local engine, as `bakery build` does, with its progress on standard error.
 * @throws UserError E_NO_BAKERY where there is none, E_BUILD where it failed.
 */
export async function build(
  { agent, runtime, platform }: Record<'agent' | 'runtime', string> & { platform?: string },
  path = process.env['PATH'] ?? '',
): Promise<void> {
  const bakery = findBakery(path);
  if (bakery === undefined) {
    throw new UserError('E_NO_BAKERY', '--build: there is no bakery on PATH or beside ai-run', {
      hint: 'install the whole package, or take an image from a registry with --image-source registry',
    });
  }
  const flags = platform === undefined ? [] : ['--platform', platform];
  const args = [...bakery.args, 'build', agent, '--runtime', runtime, ...flags];
  const { code } = await showProgress({ file: bakery.file, args }, 'inherit');
  if (code === 0) return;
  throw new UserError(
    'E_BUILD',
    `bakery could not build ai-${agent}:${runtime}: it ended with ${code}`,
    { hint: 'what it says above is the reason; without --build the image that is here runs' },
  );
}

/**
 * The bakery to call, and what it is called with. It builds from the catalogue that it comes with: one in the project could
 * be an agent's work.
 */
function findBakery(path: string): Pick<Command, 'file' | 'args'> | undefined {
  // A relative folder of PATH would be one of the project.
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

/** The folder with `bakery.yaml` that a program comes with. */
function catalogueOf(program: string): string | undefined {
  for (let folder = dirname(program); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'bakery.yaml'))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
