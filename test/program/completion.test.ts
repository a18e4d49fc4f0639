import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Home, makeHome } from './home.ts';
import { isInstalled } from './shells.ts';

/** The completion scripts in the shells that they are for; the engine is a script that knows two images. */

let home: Home;
beforeEach(async () => {
  home = makeHome();
  home.program(
    'docker',
    `case "$1" in
image) printf 'ai-claude:base\\nai-claude:go\\nai-gemini:base\\nai-$(touch\${IFS}owned):base\\n' ;;
ps) printf 'claude-shop-3f9a2c\\n$(touch\${IFS}owned)\\n' ;;
esac`,
  );
});
afterEach(() => home.remove());

/** Writes the script of a shell to a file, as a user would. */
const script = async (shell: string): Promise<string> => {
  const { stdout } = await home.aiRun('completion', shell);
  writeFileSync(home.file('script'), stdout);
  return home.file('script');
};

const cases: readonly (readonly [string, readonly string[]])[] = [
  ['ai-run cl', ['claude']],
  ['ai-run claude --runtime ', ['base', 'go']],
  ['ai-run claude --wri', ['--writable-root']],
  ['ai-run stop ', ['--all', 'claude-shop-3f9a2c']],
];

test.each(cases)('in bash, %j', async (line, expected) => {
  const words = line.split(' ');
  const ran = await home.run('bash', [
    '-c',
    `. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); complete -p ai-run >/dev/null && _ai_run && printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
    await script('bash'),
    ...words,
  ]);
  expect(
    ran.stdout
      .split('\n')
      .filter((word) => word !== '')
      .toSorted(),
  ).toEqual(expected.toSorted());
});

describe('in fish', () => {
  test.skipIf(!isInstalled('fish')).each(cases)(
    'where it is installed, %j',
    async (line, expected) => {
      const ran = await home.run('fish', [
        '-c',
        `source $argv[1]; complete -C $argv[2]`,
        await script('fish'),
        line,
      ]);
      const words = ran.stdout.split('\n').map((one) => one.split('\t')[0] ?? '');
      expect(words.filter((word) => word !== '').toSorted()).toEqual(expected.toSorted());
    },
  );
});

describe('in zsh', () => {
  test.skipIf(!isInstalled('zsh')).each([
    ['ai-run gem', 'ai-run gemini'],
    ['ai-run claude --wri', 'ai-run claude --writable-root'],
    ['ai-run attach cl', 'ai-run attach claude-shop-3f9a2c'],
  ])('where it is installed, %j and Tab', async (line, expected) => {
    // A zsh in a terminal of its own: keys go in, what it draws comes out.
    const drive = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; autoload -Uz compinit; compinit -u -D; source $1; print rea''dy"
zpty -r -m z seen '*ready*'
zpty -w -n z "$2"$'\\t'
zpty -r -m z seen "*$3*" && print -r -- "$seen"`;
    const ran = await home.run('timeout', [
      '15',
      'zsh',
      '-f',
      '-c',
      drive,
      'zsh',
      await script('zsh'),
      line,
      expected,
    ]);
    expect(ran.stdout).toContain(expected);
  });
});

test('no name of an image or a session is ever run, as it would be where words are expanded', async () => {
  const press = `. "$1"; COMP_WORDS=(ai-run stop ''); COMP_CWORD=2; _ai_run`;
  await home.run('bash', ['-c', press, 'bash', await script('bash')]);
  expect(existsSync(home.file('owned'))).toBe(false);
  await home.run('bash', ['-c', 'compgen -W "$(docker ps)"']);
  expect(existsSync(home.file('owned'))).toBe(true);
});

test('without an engine, verbs are still there', async () => {
  home.program('docker', 'exit 1');
  expect((await home.aiRun('completion', '--words', '--', 'do')).stdout).toBe('doctor\n');
});

test.each([[[]], [['tcsh']], [['bash', 'zsh']]])('of %j there is none', async (words) => {
  expect((await home.aiRun('completion', ...words)).code).toBe(2);
});
