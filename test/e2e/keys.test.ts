import { execFileSync } from 'node:child_process';
import {
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launch } from '../../kernel/launch.ts';
import { platformOfMachine } from '../../kernel/platform.ts';
import { containerUser, harden } from '../../kernel/policy.ts';
import { openKeys } from '../../ai-run/keys/keys.ts';
import { thisOwner } from '../../ai-run/session/owner.ts';
import { until } from './fake-caller.ts';
import { type GitServer, makeKey, noServer, openServer } from './fake-server.ts';
import { type Ran, run } from './support.ts';
import { aiRun, makeTinyImage, startAiRun, startInTerminal, type Tiny } from './tiny-image.ts';

/** An agent pushes to a server of git with a key of its user: with the opt-in only. */

const caller = { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };
const user = containerUser(caller);

const push = (message: string): string =>
  `git commit -q --allow-empty -m '${message}' && git push -q --force origin main`;

describe.skipIf(noServer !== undefined)(
  `git over ssh${noServer === undefined ? '' : `, not tried: ${noServer}`}`,
  () => {
    let tiny: Tiny;
    let server: GitServer;
    const at = (...names: string[]): string => join(tiny.home, ...names);
    const copies = (): string[] => readdirSync(at('.ai-run/ssh'));

    beforeAll(async () => {
      tiny = await makeTinyImage({
        from: 'mcr.microsoft.com/devcontainers/typescript-node:24-trixie',
      });
      mkdirSync(at('.ssh'), { mode: 0o700 });
      for (const name of ['work', 'other']) makeKey(at('.ssh', name));
      server = await openServer(
        join(tiny.home, '..', 'server'),
        readFileSync(at('.ssh/work.pub'), 'utf8'),
      );
      writeFileSync(at('.ssh/known_hosts'), server.known);
      writeFileSync(
        at('.ssh/config'),
        `Host git.test\n  HostName ${server.host}\n  Port ${server.port}\n  ProxyCommand touch ${tiny.project}/evil\n`,
      );
      const git = (...args: string[]): string =>
        execFileSync('git', args, {
          cwd: tiny.project,
          env: { PATH: process.env['PATH'], ...tiny.env, GIT_CONFIG_NOSYSTEM: '1' },
          encoding: 'utf8',
          stdio: 'pipe',
        });
      writeFileSync(at('.gitconfig'), '[user]\n\tname = A User\n\temail = user@example.com\n');
      git('init', '-q', '-b', 'main');
      writeFileSync(join(tiny.project, 'file'), 'one\n');
      git('add', '.');
      git('commit', '-qm', 'First');
      git('remote', 'add', 'origin', server.url);
      // The project belongs to the agent's user, as the project of a person does.
      chownSync(tiny.project, user.uid, user.gid);
      for (const entry of readdirSync(tiny.project, { recursive: true, withFileTypes: true }))
        lchownSync(join(entry.parentPath, entry.name), user.uid, user.gid);
      writeFileSync(
        at('.gitconfig'),
        '[user]\n\tname = A User\n\temail = user@example.com\n[safe]\n\tdirectory = *\n',
      );
    });
    afterAll(async () => {
      await server.close();
      await tiny.close();
    });
    beforeEach(() => rmSync(at('.ai-git-allowed'), { force: true }));

    const session = (flags: readonly string[], script: string): Promise<Ran> =>
      aiRun(tiny, ['--network', 'bridge', ...flags, tiny.agent, '--', '-c', script]);

    test('a push is accepted with the key, and with nothing less', async () => {
      const before = server.subject();
      const without = await session([], push('Without'));
      expect(without.code).not.toBe(0);
      const wrong = await session(['--ssh-key', 'other'], push('Wrong'));
      expect(wrong.stderr).toContain('Permission denied (publickey)');
      expect(server.subject()).toBe(before);

      const pushed = await session(['--ssh-key', 'work'], push('Pushed'));
      expect(pushed.code, pushed.stderr + server.log()).toBe(0);
      expect(server.subject()).toBe('A User: Pushed');
      expect(pushed.stderr).toContain(
        'ai-run: --ssh-key: the agent can read ~/.ssh/work and act as you on every server that accepts it',
      );
      expect(copies()).toEqual([]);
      expect(readdirSync(tiny.project)).not.toContain('evil');
    });

    test('a host that the user does not know is not trusted; it is, once the user knows it', async () => {
      writeFileSync(at('.ssh/known_hosts'), '');
      const strange = await session(['--ssh-key', 'work'], push('Strange'));
      expect(strange.stderr).toContain('Host key verification failed');
      expect(server.subject()).not.toContain('Strange');
      writeFileSync(at('.ssh/known_hosts'), server.known);
      const known = await session(['--ssh-key', 'work'], push('Known'));
      expect(known.code, known.stderr).toBe(0);
      expect(server.subject()).toContain('Known');
    });

    test('of the user’s keys the agent sees the chosen one, and cannot change it', async () => {
      const key = readFileSync(at('.ssh/work'), 'utf8');
      const files = '/run/ai-run/ssh';
      const { stdout } = await session(
        ['--ssh-key', 'work'],
        `ls ${files} ~/.ssh; cat ${files}/work; echo "$SSH_AUTH_SOCK"
       for act in "sh -c 'echo x >> ${files}/work'" "rm -f ${files}/work" "chmod 644 ${files}/work" "touch ${files}/new" "mv ${files} ${files}2"
       do eval "$act" 2>/dev/null && echo "did: $act"; done; true`,
      );
      expect(stdout).toBe(`${files}:\nconfig\nknown_hosts\nwork\n${key}\n`);
      expect(readFileSync(at('.ssh/work'), 'utf8')).toBe(key);
    });

    test('"always" is remembered for this project, and asked for on a terminal', async () => {
      const script = `test -e /run/ai-run/ssh/work && echo has a key; true`;
      expect((await session([], script)).stdout).toBe('');
      const refused = await session(['--git-credentials', '--ssh-key', 'work'], script);
      expect(refused.stderr).toContain('needs a terminal for its question');
      const flags = ['--git-credentials', '--ssh-key', 'work', tiny.agent, '--', '-c', script];
      const running = startInTerminal(tiny, flags);
      await until('it asks', () => running.seen().includes('[once/always/no]'), 30);
      running.write('always\n');
      expect(await running.ended).toBe(0);
      expect(running.seen()).toContain('has a key');
      expect(readFileSync(at('.ai-git-allowed'), 'utf8')).toBe(`work ${tiny.project}\n`);
      const next = await session([], script);
      expect([next.stdout, next.code]).toEqual(['has a key\n', 0]);
      expect(next.stderr).toContain('~/.ai-git-allowed: the agent can read ~/.ssh/work');
    });

    test('what a killed session left is gone after the next start', async () => {
      const killed = startAiRun(tiny, [
        '--ssh-key',
        'work',
        tiny.agent,
        '--',
        '-c',
        'echo up; sleep 60',
      ]);
      await until('it is up', () => /up/.test(killed.seen()), 30);
      expect(copies()).toHaveLength(1);
      process.kill(killed.pid, 'SIGKILL');
      expect(copies()).toHaveLength(1);
      expect((await session([], 'true')).code).toBe(0);
      expect(copies()).toEqual([]);
      await killed.ended;
    });

    test.skipIf(caller.uid === 1000)(
      'a user that the image does not know can push as well',
      async () => {
        const stranger = caller.uid === 0 ? { uid: 4321, gid: 4321 } : caller;
        const name = 'e2e-shop-1';
        const owner = await thisOwner();
        const part = await openKeys({
          userHome: tiny.home,
          session: { name, agent: tiny.agent, project: tiny.project, owner },
          user: stranger,
          keys: ['work'],
          by: '--ssh-key',
        });
        const inside = (mounts: typeof part.mounts): Promise<Ran> => {
          const { file, args } = launch({
            image: tiny.image,
            platform: platformOfMachine(process.arch) ?? 'linux/amd64',
            policy: harden({ user: stranger, ...(mounts === undefined ? {} : { mounts }) }),
            command: ['sh', '-ec', `git ls-remote ${server.url} main`],
            env: { ...part.env },
          });
          return run(file, args);
        };
        const nameless = await inside(
          part.mounts?.filter(({ target }) => target !== '/etc/passwd'),
        );
        expect(nameless.stderr).toContain('No user exists for uid 4321');
        const named = await inside(part.mounts);
        expect(named.code, named.stderr).toBe(0);
        await part.finish?.();
      },
    );
  },
);
