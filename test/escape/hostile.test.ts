import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Ran, run } from '../e2e/support.ts';
import { aiRun, makeTinyImage, type Tiny } from '../e2e/tiny-image.ts';

/**
 * Input of strangers: names of folders, links, settings, images. Each works as it is, or is refused in one error; nothing of
 * it is ever executed.
 */

let tiny: Tiny;
beforeAll(async () => {
  tiny = await makeTinyImage();
});
afterAll(() => tiny.close());

const shell = (script: string, ...flags: readonly string[]): string[] => [
  tiny.agent,
  ...flags,
  '--',
  '-c',
  script,
];

/** One error, its details and one hint: no stack, nothing that repaints a terminal, and no start. */
const refused = (message: RegExp): Ran => {
  const line = String.raw`[^\u0000-\u001f\u007f]+\n`;
  // Warnings about flags that widen the policy come first.
  const form = `^(?:ai-run: --${line})*error\\[E_[A-Z_]+\\]: (?=[^]*${message.source})${line}(?: {2}${line})*(?:hint: ${line})?$`;
  return { code: 1, stdout: '', stderr: expect.stringMatching(new RegExp(form)) as string };
};

/** A folder beside the project, which is shared as well. */
const folder = async (name: string): Promise<string> => {
  const path = join(tiny.project, '..', name);
  await mkdir(path, { recursive: true });
  await chmod(path, 0o777);
  return path;
};

describe('a folder with a name of', () => {
  const script = 'echo made > file; pwd';
  const evil = 'touch canary';

  test.each([
    ['commas', 'a,b,readonly'],
    ['spaces', ' a  b '],
    ['colons', 'a:b:ro'],
    ['single quotes', "it's"],
    ['a command', `$(${evil})`],
    ['a command in backticks', `\`${evil}\``],
    ['another command', `; ${evil} #`],
    ['a flag', '--privileged'],
    ['a variable', '$HOME'],
    ['a pattern', '*'],
    ['what repaints a terminal', '\u001b]0;a\u0007\u001b[2J'],
    ['letters of elsewhere', 'ü漢'],
  ])('%s is shared as it is: %j', async (_, name) => {
    const project = await folder(name);
    const ran = await aiRun({ ...tiny, project }, shell(script));
    expect([ran.code, ran.stdout], ran.stderr).toEqual([0, `${project}\n`]);
    expect(ran.stderr).not.toContain('\u001b');
    expect(await readdir(project)).toEqual(['file']);
    // And once more beside the project, through --mount.
    const other = await aiRun(
      tiny,
      shell(`cat "$(dirname "$PWD")/"*/file`, '--mount', `${project}:rw`),
    );
    expect([other.code, other.stdout], other.stderr).toEqual([0, 'made\n']);
    await rm(project, { recursive: true });
    expect(await readdir(tiny.project)).toEqual([]);
  });

  test.each([
    ['double quotes', 'a"b'],
    ['a line break', 'a\nb'],
    ['a carriage return', 'a\rb'],
  ])('%s is refused: %j', async (_, name) => {
    const project = await folder(name);
    const message = /docker cannot mount a path with quotes or line breaks/;
    expect(await aiRun({ ...tiny, project }, shell(script))).toEqual(refused(message));
    expect(await aiRun(tiny, shell(script, '--mount', project))).toEqual(refused(message));
    expect(await readdir(project)).toEqual([]);
    await rm(project, { recursive: true });
  });
});

/** `link` in the project. */
const lead = (to: string): Promise<void> => symlink(to, join(tiny.project, 'link'));

