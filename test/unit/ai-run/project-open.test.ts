import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOptions, type RunOptions } from '../../../ai-run/settings/options.rules.ts';
import type { RunFlags } from '../../../ai-run/cli/commands.rules.ts';
import { harden } from '../../../kernel/policy.ts';
import type { Ask } from '../../../ai-run/host/ask.ts';
import {
  checkFolders,
  guardProjectFiles,
  openProjectFile,
} from '../../../ai-run/project/project-file.ts';

let root = '';
const at = (...names: string[]): string => join(root, ...names);
const file = (text: string | Uint8Array): void => writeFileSync(at('app/.ai-run.yaml'), text);

const usual = harden({ user: { uid: 1000, gid: 1000 } });

type Opened = {
  readonly options: RunOptions;
  readonly notes: readonly string[];
  readonly folders: readonly string[];
  /** The questions that the user was asked. */
  readonly asked: readonly string[];
};

/** Opens the file of a project for a user who gives this answer, or cannot be asked. */
const open = async (
  answer?: 'yes' | 'no',
  { flags = {}, project = 'app' }: { flags?: RunFlags; project?: string } = {},
): Promise<Opened> => {
  const asked: string[] = [];
  const ask: Ask = (question, answers) => {
    asked.push(question);
    return Promise.resolve(answers.find((one) => one === answer));
  };
  const { options, folders, part } = await openProjectFile({
    said: readOptions(flags, 'claude', []),
    project: at(project),
    userHome: at('me'),
    usual,
    ask: answer === undefined ? undefined : ask,
  });
  return { options, folders, notes: part.notes ?? [], asked };
};

/** The number of questions to a user who agrees. */
const questions = async (project?: string): Promise<number> =>
  (await open('yes', project === undefined ? {} : { project })).asked.length;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ai-run-file-')));
  for (const name of ['app', 'me', 'lib', 'other']) mkdirSync(at(name));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('a file that is', () => {
  const refusals: readonly (readonly [string, () => void, string])[] = [
    ['a symbolic link', () => symlinkSync(at('x'), at('app/.ai-run.yaml')), 'is a symbolic link'],
    [
      'a hard link',
      () => {
        writeFileSync(at('app/other-name'), '');
        linkSync(at('app/other-name'), at('app/.ai-run.yaml'));
      },
      'has a second name (a hard link)',
    ],
    ['a folder', () => mkdirSync(at('app/.ai-run.yaml')), 'is not a file'],
    ['too large', () => file(`#${'x'.repeat(64 * 1024)}`), 'is larger than 64 KiB'],
    ['not UTF-8', () => file(Uint8Array.of(0x61, 0xff)), 'is not UTF-8 text'],
    ['named otherwise', () => writeFileSync(at('app/.ai-run.yml'), ''), 'does not exist'],
  ];
  test.each(refusals)('%s is refused', async (_, make, message) => {
    make();
    await expect(open('yes')).rejects.toMatchObject({
      code: 'E_PROJECT_FILE',
      message: `.ai-run.yaml ${message}`,
    });
  });

  test('just as large as may be is read', async () => {
    file(`network: none\n#${'x'.repeat(64 * 1024 - 15)}`);
    expect((await open()).options.network).toEqual({ mode: 'none' });
  });

  test('not there changes nothing', async () => {
    expect((await open()).options).toEqual(readOptions({}, 'claude', []));
  });
});

test('what narrows holds without a question, and is said', async () => {
  file('memory: 1g\nnetwork: none\n');
  const { options, notes, asked } = await open('no');
  expect(options).toMatchObject({ limits: { memory: 2 ** 30 }, network: { mode: 'none' } });
  expect(notes).toEqual(['.ai-run.yaml: memory 1g, network none']);
  expect(asked).toEqual([]);
});

