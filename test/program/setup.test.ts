import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sessionLabels } from '../../ai-run/session/labels.rules.ts';
import { thisOwner } from '../../ai-run/session/owner.ts';
import { type Home, makeHome } from './home.ts';
import { isInstalled } from './shells.ts';

/** Setting a shell up and taking it back, with real shells and without an engine. */

let home: Home;
beforeEach(() => {
  home = makeHome();
  home.program('docker', 'exit 1');
});
afterEach(() => home.remove());

const setup = (...more: readonly string[]) =>
  home.aiRun('setup', '--agents', 'claude,gemini', '--shell', 'bash', '--no-pull', ...more);
const rc = (): string => readFileSync(home.file('.bashrc'), 'latin1');

describe('setup', () => {
  test('makes claude mean ai-run claude in a new bash, and command claude the real one', async () => {
    home.program('claude', 'echo the real one');
    const ask = () => home.run('bash', ['-ic', 'claude --version "a b"; echo; command claude']);
    expect((await ask()).stdout).toBe('the real one\n\nthe real one\n');
    expect((await setup('--yes')).code).toBe(0);
    expect((await ask()).stdout).toBe('[ai-run][claude][--][--version][a b]\nthe real one\n');
  });

  describe.each([
    ['zsh', '.zshrc'],
    ['fish', '.config/fish/config.fish'],
  ])('for %s', (shell, file) => {
    test.skipIf(!isInstalled(shell))(
      `does so in a new ${shell}, where that is installed`,
      async () => {
        const flags = ['--agents', 'claude', '--shell', shell, '--no-pull', '--yes'];
        expect((await home.aiRun('setup', ...flags)).code).toBe(0);
        const ran = await home.run(shell, ['-ic', 'claude -p x']);
        expect(ran.stdout).toContain('[ai-run][claude][--][-p][x]');
        await home.aiRun('uninstall', '--yes');
        expect(existsSync(home.file(file))).toBe(false);
      },
    );
  });

  test('shows what it will change, and changes nothing unless told to', async () => {
    const { code, stderr } = await setup();
    expect(code).toBe(2);
    expect(stderr).toContain('write ~/.ai-run/shell.bash: aliases claude, gemini');
    expect(stderr).toContain('add to ~/.bashrc: [ ! -r ~/.ai-run/shell.bash ]');
    expect(existsSync(home.file('.bashrc'))).toBe(false);
    expect(existsSync(home.file('.ai-run'))).toBe(false);
  });

  test('again changes nothing', async () => {
    await setup('--yes');
    const before = rc();
    const { stderr } = await setup('--yes');
    expect(stderr).toBe('nothing to do: all of it is set up already\n');
    expect(rc()).toBe(before);
  });

  test('keeps the mode of a start file, and a symbolic link of a dotfile manager', async () => {
    mkdirSync(home.file('dotfiles'));
    writeFileSync(home.file('dotfiles/bashrc'), 'export A=1\n');
    chmodSync(home.file('dotfiles/bashrc'), 0o640);
    symlinkSync('dotfiles/bashrc', home.file('.bashrc'));
    await setup('--yes');
    expect(readlinkSync(home.file('.bashrc'))).toBe('dotfiles/bashrc');
    expect(statSync(home.file('dotfiles/bashrc')).mode & 0o777).toBe(0o640);
    expect(rc()).toMatch(/^export A=1\n.* # ai-run setup\n$/);
  });

  test('refuses a start file that leads nowhere, and leaves it', async () => {
    symlinkSync('nowhere', home.file('.bashrc'));
    const { code, stderr } = await setup('--yes');
    expect([code, stderr]).toEqual([1, expect.stringContaining('.bashrc')]);
    expect(readlinkSync(home.file('.bashrc'))).toBe('nowhere');
  });

  test('names a file that is in the place of its folder, and leaves the start file', async () => {
    writeFileSync(home.file('.ai-run'), '');
    const { code, stderr } = await setup('--yes');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /error\[E_SETUP\]: .*\.ai-run\/shell\.bash cannot be written: .*\nhint: .*\n$/,
      ),
    ]);
    expect(existsSync(home.file('.bashrc'))).toBe(false);
  });

  test.each(["x';id;'", '$(id)'])('refuses %j as an agent', async (agent) => {
    const ran = await home.aiRun('setup', '--agents', agent, '--shell', 'bash', '--yes');
    expect([ran.code, ran.stderr]).toEqual([
      2,
      expect.stringContaining('not the name of an agent'),
    ]);
  });
});