describe('a symbolic link', () => {
  afterEach(() => rm(join(tiny.project, 'link'), { force: true }));

  test('to a folder that is listed is the folder that it leads to', async () => {
    const real = await folder('real');
    await lead(real);
    const link = join(tiny.project, 'link');
    const ran = await aiRun({ ...tiny, project: link }, shell('pwd; echo made > file'));
    expect([ran.code, ran.stdout], ran.stderr).toEqual([0, `${real}\n`]);
    const mounted = await aiRun(tiny, shell(`cat link/file; cat ${real}/file`, '--mount', link));
    expect([mounted.code, mounted.stdout], mounted.stderr).toEqual([0, 'made\nmade\n']);
    await rm(real, { recursive: true });
  });

  test('to a folder that is not listed shares nothing of it', async () => {
    const elsewhere = join(tiny.home, '..', 'elsewhere');
    await mkdir(elsewhere);
    await chmod(elsewhere, 0o755);
    await writeFile(join(elsewhere, 'file'), 'secret');
    await lead(elsewhere);
    const link = join(tiny.project, 'link');
    // In the container, it leads nowhere.
    expect((await aiRun(tiny, shell('cat link/file'))).code).not.toBe(0);
    const message = /elsewhere is not in ~\/\.ai-workspaces/;
    expect(await aiRun({ ...tiny, project: link }, shell('true'))).toEqual(refused(message));
    expect(await aiRun(tiny, shell('true', '--mount', link))).toEqual(refused(message));
    const list = join(tiny.home, '.ai-workspaces');
    const before = await readFile(list, 'utf8');
    await writeFile(list, `${before}${elsewhere}\n`);
    const ran = await aiRun(tiny, shell('cat link/file', '--mount', link));
    expect([ran.code, ran.stdout], ran.stderr).toEqual([0, 'secret']);
    await writeFile(list, before);
  });

  test.each<[string, () => string, RegExp]>([
    ['the home', () => tiny.home, /it is or contains your home folder/],
    ['what holds the home', () => join(tiny.home, '..'), /it is or contains your home folder/],
    ['keys', () => join(tiny.home, '.ssh'), /~\/\.ssh, which holds secrets/],
    ['the root of the machine', () => '/', /it is or contains your home folder/],
    ['the system', () => '/etc', /\/etc belongs to the system/],
    ['nothing', () => '/nowhere', /no such file or directory/],
  ])('to %s is refused, listed or not', async (_, to, message) => {
    await mkdir(join(tiny.home, '.ssh'), { recursive: true });
    await lead(to());
    const list = join(tiny.home, '.ai-workspaces');
    const before = await readFile(list, 'utf8');
    for (const text of [before, '/\n']) {
      await writeFile(list, text);
      expect(await aiRun(tiny, shell('true', '--mount', join(tiny.project, 'link')))).toEqual(
        refused(message),
      );
    }
    await writeFile(list, before);
  });
});

/** A file of the user's. */
const write = async (name: string, bytes: string | Uint8Array, mode = 0o600): Promise<void> => {
  await writeFile(join(tiny.home, name), bytes);
  await chmod(join(tiny.home, name), mode);
};
describe('a file of settings', () => {
  afterEach(async () => {
    await rm(join(tiny.home, '.ai-env'), { recursive: true, force: true });
    await write('.ai-workspaces', `${join(tiny.project, '..')}\n`);
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    ['that is no text', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0xff, 0xfe), /is not UTF-8 text/],
    ['that is a program', '#!/bin/sh\nrm -rf "$HOME"\n', /line 2: expected NAME=value/],
    ['with an open quote', 'A="b\n', /line 1: A: the quote is not closed/],
    ['that repaints the terminal', 'A=\u001b]52;c;eA==\u0007\n', /A: the value contains a control/],
    ['that sets a name twice', 'A=1\nA=2\n', /line 2: A: already set on line 1/],
    ['with a setting that is none', 'AI_IMAGE_SOURCE=$(id)\n', /expected local or registry/],
  ])('~/.ai-env %s is refused', async (_, content, message) => {
    await write('.ai-env', content);
    expect(await aiRun(tiny, shell('true'))).toEqual(refused(message));
  });

  test('~/.ai-env that others can read is refused; as it is, once they cannot', async () => {
    await write('.ai-env', 'E2E_WORD=$(touch canary)`touch canary`${HOME}\n', 0o644);
    const args = shell('printf %s "$E2E_WORD"', '--env', 'E2E_WORD');
    expect(await aiRun(tiny, args)).toEqual(
      refused(/other users can read or write it \(mode 644\)/),
    );
    await write('.ai-env', 'E2E_WORD=$(touch canary)`touch canary`${HOME}\n');
    const ran = await aiRun(tiny, args);
    expect([ran.code, ran.stdout]).toEqual([0, '$(touch canary)`touch canary`${HOME}']);
    expect(await readdir(tiny.project)).toEqual([]);
  });

  test.each([['$(touch canary)'], ['~/src'], ['../..']])(
    '~/.ai-workspaces that lists %s is refused',
    async (line) => {
      await write('.ai-workspaces', `${line}\n`);
      expect(await aiRun(tiny, shell('true'))).toEqual(refused(/line 1: not an absolute path/));
      expect(await readdir(tiny.project)).toEqual([]);
    },
  );

  test.each([
    ['core.fsmonitor', 'a hook of git'],
    ['core.sshCommand', 'a program of git'],
    ['diff.external', 'a program of git'],
    ['core.pager', 'a program of git'],
  ])('of the project’s repository, %s, starts nothing here', async (key) => {
    const project = await folder('repository');
    await run('git', ['init', '--quiet', project]);
    const canary = join(tiny.home, 'canary');
    await run('git', ['-C', project, 'config', key, `touch ${canary} $(touch ${canary})`]);
    const ran = await aiRun({ ...tiny, project }, shell('test -d .git && echo up'));
    expect([ran.code, ran.stdout], ran.stderr).toEqual([0, 'up\n']);
    expect(await readdir(tiny.home)).not.toContain('canary');
    await rm(project, { recursive: true });
  });
});

