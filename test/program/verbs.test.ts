import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { program, verbs } from '../../ai-run/cli/commands.rules.ts';
import { helpPage } from '../../kernel/command-help.ts';
import { startName } from '../../kernel/commands.ts';
import { type Home, makeHome } from './home.ts';

const cli = join(import.meta.dirname, '../../ai-run/cli/cli.ts');

let home: Home;
/** The arguments of the only docker on PATH: these tests leave the sessions of the real engine alone. */
const asked = (): string =>
  existsSync(home.file('asked')) ? readFileSync(home.file('asked'), 'utf8') : '';

const session = ['c0ffee', 'running', 'now', 'a\u001b[2Jb', 'a', '/p', 'host 1 2 3'];

beforeAll(() => {
  home = makeHome();
  const line = JSON.stringify(session);
  home.program(
    'docker',
    `echo "$*" >>'${home.file('asked')}'\n[ "$1" = ps ] && printf '%s\\n' '${line}'`,
  );
});
afterAll(() => home.remove());

describe('a word too many', () => {
  test.each([
    ['ps', 'ps', 'foo'],
    ['list', 'list', 'foo'],
    ['doctor', 'doctor', '--json', 'foo'],
    ['setup', 'setup', '--yes', '--no-pull', 'foo'],
    ['uninstall', 'uninstall', '--yes', 'foo'],
    ['stop --all', 'stop', '--all', 'foo'],
    ['attach', 'attach', 'a', 'foo'],
    ['git list', 'git', 'list', 'foo'],
    ['completion', 'completion', 'bash', 'foo'],
  ])('is named by %s, and nothing is done', async (call, ...words) => {
    const { code, stdout, stderr } = await home.aiRun(...words);
    const verb = call.replace(' --all', '');
    expect(stderr).toMatch(
      new RegExp(
        `^error\\[E_USAGE\\]: ai-run ${verb}: .*"foo".*\nhint: (?:.*\\()?ai-run ${verb} --help\\)?\n$`,
      ),
    );
    expect([code, stdout, asked()]).toEqual([2, '', '']);
  });
});

describe('the help', () => {
  test.each(Object.keys(verbs).flatMap((verb) => [`${verb} --help`, `${verb} -h`]))(
    'of a verb is shown by %s',
    async (words) => {
      const [page = ''] = words.split(' -');
      const ran = await home.aiRun(...words.split(' '));
      expect(ran).toEqual({ code: 0, stdout: `${helpPage(program, page)}\n`, stderr: '' });
      expect(ran.stdout).toMatch(new RegExp(`^Usage: ai-run ${page}\\b`));
    },
  );

  test.each([
    ['--help', undefined],
    ['-h', undefined],
    ['--runtime go --help', undefined],
    ['claude --help', startName],
    ['--runtime go claude -h', startName],
  ])('of the program, or of a start, is shown by %s', async (words, page) => {
    const ran = await home.aiRun(...words.split(' '));
    expect(ran).toEqual({ code: 0, stdout: `${helpPage(program, page)}\n`, stderr: '' });
  });

  test('is not what completion is asked about', async () => {
    const { stdout } = await home.aiRun('completion', '--words', '--', '--hel');
    expect(stdout).toBe('--help\n');
  });

  test('of git is its own, and shown to those who name no verb of it', async () => {
    const shown = await home.aiRun('git', '--help');
    expect(shown.stdout).toMatch(/^Usage: ai-run git list\n/);
    expect(await home.aiRun('git')).toEqual({ ...shown, code: 2 });
  });

  test('is not shown after --, which is for the agent', async () => {
    const { code, stderr } = await home.aiRun('claude', '--runtime', '@', '--', '--help');
    expect([code, stderr]).toEqual([2, expect.stringContaining('--runtime')]);
  });
});

test('a session whose name is a container’s own idea cannot repaint the terminal', async () => {
  const { code, stderr } = await home.aiRun('stop', 'nope');
  expect([code, stderr]).toEqual([
    1,
    'error[E_NO_SESSION]: unknown session "nope"\nhint: running sessions: ab\n',
  ]);
});

/** Its exit code and standard error, where one of its streams is `/dev/full` or has no reader. */
const lost = async (stream: 'stdout' | 'stderr', how: 'full' | 'closed', words: string[]) => {
  const full = how === 'full' ? openSync('/dev/full', 'w') : 'pipe';
  const child = spawn(process.execPath, [cli, ...words], {
    stdio: ['ignore', stream === 'stdout' ? full : 'pipe', stream === 'stderr' ? full : 'pipe'],
    env: { ...process.env, HOME: home.path },
  });
  if (typeof full === 'number') closeSync(full);
  child[stream]?.destroy();
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
};

describe('output that nobody takes', () => {
  const noFull = !existsSync('/dev/full');

  test('because the reader has seen enough is no failure', async () => {
    expect(await lost('stdout', 'closed', ['--help'])).toEqual({ code: 0, stderr: '' });
  });

  test.skipIf(noFull)('because the disk is full is one', async () => {
    const { code, stderr } = await lost('stdout', 'full', ['--help']);
    expect(stderr).toMatch(/^error\[E_OUTPUT\]: standard output cannot be written: ENOSPC.*\n$/);
    expect(code).toBe(1);
  });

  test('does not change the exit code where it is an error', async () => {
    expect((await lost('stderr', 'closed', ['ps', 'foo'])).code).toBe(2);
  });

  test.skipIf(noFull)('nor does a full disk there', async () => {
    expect((await lost('stderr', 'full', ['ps', 'foo'])).code).toBe(2);
  });
});
