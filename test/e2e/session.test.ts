import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alive, descendants, until } from './fake-caller.ts';
import { makeKey } from './fake-server.ts';
import { checkout, docker, run } from './support.ts';
import {
  aiRun,
  makeTinyImage,
  type Running,
  startAiRun,
  startInTerminal,
  type Tiny,
} from './tiny-image.ts';

/** A session gives its user the agent's terminal and exit code, and leaves nothing behind. */

let tiny: Tiny;
beforeAll(async () => {
  tiny = await makeTinyImage();
});
afterAll(() => tiny.close());

const shell = (script: string, ...more: readonly string[]): string[] => [
  tiny.agent,
  '--',
  '-c',
  script,
  'sh',
  ...more,
];

/** Names of this image's containers. */
const containers = async (): Promise<string[]> => {
  const { stdout } = await docker(
    'ps',
    '--all',
    `--filter=label=ai-run.agent=${tiny.agent}`,
    '--format={{.Names}}',
  );
  return stdout.split('\n').filter((name) => name !== '');
};
const nothingIsLeft = (): Promise<void> =>
  until('no container is left', async () => (await containers()).length === 0, 30);

/** The names in a folder of `~/.ai-run`. */
const left = (folder: string): string[] => {
  const path = join(tiny.home, '.ai-run', folder);
  return existsSync(path) ? readdirSync(path) : [];
};

const sees = (running: Running, text: string | RegExp): Promise<void> =>
  until(`it says ${text}`, () => running.seen().search(text) >= 0, 30);

describe('without a terminal', () => {
  test.each([
    ['its own', 'exit 7', 7],
    ['of a signal', 'kill -TERM $$', 143],
    ['of a program that is not there', 'exec /nowhere', 127],
  ])('the exit code is the agent’s: %s', async (_, script, code) => {
    expect((await aiRun(tiny, shell(script))).code).toBe(code);
  });

  test('input, output and errors are the agent’s', async () => {
    const ran = await aiRun(tiny, shell('tr a-z A-Z; echo wrong >&2'), 'abc\n');
    expect(ran).toEqual({ code: 0, stdout: 'ABC\n', stderr: 'wrong\n' });
  });

  test('what stands after -- reaches the agent untouched', async () => {
    const words = ['a b', '--help', '*', '', '$HOME', "it's", '--'];
    const { stdout } = await aiRun(tiny, shell('printf "[%s]" "$@"', ...words));
    expect(stdout).toBe(words.map((word) => `[${word}]`).join(''));
  });

  test('an agent that is told to end may end in its own way', async () => {
    const running = startAiRun(
      tiny,
      shell('trap "echo bye; exit 5" TERM; echo up; sleep 60 & wait'),
    );
    await sees(running, 'up');
    process.kill(running.pid, 'SIGTERM');
    expect(await running.ended).toBe(5);
    expect(running.seen()).toContain('bye');
    await nothingIsLeft();
  });

  test('an agent that does not listen is killed', async () => {
    const running = startAiRun(tiny, shell('trap "" TERM; echo up; while :; do sleep 1; done'));
    await sees(running, 'up');
    process.kill(running.pid, 'SIGTERM');
    expect(await running.ended).toBe(137);
    await nothingIsLeft();
  });

  test('a SIGINT that only ai-run gets is for the agent', async () => {
    const running = startAiRun(tiny, shell('trap "exit 9" INT; echo up; sleep 60 & wait'));
    await sees(running, 'up');
    process.kill(running.pid, 'SIGINT');
    expect(await running.ended).toBe(9);
    await nothingIsLeft();
  });

  test('who stops reading costs neither the exit code nor what is done afterwards', async () => {
    const script = 'echo ready; sleep 1; mkdir -p .idea; echo x > Makefile; exit 7';
    const line = '("$@" 2>&1 </dev/null; echo "rc $?" >"$HOME/rc") | head -1';
    const cli = join(checkout, 'ai-run/cli/cli.ts');
    const { stdout } = await run(
      'sh',
      ['-c', line, 'sh', process.execPath, cli, ...shell(script)],
      { cwd: tiny.project, env: tiny.env },
    );
    expect(stdout).toBe('ready\n');
    expect(readFileSync(join(tiny.home, 'rc'), 'utf8')).toBe('rc 7\n');
    expect(left('sessions')).toEqual([]);
    await nothingIsLeft();
  });
});

const git = (...args: string[]): unknown =>
  execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], {
    cwd: tiny.project,
  });

