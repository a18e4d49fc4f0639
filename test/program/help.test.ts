import { describe, expect, test } from 'vitest';
import { bakery } from './bakery.ts';

const selection = ['--runtime <names>', '--platform <names>', '--json'];
const baking = [...selection, '--jobs <n>', '--junit <file>', '--quiet', '--all'];

const publishing = [
  ...baking.filter((option) => option !== '--all'),
  '--registry <registry>',
  '--from <step>',
  '--until <step>',
  '--dry-run',
  '--force',
  '--accept-unexecuted',
  '--drop-platforms',
  '--sign <key>',
  '--public-key <file>',
  '--no-sign',
  '--scan <scanner>',
  '--fail-on <severity>',
  '--no-scan',
  '--provenance <mode>',
  '--sbom <generator>',
  '--journal <file>',
  '--report <file>',
];

describe('the help', () => {
  test.concurrent('of the program names every verb and all exit codes', async () => {
    const { code, stdout, stderr } = await bakery(['--help']);
    for (const verb of [
      'list',
      'check',
      'plan',
      'render',
      'build',
      'test',
      'publish',
      'layer',
      'ci',
      'prune',
      'update',
      'doctor',
      'completion',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${verb} `, 'm'));
    }
    expect(stdout).toContain('Exit codes: 0 all well; 1 something failed; 2 wrong usage;');
    expect([code, stderr]).toEqual([0, '']);
    expect(await bakery([])).toEqual({ code: 2, stdout: '', stderr: stdout });
  });

  test.concurrent.each([
    ['list', [...selection, '--upstreams']],
    ['check', selection],
    ['plan', [...selection, '--registry <registry>']],
    ['render', [...selection, '--out <folder>', '--bake', '--registry <registry>']],
    ['build', [...baking, '--force', '--no-test', '--dry-run']],
    ['test', baking],
    ['publish', publishing],
    [
      'layer',
      ['--registry <registry>', '--platform <names>', '--force', '--jobs <n>', '--quiet', '--json'],
    ],
    ['ci', [...selection, '--registry <registry>', '--until <step>', '--output <file>']],
    ['prune', ['--registry <registry>', '--keep-days <n>', '--keep <n>', '--yes', '--json']],
    ['update', ['--check', '--upstreams', '--json']],
    ['doctor', ['--json']],
    ['completion', ['--words']],
  ])('of %s names exactly its options', async (verb, options) => {
    const { code, stdout, stderr } = await bakery([verb, '--help']);
    const named = [...stdout.matchAll(/^ {2}(?:-h, )?(--\S+(?: <\w+>)?)/gm)].map(
      ([, name]) => name,
    );
    expect(named).toEqual([...options, '--root <folder>', '--builder <name>', '--help']);
    expect([code, stderr]).toEqual([0, '']);
  });
});
