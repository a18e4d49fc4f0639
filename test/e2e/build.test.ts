import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Maker, makeBaseCheckout, makeTiny, openMaker, versionCheck } from './fake-agent.ts';
import { checkout, docker, nonce, removeCheckout, run } from './support.ts';

/** `ai-run --build` with the real bakery, which has an agent of the test's own in its catalogue. */

const agent = `e2e-${nonce()}`;
let maker: Maker;
let root: string;
let user: string;

beforeAll(async () => {
  maker = await openMaker();
  root = await makeBaseCheckout();
  await makeTiny(root, agent, maker).write([versionCheck], 'cold');
  const bakery = join(root, 'bin/bakery');
  await mkdir(join(root, 'bin'));
  await writeFile(
    bakery,
    `#!/bin/sh\nexec '${process.execPath}' '${checkout}/bakery/cli/main.ts' "$@"\n`,
  );
  await chmod(bakery, 0o755);
  user = await mkdtemp(join(tmpdir(), 'ai-run-e2e-'));
  await chmod(user, 0o755);
  await mkdir(join(user, 'projects/shop'), { recursive: true });
  await writeFile(join(user, '.ai-workspaces'), `${user}/projects\n`, { mode: 0o600 });
});
afterAll(async () => {
  maker.close();
  await removeCheckout(root, [agent]);
  await rm(user, { recursive: true });
});

test('an image that is not there is built, tested and run, in any folder', async () => {
  const aiRun = (...flags: string[]) =>
    run(process.execPath, [join(checkout, 'ai-run/cli/cli.ts'), ...flags, agent], {
      cwd: join(user, 'projects/shop'),
      env: { HOME: user, PATH: `${root}/bin${delimiter}${process.env['PATH']}` },
    });
  expect((await aiRun()).stderr).toContain(`the engine has no image ai-${agent}:base`);
  const built = await aiRun('--build');
  expect([built.code, built.stdout], built.stderr).toEqual([0, 'tiny 1.0.0\n']);
  expect(built.stderr).toContain(`ai-${agent}:base`);
  expect((await docker('image', 'inspect', `ai-${agent}:base`)).code).toBe(0);
});
