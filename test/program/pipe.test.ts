import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { checkout, cli } from './bakery.ts';

test('a reader that has seen enough is no bug of the program', async () => {
  const child = spawn(process.execPath, [cli, 'plan', '--json'], { cwd: checkout });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  expect(stderr).toBe('');
});
