import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HostConfig } from '../../ai-run/home/carried.rules.ts';
import { openHome } from '../../ai-run/home/home.ts';
import { openHostConfig } from '../../ai-run/home/host-config.ts';

/** The parts of a session's home: the user's own configuration, the start of all projects, and the agent's own words. */

const user = { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };
const hostConfig: HostConfig[] = [
  { path: '.otter/settings.json', format: 'json', keys: ['model', 'ui.theme', 'language'] },
  { path: '.otter/OTTER.md', format: 'text', keys: [] },
];
let root: string;
const at = (...names: string[]): string => join(root, ...names);
const write = (path: string, content: unknown): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
};
const ofUser = (name: string): string => at('me', name);
const ofAll = (name: string): string => at('me/.ai-home/otter/global', name);

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ai-run-config-')));
  for (const name of ['me', 'shop']) mkdirSync(at(name));
});
afterEach(() => rmSync(root, { recursive: true }));

const openHomeOnly = () =>
  openHome({
    userHome: at('me'),
    project: at('shop'),
    agent: 'otter',
    state: ['.otter', '.otter.json'],
    caches: [],
    user,
    busy: () => Promise.resolve(false),
  });

/** A session up to where the container would start. */
const open = async (config: readonly HostConfig[] = hostConfig) => {
  const { home, finish } = await openHomeOnly();
  const contract = { hostConfig: [...config] };
  const { notes } = await openHostConfig({
    userHome: at('me'),
    home,
    agent: 'otter',
    contract,
    user,
  });
  await finish?.();
  return {
    notes,
    path: (name: string) => join(home, name),
    settings: (): unknown => JSON.parse(readFileSync(join(home, '.otter/settings.json'), 'utf8')),
  };
};

test('what is listed is copied, said in one line, and the user’s files stay as they are', async () => {
  const settings = {
    model: 'm',
    ui: { theme: 'dark', statusLine: { command: 'evil' } },
    hooks: { Stop: [{ command: 'evil' }] },
    apiKeyHelper: 'evil',
    env: { A: 'secret' },
  };
  write(ofUser('.otter/settings.json'), settings);
  write(ofUser('.otter/OTTER.md'), 'Be kind.\n');
  write(ofUser('.otter/credentials.json'), { token: 'secret' });
  const session = await open();
  expect(session.settings()).toEqual({ model: 'm', ui: { theme: 'dark' } });
  expect(readFileSync(session.path('.otter/OTTER.md'), 'utf8')).toBe('Be kind.\n');
  expect(readdirSync(session.path('.otter')).toSorted()).toEqual(['OTTER.md', 'settings.json']);
  expect(session.notes).toEqual([
    '--with-config: the agent gets copies of model, ui.theme of ~/.otter/settings.json; ~/.otter/OTTER.md',
  ]);
  expect(JSON.parse(readFileSync(ofUser('.otter/settings.json'), 'utf8'))).toEqual(settings);
});

test('nothing to carry is said as well', async () => {
  const { notes, path } = await open();
  expect(notes).toEqual(['--with-config: your home has no settings of otter that may be copied']);
  expect(existsSync(path('.otter'))).toBe(false);
});

test('the agent’s word goes over what all projects start with, and that over the user’s own', async () => {
  write(ofAll('.otter/settings.json'), { model: 'of all' });
  write(ofUser('.otter/settings.json'), {
    model: 'of the user',
    language: 'of the user',
    ui: { theme: 'of the user' },
  });
  const first = await open();
  const expected = { model: 'of all', language: 'of the user', ui: { theme: 'of the user' } };
  expect(first.settings()).toEqual(expected);

  // The agent chooses a theme; the user changes everything.
  write(first.path('.otter/settings.json'), { ...expected, ui: { theme: 'of the agent' } });
  write(ofUser('.otter/settings.json'), {
    model: 'new',
    language: 'new',
    ui: { theme: 'new' },
  });
  write(ofAll('.otter/settings.json'), { model: 'too late' });
  const second = await open();
  expect(second.settings()).toEqual({
    model: 'of all',
    language: 'new',
    ui: { theme: 'of the agent' },
  });
});

test('without it, a home begins with what all projects start with, and nothing of the user’s', async () => {
  write(ofUser('.otter/settings.json'), { model: 'of the user' });
  write(ofAll('.otter/settings.json'), { model: 'of all' });
  const { home } = await openHomeOnly();
  expect(JSON.parse(readFileSync(join(home, '.otter/settings.json'), 'utf8'))).toEqual({
    model: 'of all',
  });
});

test.each([
  ['toml', 'ai-run does not read toml', 'model = "m"'],
  ['yaml', 'ai-run does not read yaml', 'model: m'],
  ['json', 'it is not plain JSON', '{ "model": "m" } // mine'],
] as const)('%s: what is not read stays behind, and is named', async (format, why, text) => {
  write(ofUser('.otter/config'), text);
  const { notes, path } = await open([{ path: '.otter/config', format, keys: ['model'] }]);
  expect(notes).toContain(`--with-config: ~/.otter/config is not copied: ${why}`);
  expect(existsSync(path('.otter/config'))).toBe(false);
});

test.each([
  ['no JSON', (path: string) => write(path, '// mine\n{}'), "the agent's file is not plain JSON"],
  [
    'a symlink',
    (path: string) => symlinkSync(at('secret'), path),
    'the agent has no regular file there',
  ],
  ['a folder', (path: string) => mkdirSync(path), 'the agent has no regular file there'],
])('what the agent made of its file is left alone: %s', async (_, plant, why) => {
  write(at('secret'), { model: 'secret' });
  const { path } = await open();
  mkdirSync(path('.otter'));
  plant(path('.otter/settings.json'));
  write(ofUser('.otter/settings.json'), { model: 'm' });
  expect((await open()).notes).toContain(
    `--with-config: ~/.otter/settings.json is not copied: ${why}`,
  );
  expect(JSON.parse(readFileSync(at('secret'), 'utf8'))).toEqual({ model: 'secret' });
});

test('nothing is written through a folder that the agent made a symlink', async () => {
  write(ofUser('.otter/settings.json'), { model: 'm' });
  const { path } = await open([]);
  mkdirSync(at('elsewhere'));
  symlinkSync(at('elsewhere'), path('.otter'));
  await expect(open()).rejects.toThrow(expect.objectContaining({ code: 'E_FOLDER' }));
  expect(readdirSync(at('elsewhere'))).toEqual([]);
  rmSync(path('.otter'));
  expect((await open()).settings()).toEqual({ model: 'm' });
});

test('an image is refused that asks for what is not its agent’s', async () => {
  write(ofUser('.ssh/notes.md'), 'secret');
  await expect(open([{ path: '.ssh/notes.md', format: 'text', keys: [] }])).rejects.toThrow(
    'the image asks for ~/.ssh/notes.md, which does not belong to otter',
  );
});

test('a memory that cannot be read changes nothing that is there', async () => {
  write(ofUser('.otter/settings.json'), { model: 'old', language: 'old' });
  const { path, settings } = await open();
  const memory = `${dirname(dirname(path('.otter/x')))}.host-config`;
  expect(JSON.parse(readFileSync(memory, 'utf8'))).toEqual({
    '.otter/settings.json': { model: 'old', language: 'old' },
  });
  writeFileSync(memory, 'garbage');
  chmodSync(memory, 0o600);
  write(ofUser('.otter/settings.json'), { model: 'new' });
  await open();
  expect(settings()).toEqual({ model: 'old', language: 'old' });
});
