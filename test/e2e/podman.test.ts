import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from './fake-caller.ts';
import { run } from './support.ts';
import { aiRun, makeTinyImage, type Tiny } from './tiny-image.ts';

/** Podman's own service, which answers as a Docker engine does. */

const found = await run('sh', ['-c', 'command -v podman']);

describe.skipIf(process.getuid?.() !== 0 || found.code !== 0)(
  'Podman, where it is installed and this is root',
  () => {
    let root = '';
    let host = '';
    let tiny: Tiny;
    let service: ChildProcess;
    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'ai-run-podman-'));
      host = `unix://${root}/podman.sock`;
      tiny = await makeTinyImage();
      const own = [`--root=${root}/root`, `--runroot=${root}/run`, '--storage-driver=vfs'];
      const verb = ['--cgroup-manager=cgroupfs', 'system', 'service', '--time=0', host];
      service = spawn('podman', [...own, ...verb], { stdio: 'ignore' });
      await until(
        'Podman answers',
        async () => (await run('docker', ['info'], { env: { DOCKER_HOST: host } })).code === 0,
        30,
      );
      // It has the image that Docker has.
      const archive = join(root, 'image.tar');
      for (const [words, env] of [
        [['save', `--output=${archive}`, tiny.image], {}],
        [['load', `--input=${archive}`], { DOCKER_HOST: host }],
      ] as const) {
        const { code, stderr } = await run('docker', words, { env });
        if (code !== 0) throw new Error(stderr);
      }
    });
    afterAll(async () => {
      service.kill();
      await new Promise((settle) => service.on('close', settle));
      await tiny.close();
      await rm(root, { recursive: true, force: true });
    });

    const start = (env: Readonly<Record<string, string>>) =>
      aiRun({ ...tiny, env: { ...tiny.env, ...env } }, [tiny.agent, '--', '-c', 'echo up']);

    test('is refused with the reason; the engine beside it is not', async () => {
      const refused = await start({ DOCKER_HOST: host });
      expect([refused.code, refused.stdout]).toEqual([1, '']);
      expect(refused.stderr).toContain(
        `error[E_ENGINE_UNFIT]: the engine at ${host} is Podman, which supports neither`,
      );
      expect(await start({})).toMatchObject({ code: 0, stdout: 'up\n' });
    });

    test('does not know what the policy asks for', async () => {
      const { stderr } = await run(
        'docker',
        ['run', '--rm', '--security-opt=seccomp=builtin', '--entrypoint=true', tiny.image],
        { env: { DOCKER_HOST: host } },
      );
      expect(stderr).toContain('opening seccomp profile failed: open builtin');
    });

    test('is told by doctor', async () => {
      const ran = await aiRun({ ...tiny, env: { ...tiny.env, DOCKER_HOST: host } }, ['doctor']);
      expect(ran.code).toBe(1);
      expect(ran.stdout).toMatch(/^ok +engine +Podman /m);
      expect(ran.stdout).toMatch(/^failed +agents +the engine at \S+ is Podman/m);
    });
  },
);
