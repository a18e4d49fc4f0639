import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkout } from '../e2e/support.ts';

/** Runs the bakery until standard error shows this, and kills it with everything that it has started. */
export const runUntil = (
  line: RegExp,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<'killed' | 'ended'> =>
  new Promise((settle) => {
    const child = spawn(process.execPath, [join(checkout, 'bakery/cli/main.ts'), ...args], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    let seen = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      seen += text;
      if (line.test(seen) && child.pid !== undefined && child.exitCode === null)
        process.kill(-child.pid, 'SIGKILL');
    });
    child.on('close', (_, signal) => settle(signal === 'SIGKILL' ? 'killed' : 'ended'));
  });
