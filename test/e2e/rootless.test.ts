import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canBeRootless, type RootlessEngine, startRootlessEngine } from './rootless-engine.ts';
import { aiRun, makeTinyImage, type Tiny } from './tiny-image.ts';

describe.skipIf(!(await canBeRootless()))(
  'a rootless engine, where rootlesskit and uidmap are',
  () => {
    let tiny: Tiny;
    let engine: RootlessEngine;
    beforeAll(async () => {
      tiny = await makeTinyImage();
      engine = await startRootlessEngine();
    });
    afterAll(async () => {
      await engine.close();
      await tiny.close();
    });

    const start = (env: Readonly<Record<string, string>>) =>
      aiRun({ ...tiny, env: { ...tiny.env, ...env } }, [tiny.agent, '--', '-c', 'echo up']);

    test('is refused with the reason; the engine beside it is not', async () => {
      const refused = await start({ DOCKER_HOST: engine.host });
      expect([refused.code, refused.stdout]).toEqual([1, '']);
      expect(refused.stderr).toContain(`the engine at ${engine.host} is rootless`);
      expect(refused.stderr).toContain('hint: use an engine that runs as root');
      expect(await start({})).toMatchObject({ code: 0, stdout: 'up\n' });
    });

    test('is told by doctor', async () => {
      const ran = await aiRun({ ...tiny, env: { ...tiny.env, DOCKER_HOST: engine.host } }, [
        'doctor',
      ]);
      expect(ran.code).toBe(1);
      expect(ran.stdout).toMatch(/^ok +engine +rootless Docker Engine /m);
      expect(ran.stdout).toMatch(/^failed +agents /m);
    });
  },
);
