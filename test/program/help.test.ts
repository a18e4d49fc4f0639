import { describe, expect, test } from 'vitest';
import { bakery } from './bakery.ts';

const selection = ['--runtime <names>', '--platform <names>', '--json'];
const baking = [...selection, '--jobs <n>', '--junit <file>', '--quiet', '--all'];

const publishing = [
  ...baking.filter((option) => option !== '--all'),
  '--registry <registry>',
  '--until <step>',
  '--dry-run',
  '--force',
  '--accept-unexecuted',
  '--drop-platforms',
  '--provenance <mode>',
  '--sbom <generator>',
  '--journal <file>',
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
      'prune',
      'update',
      'doctor',
      'completion',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${verb} `, 'm'));
    }
    expect(stdout).toContain('Exit codes: 0 all well; 1 something failed; 2 wrong usage;');
    expect([code, stderr]).toEqual([0, '']);
  });

  test.concurrent.each([
    ['list', [...selection, '--upstreams']],
    ['check', selection],
    ['plan', [...selection, '--registry <registry>']],
    ['render', [...selection, '--out <folder>', '--bake', '--registry <registry>']],
    ['build', [...baking, '--force', '--no-test', '--dry-run']],
    ['test', baking],
    ['publish', publishing],
    ['prune', ['--registry <registry>', '--keep-days <n>', '--keep <n>', '--yes', '--json']],
    ['update', ['--check', '--upstreams', '--json']],
    ['doctor', ['--json']],
    ['completion', ['--words']],
  ])('of %s names exactly its options', async (verb, options) => {
    const { code, stdout, stderr } = await bakery([verb, '--help']);
    const named = [...stdout.matchAll(/^ {2}(?:-h, )?(--\S+(?: <\w+>)?)/gm)].map(
      ([, name]) => name,
    );
    expect(named).toEqual([...options, '--help']);
    expect([code, stderr]).toEqual([0, '']);
  });
});
