import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fixtures } from '../unit/support.ts';

/** The real program, on a checkout of its own, away from whatever this machine is set to. */

export const checkout = join(fixtures, 'checkout');
const root = join(import.meta.dirname, '..', '..');
export const cli = join(root, 'bakery', 'cli', 'main.ts');

export type Ended = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export const bakery = (
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: options.cwd ?? checkout,
      // Compiled once for all runs: half of the time goes into reading the sources.
      env: {
        PATH: '/nowhere',
        NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'bakery'),
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const texts = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text));
    child.on('error', reject).on('close', (code) => resolve({ code, ...texts }));
  });
