import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bakery, checkout, cli } from './bakery.ts';
import { type Home, makeHome } from './home.ts';
import { isInstalled } from './shells.ts';

/** The completion scripts in their shells; the engine is a script that knows two images, and bakery has a checkout. */

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
  home.program('bakery', `cd '${checkout}' && exec '${process.execPath}' '${cli}' "$@"`);
});
afterEach(() => home.remove());

/** Writes the script of a shell to a file, as a user would. */
const script = async (shell: string, program = 'ai-run'): Promise<string> => {
  const { stdout } =
    program === 'bakery'
      ? await bakery(['completion', shell])
      : await home.aiRun('completion', shell);
  writeFileSync(home.file('script'), stdout);
  return home.file('script');
};

const cases: readonly (readonly [string, readonly string[]])[] = [
  ['ai-run cl', ['claude']],
  ['ai-run claude --runtime ', ['base', 'go']],
  ['ai-run claude --wri', ['--writable-root']],
  ['ai-run stop ', ['--all', 'claude-shop-3f9a2c']],
  ['ai-run git fetch --', ['--help']],
  ['bakery pub', ['publish']],
  ['bakery build ot', ['otter']],
  ['bakery build --runtime base,', ['base,go', 'base,php']],
];

const functionOf = (line: string): string => (line.startsWith('bakery') ? '_bakery' : '_ai_run');
const programOf = (line: string): string => line.split(' ')[0] ?? '';

test.each(cases)('in bash, %j', async (line, expected) => {
  const words = line.split(' ');
  const ran = await home.run('bash', [
    '-c',
    `. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); complete -p "$1" >/dev/null && ${functionOf(line)} && printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
    await script('bash', programOf(line)),
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
        await script('fish', programOf(line)),
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
    ['bakery build ot', 'bakery build otter'],
    ['bakery build --junit uni', 'bakery build --junit unique.xml'],
    ['ai-run claude --mount uni', 'ai-run claude --mount unique.xml'],
  ])('where it is installed, %j and Tab', async (line, expected) => {
    writeFileSync(home.file('unique.xml'), '');
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
      await script('zsh', programOf(line)),
      line,
      expected,
    ]);
    expect(ran.stdout).toContain(expected);
  });
});

describe('in fish and bash, names of files follow', () => {
  const lines = ['bakery build --junit uni', 'ai-run claude --mount uni', 'ai-run claude -- uni'];
  beforeEach(() => writeFileSync(home.file('unique.xml'), ''));

  test.skipIf(!isInstalled('fish')).each(lines)('in fish, %j', async (line) => {
    const words = [
      '-c',
      'source $argv[1]; complete -C $argv[2]',
      await script('fish', programOf(line)),
      line,
    ];
    expect((await home.run('fish', words)).stdout).toContain('unique.xml');
  });

  test.each(lines)('in bash, %j: without candidates it completes files itself', async (line) => {
    const ran = await home.run('bash', [
      '-c',
      `. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); complete -p "$1" && ${functionOf(line)} && echo "\${#COMPREPLY[@]}"`,
      'bash',
      await script('bash', programOf(line)),
      ...line.split(' '),
    ]);
    expect(ran.stdout).toMatch(/^complete (?=.*-o default ).*\n0\n$/);
  });
});

test.each([
  ['ai-run', '_ai_run'],
  ['bakery', '_bakery'],
])(
  'no word that %s offers is ever run, as it would be if words were expanded',
  async (program, name) => {
    const file = await script('bash', program);
    // Names of images and sessions come from elsewhere.
    home.program(program, `printf '$(touch\${IFS}owned)\\n'`);
    const press = `. "$1"; COMP_WORDS=(${program} stop ''); COMP_CWORD=2; ${name}; echo "\${COMPREPLY[0]}"`;
    const ran = await home.run('bash', ['-c', press, 'bash', file]);
    expect(ran.stdout).toBe('$(touch${IFS}owned)\n');
    expect(existsSync(home.file('owned'))).toBe(false);
    await home.run('bash', ['-c', `compgen -W "$(${program})"`]);
    expect(existsSync(home.file('owned'))).toBe(true);
  },
);

test('no name of an image or a session reaches the shell if it could be run', async () => {
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
