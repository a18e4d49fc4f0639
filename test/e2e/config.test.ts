import { mkdir, mkdtemp, readFile, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkout, docker, run } from './support.ts';
import { aiRun, makeTinyImage, type Tiny } from './tiny-image.ts';

/** An agent reads the project's configuration over that of all projects, and with --with-config the user's own. */

const write = async (path: string, content: unknown): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify(content));
};

describe('--with-config', () => {
  let tiny: Tiny;
  const ofUser = (): string => join(tiny.home, `.${tiny.agent}/settings.json`);
  const settings = { model: 'of the user', hooks: { Stop: 'evil' } };
  const session = (flags: readonly string[], script: string) =>
    aiRun(tiny, ['--network', 'none', ...flags, tiny.agent, '--', '-c', script]);

  beforeAll(async () => {
    tiny = await makeTinyImage({
      contract: (agent) => ({
        state: [`.${agent}`],
        hostConfig: [{ path: `.${agent}/settings.json`, format: 'json', keys: ['model'] }],
      }),
    });
  });
  afterAll(() => tiny.close());
  beforeEach(() => write(ofUser(), settings));

  test('gives the agent a copy that is its own from then on', async () => {
    const file = `~/.${tiny.agent}/settings.json`;
    const without = await session([], `cat ${file}`);
    expect([without.stdout, without.code]).toEqual(['', 1]);
    const first = await session(
      ['--with-config'],
      `cat ${file}; echo '{"model":"mine"}' > ${file}`,
    );
    expect([JSON.parse(first.stdout), first.code]).toEqual([{ model: 'of the user' }, 0]);
    expect(first.stderr).toContain(
      `ai-run: --with-config: the agent gets copies of model of ~/.${tiny.agent}/settings.json\n`,
    );
    const second = await session(['--with-config'], `cat ${file}`);
    expect(JSON.parse(second.stdout)).toEqual({ model: 'mine' });
    expect(JSON.parse(await readFile(ofUser(), 'utf8'))).toEqual(settings);
  });
});

const image = 'ai-gemini:base';
const isHere = (await docker('image', 'inspect', image)).code === 0;

describe.skipIf(!isHere)(
  `Gemini CLI${isHere ? '' : `, not tried: there is no ${image} here`}`,
  () => {
    let root: string;
    const servers = async (): Promise<readonly string[]> => {
      const cli = join(checkout, 'ai-run/cli/cli.ts');
      const args = [cli, '--network', 'none', 'gemini', '--', 'mcp', 'list'];
      const { stdout, stderr } = await run(process.execPath, args, {
        cwd: join(root, 'projects/shop'),
        env: { HOME: join(root, 'home') },
      });
      return (stdout + stderr).match(/[a-z]+: of-[a-z]+|No MCP servers/g) ?? [];
    };
    const define = (path: string, name: string, names: readonly string[]): Promise<void> =>
      write(join(root, path, '.gemini/settings.json'), {
        mcpServers: Object.fromEntries(names.map((one) => [one, { command: name }])),
      });

    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), 'ai-run-e2e-'));
      await mkdir(join(root, 'projects/shop'), { recursive: true });
      await chmod(root, 0o755);
      await mkdir(join(root, 'home'));
      const list = join(root, 'home/.ai-workspaces');
      await writeFile(list, `${root}/projects\n`, { mode: 0o600 });
      return () => rm(root, { recursive: true });
    });

    test('reads the project’s settings over those of all projects, and those over its own defaults', async () => {
      expect(await servers()).toEqual(['No MCP servers']);
      // A home is made once: what all projects start with is for new ones.
      await rm(join(root, 'home/.ai-home'), { recursive: true });
      await define('home/.ai-home/gemini/global', 'of-all', ['one', 'two']);
      await define('projects/shop', 'of-project', ['one']);
      expect(await servers()).toEqual(['one: of-project', 'two: of-all']);
    });
  },
);