describe('a signal while an image is pulled', () => {
  // It is connected to, and says nothing.
  const registry = createServer();

  beforeAll(async () => {
    await new Promise<void>((done) => registry.listen(0, '127.0.0.1', done));
    mkdirSync(join(tiny.home, '.ssh'), { mode: 0o700 });
    makeKey(join(tiny.home, '.ssh/work'));
    git('init', '-q');
    git('commit', '-q', '--allow-empty', '-m', 'First');
  });
  afterAll(() => {
    registry.close();
    rmSync(join(tiny.project, '.git'), { recursive: true });
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s ends ai-run, and leaves neither keys nor a repository',
    async (signal) => {
      const { port } = registry.address() as AddressInfo;
      const env = {
        ...tiny.env,
        AI_IMAGE_SOURCE: 'registry',
        AI_IMAGE_REGISTRY: `127.0.0.1:${port}/ai`,
      };
      const running = startAiRun({ ...tiny, env }, ['--ssh-key', 'work', 'nosuch']);
      await until('docker pulls', async () =>
        (await descendants(running.pid)).some(({ command }) => command.includes(' pull ')),
      );
      await until('there is something to leave', () =>
        ['sessions', 'git', 'ssh'].every((folder) => left(folder).length > 0),
      );
      const below = await descendants(running.pid);
      process.kill(running.pid, signal);
      expect(await running.ended).toBe(signal);
      expect(['sessions', 'git', 'ssh'].flatMap(left)).toEqual([]);
      expect(await alive(below)).toEqual([]);
      expect(running.seen()).not.toMatch(/error|hint|at .*\.ts/);
    },
  );
});

/** The device that `tty` named first. */
const terminalOf = async (running: Running): Promise<string> => {
  await sees(running, /\/dev\/pts\/\d+/);
  return /\/dev\/pts\/\d+/.exec(running.seen())?.[0] ?? '';
};

describe('in a terminal', () => {
  test('the agent has one, of the same size, and learns of another', async () => {
    const running = startInTerminal(
      tiny,
      shell(
        'trap "stty size" WINCH; test -t 0 && test -t 1 && echo up; while :; do sleep 0.1; done',
      ),
    );
    const terminal = await terminalOf(running);
    await sees(running, 'up');
    await run('stty', ['-F', terminal, 'rows', '41', 'cols', '123']);
    await sees(running, '41 123');
    expect((await aiRun(tiny, ['stop', ...(await containers())])).code).toBe(0);
    await running.ended;
    await nothingIsLeft();
  });

  test('every key is the agent’s: Ctrl-P, Ctrl-C, Ctrl-Z, Ctrl-\\', async () => {
    const running = startInTerminal(
      tiny,
      shell('stty raw -echo; echo up; head -c 4 | od -An -tx1; exit 9'),
    );
    await sees(running, 'up');
    running.write('\u0010\u0003\u001a\u001c');
    await sees(running, '10 03 1a 1c');
    expect(await running.ended).toBe(9);
  });

  test('a full screen comes through as it is drawn', async () => {
    const screen = '\u001b[?1049h\u001b[2J\u001b[1;1H\u001b[38;2;1;2;3m▛▜\u001b[0m\u001b[?1049l';
    const running = startInTerminal(tiny, shell(`printf '%s' "$1"`, screen));
    expect(await running.ended).toBe(0);
    expect(running.seen()).toContain(screen);
  });

  test('is another one while somebody attaches to it', async () => {
    const running = startInTerminal(tiny, shell('echo up; read word; echo "got $word"; exit 3'));
    await sees(running, 'up');
    const [name = ''] = await containers();
    const other = startInTerminal(tiny, ['attach', name]);
    await sees(other, /\/dev\/pts/);
    await until('it is attached', async () => {
      other.write('fish\r');
      return /got fish/.test(running.seen());
    });
    expect(await running.ended).toBe(3);
    expect(await other.ended).toBe(3);
    expect(other.seen()).toContain('got fish');
  });
});

describe('sessions', () => {
  test('run side by side, are shown with their folder, and end alone', async () => {
    const both = [
      startAiRun(tiny, shell('echo up; sleep 60')),
      startAiRun(tiny, shell('echo up; sleep 60')),
    ];
    for (const running of both) await sees(running, 'up');
    const names = await containers();
    expect(names).toHaveLength(2);
    for (const name of names) expect(name).toMatch(new RegExp(`^${tiny.agent}-shop-[0-9a-f]{6}$`));
    const listed = JSON.parse((await aiRun(tiny, ['ps', '--json'])).stdout) as {
      name: string;
      project: string;
      state: string;
    }[];
    const mine = listed.filter(({ name }) => names.includes(name));
    expect(mine.map(({ project, state }) => `${state} in ${project}`)).toEqual([
      `running in ${tiny.project}`,
      `running in ${tiny.project}`,
    ]);
    expect((await aiRun(tiny, ['stop', names[0] ?? ''])).code).toBe(0);
    // The engine may be at the end of the removal.
    await until('one is left', async () => (await containers()).length === 1, 30);
    expect(await containers()).toEqual([names[1]]);
    expect((await aiRun(tiny, ['stop', names[1] ?? ''])).code).toBe(0);
    expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([143, 143]);
    await nothingIsLeft();
  });

  test('one that is not there is named, with those that are', async () => {
    const { code, stderr } = await aiRun(tiny, ['stop', 'nobody-1']);
    expect(code).toBe(1);
    expect(stderr).toContain('unknown session "nobody-1"');
  });

  test('what a killed ai-run left is removed by the next one, and nothing else is', async () => {
    const killed = startAiRun(tiny, shell('echo up; sleep 300'));
    const other = startAiRun(tiny, shell('echo up; sleep 300'));
    for (const running of [killed, other]) await sees(running, 'up');
    // docker's client is killed too: a crash of the whole terminal.
    for (const { pid } of await descendants(killed.pid)) process.kill(pid, 'SIGKILL');
    process.kill(killed.pid, 'SIGKILL');
    await killed.ended;
    expect(await containers()).toHaveLength(2);
    expect((await aiRun(tiny, shell('true'))).code).toBe(0);
    await until('one is left', async () => (await containers()).length === 1, 30);
    process.kill(other.pid, 'SIGTERM');
    expect(await other.ended).toBe(143);
    await nothingIsLeft();
  });
});