/** A session of this home, whose ai-run is this test. */
const startSession = async (): Promise<void> => {
  mkdirSync(home.file('.ai-run/sessions'), { recursive: true });
  const session = {
    name: 'claude-shop-3f9a2c',
    agent: 'claude',
    project: '/home/me/shop',
    owner: await thisOwner(),
  };
  writeFileSync(
    home.file('.ai-run/sessions/claude-shop-3f9a2c'),
    JSON.stringify(sessionLabels(session)),
  );
};

/** All that ai-run keeps, and something else. */
const fill = (): void => {
  for (const folder of ['.ai-home/claude/shop', '.ai-cache/claude', '.ai-run/git', 'other'])
    mkdirSync(home.file(folder), { recursive: true });
  for (const file of ['.ai-env', '.ai-workspaces', '.ai-home/claude/shop/state', 'other/kept'])
    writeFileSync(home.file(file), 'text\n', { mode: 0o600 });
  symlinkSync('../../../other', home.file('.ai-home/claude/shop/link'));
  mkdirSync(home.file('.ai-home/claude/closed'));
  writeFileSync(home.file('.ai-home/claude/closed/file'), '');
  chmodSync(home.file('.ai-home/claude/closed'), 0);
};

/** A line of `docker image ls`. */
const row = (name: string): string =>
  JSON.stringify({
    ID: 'sha256:1',
    Repository: name,
    Tag: 'base',
    Size: '1MB',
    CreatedSince: 'now',
  });

