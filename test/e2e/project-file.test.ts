import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from './fake-caller.ts';
import { aiRun, makeTinyImage, type Running, startInTerminal, type Tiny } from './tiny-image.ts';

/** The effects of `.ai-run.yaml` on a session, and an agent's attempts to change that file. */

let tiny: Tiny;
let lib: string;
beforeAll(async () => {
  tiny = await makeTinyImage();
  lib = join(dirname(tiny.project), 'lib');
  await mkdir(lib);
  await writeFile(join(lib, 'shared.txt'), 'from the library\n');
  await writeFile(join(tiny.project, 'notes.secret'), 'secret\n');
});
afterAll(() => tiny.close());
afterEach(() => rm(join(tiny.project, '.ai-run.yaml'), { force: true }));

const file = (text: string): Promise<void> => writeFile(join(tiny.project, '.ai-run.yaml'), text);
const shell = (script: string, ...flags: string[]): string[] => [
  ...flags,
  tiny.agent,
  '--',
  '-c',
  script,
];

const memory =
  'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes';
const gibibyte = 2 ** 30;

describe('what narrows', () => {
  const look = `${memory}; ls /sys/class/net; cat notes.secret`;

  test('holds in the container; without the file the defaults do', async () => {
    await file('memory: 256m\nnetwork: none\nmask:\n  - "*.secret"\n');
    const narrow = await aiRun(tiny, shell(look));
    expect(narrow.stderr).toContain('.ai-run.yaml: memory 256m, network none, mask (1)\n');
    expect([narrow.code, narrow.stdout]).toEqual([0, `${gibibyte / 4}\nlo\n`]);
    await rm(join(tiny.project, '.ai-run.yaml'));
    const usual = await aiRun(tiny, shell(look));
    expect(usual.stdout).toBe(`${4 * gibibyte}\neth0\nlo\nsecret\n`);
  });

  test('is the user’s to override, by flags', async () => {
    await file('memory: 256m\nnetwork: none\n');
    const { stdout } = await aiRun(
      tiny,
      shell(`${memory}; ls /sys/class/net`, '--memory', '512m', '--network', 'bridge'),
    );
    expect(stdout).toBe(`${gibibyte / 2}\neth0\nlo\n`);
  });

  test.each([
    ['written', 'echo "network: bridge" > .ai-run.yaml', true],
    ['removed', 'rm -f .ai-run.yaml', true],
    ['renamed', 'mv .ai-run.yaml x', true],
    ['replaced', 'echo > y; mv -f y .ai-run.yaml', true],
    ['given a second name', 'ln .ai-run.yaml z', false],
  ])(
    'cannot be %s by the agent; in a session of another folder, it can',
    async (_, script, isChange) => {
      await file('network: none\n');
      await chmod(join(tiny.project, '.ai-run.yaml'), 0o666);
      const own = await aiRun(tiny, shell(script));
      expect(own.code, own.stderr).not.toBe(0);
      expect(own.stderr).toMatch(/Read-only file system|Device or resource busy|cross-device link/);
      const above = { ...tiny, project: dirname(tiny.project) };
      const other = await aiRun(above, shell(`cd shop; ${script}`));
      expect(other.code, other.stderr).toBe(0);
      expect(other.stderr.includes('can run code on your machine')).toBe(isChange);
    },
  );
});

test('a pattern may name folders in which other parts of the session have their place', async () => {
  const nested = join(tiny.project, 'nested');
  await mkdir(join(nested, '.git/objects'), { recursive: true });
  await file('mask: ["*/", .ai-run.yaml]\n');
  const { code, stdout, stderr } = await aiRun(tiny, shell('ls -A nested'));
  expect([code, stdout], stderr).toEqual([0, '']);
  await file('network: none\n');
  expect((await aiRun(tiny, shell('ls -A nested'))).stdout).toBe('.git\n');
  await rm(nested, { recursive: true });
});

test('masks of the user hide and show in every project', async () => {
  await writeFile(join(tiny.project, '.env'), 'secret\n');
  const look = shell('cat .env notes.secret');
  expect((await aiRun(tiny, look)).stdout).toBe('secret\n');
  const changed = { ...tiny, env: { ...tiny.env, AI_RUN_MASK: '*.secret', AI_RUN_UNMASK: '.env' } };
  const ran = await aiRun(changed, look);
  expect(ran.stdout).toBe('secret\n');
  expect(ran.stderr).toContain('masked: notes.secret (--no-mask shows them)');
  expect(ran.stderr).toContain('AI_RUN_UNMASK: the agent may read ".env"');
  await rm(join(tiny.project, '.env'));
});

const sees = (running: Running, text: string): Promise<void> =>
  until(`it says ${text}`, () => running.seen().includes(text), 30);

describe('what widens', () => {
  const look = `${memory}; cat ../lib/shared.txt`;

  test('is refused without a terminal; the same by flags is not', async () => {
    await file('memory: 5g\n');
    const refused = await aiRun(tiny, shell('echo ran'));
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toBe(
      `error[E_APPROVAL]: .ai-run.yaml has settings that you have not approved:
  memory: the agent may use 5 GiB
hint: start ai-run here in a terminal to approve them, or remove them from .ai-run.yaml
`,
    );
    expect(await aiRun(tiny, shell('echo ran', '--memory', '5g'))).toMatchObject({
      code: 0,
      stdout: 'ran\n',
    });
  });

  test('holds when it is approved in a terminal, is not asked again, and is when it changes', async () => {
    const text = 'memory: 5g\nmounts:\n  - ../lib:ro\n';
    await file(text);
    const first = startInTerminal(tiny, shell(look));
    await sees(first, 'Approve? [yes/no]');
    expect(first.seen()).toContain('memory: the agent may use 5 GiB');
    expect(first.seen()).toContain(`mounts: the agent reaches ${lib}:ro as well`);
    expect(first.seen()).not.toContain('from the library');
    first.write('yes\r');
    expect(await first.ended, first.seen()).toBe(0);
    expect(first.seen()).toContain(`${5 * gibibyte}`);
    expect(first.seen()).toContain('from the library');

    expect(await aiRun(tiny, shell(look))).toMatchObject({
      code: 0,
      stdout: `${5 * gibibyte}\nfrom the library\n`,
    });

    await file(text.replace(':ro', ''));
    expect(await aiRun(tiny, shell(look))).toMatchObject({ code: 1, stdout: '' });
    const changed = startInTerminal(tiny, shell(look));
    await sees(changed, 'Approve? [yes/no]');
    expect(changed.seen()).toContain(`${lib}:rw`);
    changed.write('no\r');
    expect(await changed.ended).toBe(1);
    expect(changed.seen()).not.toContain('from the library');
    // Nor is what was approved before the change.
    await file(text);
    expect((await aiRun(tiny, shell(look))).code).toBe(1);
  });

  test('is printed without a question, and named as not approved', async () => {
    await file('memory: 5g\n');
    const { code, stdout, stderr } = await aiRun(tiny, ['--print', tiny.agent]);
    expect(code).toBe(0);
    expect(stdout).toContain(`--memory=${5 * gibibyte}`);
    expect(stderr).toContain('.ai-run.yaml: not approved yet');
  });
});
