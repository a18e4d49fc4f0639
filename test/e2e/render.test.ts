import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bakery, checkout, run } from './support.ts';

/** Rendered files are complete: docker builds them without the bakery. */

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bakery-render-'));
  await bakery(['render', '--out', folder]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('every rendered Dockerfile passes BuildKit’s own checks without a warning', async () => {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.Dockerfile'));
  expect(files.length).toBeGreaterThan(40);
  // Runtimes and install kinds are the same text everywhere: one of each kind on each runtime covers them.
  const chosen = files.filter((file) => /^ai-(claude|gemini|aider|amp)\./.test(file));
  expect(chosen).toHaveLength(4 * 4);
  for (const file of chosen) {
    const agent = /^ai-([^.]+)\./.exec(file)?.[1] ?? '';
    const { code, stdout, stderr } = await run('docker', [
      'buildx',
      'build',
      '--call=check',
      '--file',
      join(folder, file),
      join(checkout, 'agents', agent),
    ]);
    expect(code, stderr).toBe(0);
    expect(`${stdout}${stderr}`).toContain('no warnings found');
  }
});

test('a plain docker build of one makes the image that the bakery makes', async () => {
  const text = await readFile(join(folder, 'ai-gemini.base.Dockerfile'), 'utf8');
  const key = /LABEL ai-run\.key=(\S+)/.exec(text)?.[1];
  const ca = (await readFile(join(checkout, 'bakery.local.yaml'), 'utf8').catch(() => '')).match(
    /^ca: (.*)$/m,
  )?.[1];
  const { code, stderr } = await run('docker', [
    'buildx',
    'build',
    '--load',
    '--tag=e2e-plain:1',
    ...(ca === undefined ? [] : [`--secret=id=ca,src=${ca}`]),
    '--file',
    join(folder, 'ai-gemini.base.Dockerfile'),
    join(checkout, 'agents/gemini'),
  ]);
  expect(code, stderr).toBe(0);
  const { stdout } = await run('docker', [
    'image',
    'inspect',
    '--format',
    '{{index .Config.Labels "ai-run.key"}}',
    'e2e-plain:1',
  ]);
  expect(stdout.trim()).toBe(key);
  const ran = await run('docker', ['run', '--rm', '--network=none', 'e2e-plain:1', '--version']);
  expect(ran.stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  await run('docker', ['image', 'rm', '--force', 'e2e-plain:1']);
});

test('the bake file is accepted as it is printed, and no text in it is taken for a variable', async () => {
  const rendered = await bakery(['render', 'gemini', 'aider', '--bake']);
  const { code, stdout, stderr } = await run('docker', ['buildx', 'bake', '--file=-', '--print'], {
    input: rendered.stdout,
  });
  expect(code, stderr).toBe(0);
  const printed = JSON.parse(stdout) as { target: Record<string, { 'dockerfile-inline': string }> };
  expect(Object.keys(printed.target)).toHaveLength(2 * 4);
  // Bake prints its own templates escaped again; with that undone it is the Dockerfile.
  const inline = printed.target['aider_go']?.['dockerfile-inline'].replaceAll('$${', '${');
  expect(inline).toBe(await readFile(join(folder, 'ai-aider.go.Dockerfile'), 'utf8'));
});