describe('what widens', () => {
  const wide = 'memory: 8g\nnetwork: none\n';

  test('is refused where nobody can be asked, and where the answer is no', async () => {
    file(wide);
    for (const answer of [undefined, 'no'] as const)
      await expect(open(answer)).rejects.toMatchObject({
        code: 'E_APPROVAL',
        message:
          '.ai-run.yaml has settings that you have not approved:\n  memory: the agent may use 8 GiB',
        hint: expect.stringContaining('start ai-run here in a terminal') as string,
      });
  });

  test('is asked about line by line, once, and said each time', async () => {
    file('memory: 8g\nnetwork: none\nenv: [A, B]\nmounts: [../lib:ro]\n');
    const first = await open('yes');
    expect(first.asked).toEqual([
      `.ai-run.yaml allows the agent more than ai-run does:
  memory: the agent may use 8 GiB
  mounts: the agent reaches ${at('lib')}:ro as well
  env: the agent gets A, B, if set
All its settings: memory 8g, network none, env (2), mounts (1). Approve?`,
    ]);
    const second = await open();
    expect(second.options).toMatchObject({
      limits: { memory: 2 ** 33 },
      env: ['A', 'B'],
      mounts: [`${at('lib')}:ro`],
    });
    expect(second.notes).toContain('.ai-run.yaml: memory: the agent may use 8 GiB');
  });

  test('is remembered where nobody else can read or write it', async () => {
    file(wide);
    await open('yes');
    const folder = at('me/.ai-run/approvals');
    const names = readdirSync(folder);
    expect(names).toHaveLength(1);
    const path = join(folder, names[0] ?? '');
    expect([statSync(folder).mode & 0o777, statSync(path).mode & 0o777]).toEqual([0o700, 0o600]);
    expect(readFileSync(path, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
    // Another could have written it.
    chmodSync(path, 0o660);
    expect(await questions()).toBe(1);
    expect(await questions()).toBe(0);
    const copy = at('me/copy');
    writeFileSync(copy, readFileSync(path), { mode: 0o600 });
    rmSync(path);
    symlinkSync(copy, path);
    expect(await questions()).toBe(1);
  });

  test('is forgotten, or asked about, without a folder to remember it in', async () => {
    writeFileSync(at('me/.ai-run'), '');
    expect(await questions()).toBe(0);
    file(wide);
    await expect(open('no')).rejects.toMatchObject({ code: 'E_APPROVAL' });
    await expect(open('yes')).rejects.toMatchObject({
      code: 'E_FOLDER',
      message: expect.stringContaining(`${at('me/.ai-run/approvals')} cannot be used: `) as string,
    });
  });

  test('is not passed over where it can neither be read nor forgotten', async () => {
    file(wide);
    await open('yes');
    const folder = at('me/.ai-run/approvals');
    const note = join(folder, readdirSync(folder)[0] ?? '');
    rmSync(note);
    mkdirSync(note);
    await expect(open('yes')).rejects.toMatchObject({
      code: 'E_FOLDER',
      message: expect.stringContaining(`${folder} cannot be used: `) as string,
    });
  });

  test.each([
    ['more', 'memory: 9g\nnetwork: none\n'],
    ['something else as well', `${wide}pids: 2000\n`],
    // A folder or a limit more is another thing without a network than with one.
    ['the same, but narrows less', 'memory: 8g\n'],
  ])('is asked again when it is %s', async (_, changed) => {
    file(wide);
    expect(await questions()).toBe(1);
    file(changed);
    await expect(open()).rejects.toMatchObject({ code: 'E_APPROVAL' });
    expect(await questions()).toBe(1);
  });

  test('is not asked again for comments and layout', async () => {
    file(wide);
    expect(await questions()).toBe(1);
    file('# why\nnetwork: "none"\n\nmemory:    8g # enough\n');
    expect(await questions()).toBe(0);
  });

  test.each([
    ['another file', () => file('pids: 64\n')],
    ['none', () => rmSync(at('app/.ai-run.yaml'))],
  ])('is asked again when it comes back after %s', async (_, change) => {
    file(wide);
    expect(await questions()).toBe(1);
    change();
    expect(await questions()).toBe(0);
    file(wide);
    expect(await questions()).toBe(1);
  });

  test('is asked for each project', async () => {
    file(wide);
    expect(await questions()).toBe(1);
    writeFileSync(at('other/.ai-run.yaml'), wide);
    expect(await questions('other')).toBe(1);
    expect(await questions()).toBe(0);
  });

  test('needs no approval where a flag says it', async () => {
    file('memory: 8g\nmounts: [../lib]\n');
    const said = await open(undefined, { flags: { memory: '6g', mount: [at('lib')] } });
    expect(said.options).toMatchObject({ limits: { memory: 6 * 2 ** 30 }, mounts: [at('lib')] });
    await expect(open(undefined, { flags: { memory: '6g' } })).rejects.toThrow('mounts: ');
  });

  test('is printed without a question, and nothing is remembered or forgotten', async () => {
    file(wide);
    const printed = await open('yes', { flags: { print: true } });
    expect(printed.asked).toEqual([]);
    expect(printed.options.limits.memory).toBe(2 ** 33);
    expect(printed.notes).toContain(
      '.ai-run.yaml: not approved yet: without --print, ai-run asks first',
    );
    expect(await questions()).toBe(1);
    file('memory: 9g\n');
    await open('yes', { flags: { print: true } });
    file(wide);
    expect(await questions()).toBe(0);
  });
});

describe('a folder that is mounted', () => {
  test('is approved by its real path: a symlink that leads elsewhere is another one', async () => {
    symlinkSync(at('lib'), at('app/link'));
    file('mounts: [link]\n');
    expect(await questions()).toBe(1);
    expect(await questions()).toBe(0);
    rmSync(at('app/link'));
    symlinkSync(at('other'), at('app/link'));
    await expect(open()).rejects.toThrow(`mounts: the agent reaches ${at('other')}:rw as well`);
  });

  test('is refused when it was replaced since it was approved', async () => {
    mkdirSync(at('app/data'));
    file('mounts: [data]\n');
    const { folders } = await open('yes');
    const bind = (name: string) =>
      ({ type: 'bind', source: at(name), target: at(name), readonly: false }) as const;
    const replaced = `${at('app/data')} was replaced after it was approved`;
    expect(() => checkFolders(folders, [bind('app'), bind('app/data')])).not.toThrow();
    // By the time the folders were opened, and back again; and after that.
    expect(() => checkFolders(folders, [bind('app'), bind('other')])).toThrow(replaced);
    rmSync(at('app/data'), { recursive: true });
    symlinkSync(at('other'), at('app/data'));
    expect(() => checkFolders(folders, [bind('app'), bind('app/data')])).toThrow(replaced);
  });

  test.each([
    ['nowhere', 'line 2: mounts: '],
    ['../me', 'line 2: mounts: '],
    ['/etc', 'line 2: mounts: /etc cannot be shared: /etc belongs to the system'],
    ['../lib/.git', 'cannot be shared by a project file'],
    ['../lib/a\u202eb', 'line 2: an invisible character, U+202E'],
    ['link', 'cannot be shared by a project file'],
  ])('is none of these: %j', async (folder, message) => {
    mkdirSync(at('lib/.git'));
    // Its name would be shown in the question.
    mkdirSync(at('lib/a\u202eb'));
    symlinkSync(at('lib/a\u202eb'), at('app/link'));
    file(`mounts:\n  - ${folder}\n`);
    await expect(open('yes')).rejects.toThrow(message);
  });
});

test('an agent cannot change the files of the projects it is given', () => {
  file('network: none\n');
  symlinkSync(at('app/.ai-run.yaml'), at('other/.ai-run.yaml'));
  const bind = (name: string, readonly = false) =>
    ({ type: 'bind', source: at(name), target: at(name), readonly }) as const;
  const path = at('app/.ai-run.yaml');
  expect(guardProjectFiles([bind('app'), bind('lib'), bind('other')]).mounts).toEqual([
    { type: 'bind', source: path, target: path, readonly: true },
  ]);
  expect(guardProjectFiles([bind('app', true)]).mounts).toEqual([]);
});