test('an image that declares a volume is refused, because that would be a disk to write to', async () => {
  const asking = await makeTinyImage({
    line: 'USER 0\nRUN mkdir -m 777 /data\nVOLUME /data\nUSER 1000',
  });
  try {
    const args = [asking.agent, '--', '-c', 'true'];
    expect(await aiRun(asking, args)).toEqual(refused(/declares volumes, .*: \/data/));
    // Started by hand, it writes there under the whole policy.
    const { stdout } = await aiRun(tiny, ['--print', tiny.agent, '--', '-c', 'echo x > /data/x']);
    const printed = stdout.replaceAll(/sha256:[0-9a-f]{64}/g, asking.image);
    expect(printed).toContain('--read-only');
    expect((await run('sh', ['-c', printed])).code).toBe(0);
  } finally {
    await asking.close();
  }
});

describe('an image whose contract asks for', () => {
  test.each<[string, object, RegExp]>([
    ['a path of the host', { state: ['/etc'] }, /state\.0: expected a path below the home/],
    ['what is above its home', { state: ['../../etc'] }, /state\.0: expected a path below/],
    ['the same on the way', { cache: ['.cache/../../x'] }, /cache\.0: expected a path below/],
    ['a command', { state: ['$(touch canary)'] }, /state\.0: expected a path below the home/],
    ['more of a mount', { cache: ['a,readonly=false'] }, /cache\.0: expected a path below/],
    ['capabilities', { capabilities: ['SYS_ADMIN'] }, /Unrecognized key: "capabilities"/],
    ['the host’s network', { network: 'host' }, /Unrecognized key: "network"/],
    ['the engine’s socket', { mounts: ['/var/run/docker.sock'] }, /Unrecognized key: "mounts"/],
    ['all variables', { credentials: [{ env: '*' }] }, /credentials\.0\.env: expected an/],
    [
      'where docker goes',
      { credentials: [{ env: 'DOCKER_HOST' }] },
      /DOCKER_HOST cannot be a credential/,
    ],
  ])('%s is refused', async (_, asks, message) => {
    const asking = await makeTinyImage({ contract: () => asks });
    try {
      expect(await aiRun(asking, [asking.agent, '--', '-c', 'true'])).toEqual(refused(message));
      expect(await readdir(asking.project)).toEqual([]);
    } finally {
      await asking.close();
    }
  });

  test('what a contract may ask for is started', async () => {
    const asking = await makeTinyImage({
      contract: () => ({ state: ['.etc'], cache: ['.cache/x'] }),
    });
    try {
      const ran = await aiRun(asking, [asking.agent, '--', '-c', 'test -d ~/.cache/x && echo up']);
      expect([ran.code, ran.stdout], ran.stderr).toEqual([0, 'up\n']);
    } finally {
      await asking.close();
    }
  });
});

test('a file that an agent leaves cannot speak for ai-run', async () => {
  const name = 'a\nai-run: all is well';
  const ran = await aiRun(tiny, [...shell('mkdir "$1" && touch "$1/Makefile"'), 'sh', name]);
  expect(ran.code, ran.stderr).toBe(0);
  expect(ran.stderr).toContain(String.raw`a\nai-run: all is well/Makefile`);
  expect(ran.stderr).not.toMatch(/^ai-run: all is well/m);
  await rm(join(tiny.project, name), { recursive: true });
});

describe('a network by the name of', () => {
  test.each([['host'], ['default'], ['container:other'], ['$(id)'], ['--privileged']])(
    '%s is not joined',
    async (name) => {
      expect(await aiRun(tiny, shell('true', `--join=${name}`))).toEqual(
        refused(/a session cannot join network/),
      );
    },
  );
});
