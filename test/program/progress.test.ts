import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const exec = join(import.meta.dirname, '../../ai-run/host/exec.ts');

/** A program that shows the progress of `sh -c script`, and then its result or its error. It waits a second for an end. */
const start = (script: string) => {
  const command = { file: 'sh', args: ['-c', script] };
  const program = `import { showProgress } from ${JSON.stringify(exec)};
    const said = await showProgress(${JSON.stringify(command)}, 'pipe', 1000).catch(({ code, cause }) => ({ code, cause }));
    console.log(JSON.stringify(said));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  return { child, output };
};

describe('the progress of a command', () => {
  test('is shown on standard error, and its errors are returned', async () => {
    const { child, output } = start('echo layer; echo reason >&2; exit 3');
    await once(child, 'close');
    expect(JSON.parse(output.stdout)).toEqual({ code: 3, stderr: 'reason\n' });
    expect(output.stderr).toBe('layer\n');
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends on %s, and its caller is told: it may have more to do',
    async (signal) => {
      // It holds standard error open for as long as it lives.
      const { child, output } = start('echo ready; exec sleep 60');
      await once(child.stderr, 'data');
      child.kill(signal);
      const [exit] = (await Promise.all([
        once(child, 'exit'),
        once(child, 'close'),
      ])) as unknown[][];
      expect(exit).toEqual([0, null]);
      expect(JSON.parse(output.stdout)).toEqual({ code: 'E_SIGNAL', cause: signal });
      expect(output.stderr).toBe('ready\n');
    },
  );

  test('does not outlive a signal by not listening', async () => {
    const { child, output } = start('trap "" TERM; echo ready; while :; do sleep 1; done');
    await once(child.stderr, 'data');
    const told = performance.now();
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(performance.now() - told).toBeGreaterThan(900);
    expect(JSON.parse(output.stdout)).toEqual({ code: 'E_SIGNAL', cause: 'SIGTERM' });
  });
});
