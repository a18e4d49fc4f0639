import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from './support.ts';
import { aiRun, makeTinyImage, type Tiny } from './tiny-image.ts';

/** Another kernel in between, where the engine has gVisor's runtime. */

const { stdout } = await docker('info', '--format={{json .Runtimes}}');
const hasGvisor = Object.hasOwn(JSON.parse(stdout) as object, 'runsc');

let tiny: Tiny;
beforeAll(async () => {
  tiny = await makeTinyImage();
});
afterAll(() => tiny.close());

const script = 'cat /proc/version; id -u; touch /file || echo read-only';

test.skipIf(!hasGvisor)(
  'under gVisor, the kernel is not the machine’s, and the policy holds (needs an engine with the runtime runsc)',
  async () => {
    const machine = await readFile('/proc/version', 'utf8');
    const words = ['--', '-c', script];
    const usual = await aiRun(tiny, [tiny.agent, ...words]);
    expect(usual.stdout).toContain(machine);
    const ran = await aiRun(tiny, [tiny.agent, '--gvisor', ...words]);
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout).not.toContain(machine);
    expect(ran.stdout.split('\n').slice(1, 3)).toEqual([usual.stdout.split('\n')[1], 'read-only']);
  },
);

test('a runtime that the engine lacks is named, and nothing is started', async () => {
  const ran = await aiRun(tiny, [tiny.agent, '--oci-runtime', 'e2e-none', '--', '-c', 'echo up']);
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toMatch(/runtime.*e2e-none/);
  expect(ran.stdout).toBe('');
});
