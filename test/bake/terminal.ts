import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../e2e/fake-caller.ts';
import { bakery, docker, run } from '../e2e/support.ts';
import {
  makeTinyImage,
  type Running,
  startAiRun,
  startInTerminal,
  type Tiny,
} from '../e2e/tiny-image.ts';

/** A publication: its images, and its registry. */
type Published = {
  /** The checkout, and the registry that has it below `/ai`; known once it is published. */
  readonly root: () => string;
  readonly registry: () => string;
  readonly agents: readonly string[];
  readonly runtimes: readonly string[];
  /** The agent that draws a full screen as soon as it starts, a box as wide as the terminal in it; published for two platforms. */
  readonly drawing: string;
};

const sees = (running: Running, text: string | RegExp, from = 0): Promise<void> =>
  until(`it says ${text}`, () => running.seen().slice(from).search(text) >= 0, 300);

/** Gives the terminal that a session runs in another size. */
const resize = async (running: Running, rows: number, columns: number): Promise<void> => {
  const [terminal = ''] = /\/dev\/pts\/\d+/.exec(running.seen()) ?? [];
  const ran = await run('stty', ['-F', terminal, 'rows', `${rows}`, 'cols', `${columns}`]);
  expect(ran.code, ran.stderr).toBe(0);
};

/** Published images as a user gets them: pulled by ai-run, in a terminal. */
export const describeTerminal = ({
  root,
  registry,
  agents,
  runtimes,
  drawing,
}: Published): void => {
  describe('pulled from a registry, in a terminal', () => {
    let user: Tiny;
    const versions: Record<string, string> = {};
    const names = agents.flatMap((agent) => runtimes.map((runtime) => `ai-${agent}:${runtime}`));

    beforeAll(async () => {
      user = await makeTinyImage();
      const AI_IMAGE_REGISTRY = `${registry()}/ai`;
      user = { ...user, env: { ...user.env, AI_IMAGE_SOURCE: 'registry', AI_IMAGE_REGISTRY } };
      const listed = await bakery(['--root', root(), 'list', ...agents, '--json']);
      for (const { name, version } of (
        JSON.parse(listed.stdout) as { agents: { name: string; version: string }[] }
      ).agents)
        versions[name] = version;
    });
    afterAll(async () => {
      const pulled = names.map((name) => `${registry()}/ai/${name}`);
      await docker('image', 'rm', '--force', ...pulled);
      await user.close();
    });

    /** Ends the only session of the user. */
    const stop = async (running: Running): Promise<number | string> => {
      const label = `--filter=label=ai-run.project=${user.project}`;
      const { stdout } = await docker('ps', '--format={{.Names}}', label);
      expect(await startAiRun(user, ['stop', stdout.trim()]).ended).toBe(0);
      return running.ended;
    };

    test.each(agents.flatMap((agent) => runtimes.map((runtime) => [agent, runtime] as const)))(
      '%s on %s prints the version that its lock has',
      async (agent, runtime) => {
        const running = startInTerminal(user, [agent, '--runtime', runtime, '--', '--version']);
        expect(await running.ended, running.seen()).toBe(0);
        const name = `${registry()}/ai/ai-${agent}:${runtime}`;
        expect(running.seen()).toContain(`Status: Downloaded newer image for ${name}`);
        // After the pull, because its progress prints digests, which may contain any digits.
        const said = running.seen().split('Status: Downloaded').at(-1);
        expect(versions[agent]).toMatch(/^\d/);
        expect(said).toContain(versions[agent]);
      },
    );

    test('one for another platform prints it as well', async () => {
      const other = process.arch === 'x64' ? 'linux/arm64' : 'linux/amd64';
      const running = startInTerminal(user, [drawing, '--platform', other, '--', '--version']);
      expect(await running.ended, running.seen()).toBe(0);
      expect(running.seen()).toContain(versions[drawing]);
    });

    test.each(agents)(
      '%s and its shell have the terminal’s size, and learn of another',
      async (agent) => {
        const script = 'stty size; trap "stty size" WINCH; while :; do sleep 0.1; done';
        const running = startInTerminal(user, [agent, '--shell', '--', '-c', script], [33, 111]);
        await sees(running, '33 111');
        await resize(running, 41, 123);
        await sees(running, '41 123');
        expect(await stop(running)).toBe(143);
      },
    );

    test('an agent draws its screen as wide as the terminal is, and again when that changes', async () => {
      const running = startInTerminal(user, [drawing], [24, 80]);
      await sees(running, /Gemini CLI/);
      await sees(running, /╭─{70,78}╮/);
      // It moves the cursor, erases and colours.
      for (const sequence of ['\u001b[2K', '\u001b[1A', '\u001b[1m'])
        expect(running.seen()).toContain(sequence);
      expect(running.seen()).not.toMatch(/─{79}/);
      const before = running.seen().length;
      await resize(running, 40, 120);
      await sees(running, /╭─{100,118}╮/, before);
      await stop(running);
    });
  });
};