describe('uninstall', () => {
  test.each([
    ['text', 'export A=1\n'],
    ['no line break at its end', 'export A=1'],
    ['nothing', ''],
    ['bytes that are no text', 'caf\u00e9=\u00ff\u0000\n'],
  ])('leaves a start file of %s byte for byte as it was', async (_, text) => {
    writeFileSync(home.file('.bashrc'), text, 'latin1');
    await setup('--yes');
    expect(rc()).not.toBe(text);
    expect((await home.aiRun('uninstall', '--yes')).code).toBe(0);
    expect(rc()).toBe(text);
    expect(existsSync(home.file('.ai-run/shell.bash'))).toBe(false);
    const { stdout } = await home.run('bash', ['-ic', 'type claude']);
    expect(stdout).not.toContain('alias');
  });

  test('leaves the text of a start file whose last line break an editor took', async () => {
    writeFileSync(home.file('.bashrc'), 'export A=1\n');
    await setup('--yes');
    writeFileSync(home.file('.bashrc'), rc().trimEnd());
    for (const said of ['done: ', 'nothing to remove\n']) {
      expect((await home.aiRun('uninstall', '--yes')).stderr).toContain(said);
      expect(rc()).toBe('export A=1\n');
    }
  });

  test('removes the folder that setup made, unless something else is in it', async () => {
    await setup('--yes');
    expect((await home.aiRun('uninstall', '--yes')).stderr).toContain('remove ~/.ai-run: ');
    expect(existsSync(home.file('.ai-run'))).toBe(false);
    await setup('--yes');
    writeFileSync(home.file('.ai-run/engine'), '');
    expect((await home.aiRun('uninstall', '--yes')).stderr).not.toContain('remove ~/.ai-run: ');
    expect(readdirSync(home.file('.ai-run'))).toEqual(['engine']);
  });

  test('removes no link in the place of that folder, nor what it leads to', async () => {
    mkdirSync(home.file('elsewhere'));
    symlinkSync('elsewhere', home.file('.ai-run'));
    await setup('--yes');
    expect((await home.aiRun('uninstall', '--yes')).code).toBe(0);
    expect(readlinkSync(home.file('.ai-run'))).toBe('elsewhere');
    expect(readdirSync(home.file('elsewhere'))).toEqual([]);
  });

  test('takes a file in the place of that folder for one of its own with --all only', async () => {
    home.program('docker', 'exit 0');
    writeFileSync(home.file('.ai-run'), '');
    expect(await home.aiRun('uninstall', '--yes')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'nothing to remove\n',
    });
    expect((await home.aiRun('uninstall', '--all', '--yes')).code).toBe(0);
    expect(existsSync(home.file('.ai-run'))).toBe(false);
  });

  test('removes a start file that setup made', async () => {
    await setup('--yes');
    expect(existsSync(home.file('.bashrc'))).toBe(true);
    await home.aiRun('uninstall', '--yes');
    expect(existsSync(home.file('.bashrc'))).toBe(false);
  });

  test('without flags removes nothing that agents keep', async () => {
    fill();
    await setup('--yes');
    await home.aiRun('uninstall', '--yes');
    for (const name of ['.ai-home/claude/shop/state', '.ai-env', '.ai-workspaces', '.ai-run/git'])
      expect(existsSync(home.file(name))).toBe(true);
  });

  test('--homes removes homes and caches, whatever agents left in them, and follows no link', async () => {
    fill();
    expect((await home.aiRun('uninstall', '--homes', '--yes')).code).toBe(0);
    expect(existsSync(home.file('.ai-home'))).toBe(false);
    expect(existsSync(home.file('.ai-cache'))).toBe(false);
    for (const name of ['other/kept', '.ai-env', '.ai-run/git'])
      expect(existsSync(home.file(name))).toBe(true);
  });

  test('is refused by a session that runs, which is named; the same without it is not', async () => {
    fill();
    await startSession();
    const refused = await home.aiRun('uninstall', '--homes', '--yes');
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('claude-shop-3f9a2c'),
    ]);
    expect(existsSync(home.file('.ai-home'))).toBe(true);
    writeFileSync(home.file('.ai-run/sessions/claude-shop-3f9a2c'), '{}');
    expect((await home.aiRun('uninstall', '--homes', '--yes')).code).toBe(0);
    expect(existsSync(home.file('.ai-home'))).toBe(false);
  });

  test('removes a link in place of one of its files, not what it leads to', async () => {
    fill();
    mkdirSync(home.file('elsewhere'));
    writeFileSync(home.file('elsewhere/kept'), '');
    symlinkSync('elsewhere', home.file('.ai-git-allowed'));
    home.program('docker', 'exit 0');
    const ran = await home.aiRun('uninstall', '--all', '--yes');
    expect(ran).toMatchObject({ code: 0 });
    expect(lstatSync(home.file('.ai-git-allowed'), { throwIfNoEntry: false })).toBeUndefined();
    expect(existsSync(home.file('elsewhere/kept'))).toBe(true);
    for (const name of ['.ai-home', '.ai-cache', '.ai-run', '.ai-env', '.ai-workspaces'])
      expect(existsSync(home.file(name))).toBe(false);
    expect(existsSync(home.file('other/kept'))).toBe(true);
  });

  test('--images removes what was pulled, and not what was baked here', async () => {
    const rows = [
      row('registry.example.com/ai/ai-claude'),
      row('ai-claude'),
      row('registry.example.com/other'),
    ];
    writeFileSync(home.file('rows'), `${rows.join('\n')}\n`);
    home.program(
      'docker',
      'case "$1 $2" in "image ls") cat "$HOME/rows" ;; "image inspect") echo \'{"Id":"sha256:1"}\' ;; "image rm") shift 2; echo "$@" >> "$HOME/removed" ;; esac',
    );
    const without = await home.aiRun('uninstall', '--yes');
    expect(without.stderr).toBe('nothing to remove\n');
    expect((await home.aiRun('uninstall', '--images', '--yes')).code).toBe(0);
    expect(readFileSync(home.file('removed'), 'utf8')).toBe(
      'registry.example.com/ai/ai-claude:base\n',
    );
  });

  test('finds nothing to remove where there is nothing', async () => {
    expect((await home.aiRun('uninstall', '--yes')).stderr).toBe('nothing to remove\n');
  });
});
