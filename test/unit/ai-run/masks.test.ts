import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { distinct, maskNote, type MaskSettings, secretsOf } from '../../../ai-run/core/masks.ts';
import { openMasks } from '../../../ai-run/project/masks.ts';

const words = (text: string): readonly string[] => text.split(' ');

describe('a name', () => {
  const isSecret = secretsOf();

  test.each(
    words(
      '.env .ENV .env.local .env.production.local .envrc api/.env server.pem ' +
        'tls/server.key id_rsa id_rsa.bak id_ed25519 deploy_rsa app.p12 .npmrc .pypirc ' +
        '.netrc .git-credentials auth.json credentials.json service-account.json ' +
        'service-account-prod.json terraform.tfstate terraform.tfstate.backup ' +
        '.vault-token kubeconfig',
    ),
  )('of a secret: %s', (path) => {
    expect(isSecret(path, 'file')).toBe(true);
    expect(isSecret(path, 'folder')).toBe(false);
  });

  test.each(['.aws', '.ssh', 'home/.ssh', '.gnupg', '.kube'])('of a folder of them: %s', (path) => {
    expect(isSecret(path, 'folder')).toBe(true);
    expect(isSecret(path, 'file')).toBe(false);
  });

  test.each(
    words(
      '.env.example .env.sample .env.template .env.dist id_rsa.pub env x.env ' +
        'environment.ts .environment key keys.ts monkey pem apem main.tf credentials.ts ' +
        'my-credentials.json .aws-lambda package.json .env/x',
    ),
  )('of no secret: %s', (path) => {
    expect(isSecret(path, 'file')).toBe(false);
  });

  test.each<[string, MaskSettings, 'file' | 'folder', string[], string[]]>([
    ['a file', { add: ['*.secret'] }, 'file', ['a.secret', 'x/b.SECRET', '.env'], ['secret']],
    ['a folder', { add: ['private/'] }, 'folder', ['private', 'x/private'], ['private/x']],
    ['one path', { add: ['config/prod.yml'] }, 'file', ['config/prod.yml'], ['x/config/prod.yml']],
    ['one level', { add: ['config/*.yml'] }, 'file', ['config/a.yml'], ['config/a/b.yml']],
    ['what a template is', { add: ['.env.example'] }, 'file', ['.env.example'], ['.env.sample']],
    ['a letter', { add: ['key?'] }, 'file', ['key1'], ['key', 'key12']],
    ['no expression', { add: ['a+(b)[c].d'] }, 'file', ['a+(b)[c].d'], ['aab.d', 'a+(b)[c]xd']],
    ['less', { remove: ['*.pem'] }, 'file', ['a.key'], ['a.pem', 'x/b.pem']],
    ['less in one place', { remove: ['test/*.pem'] }, 'file', ['a.pem'], ['test/a.pem']],
    ['less than is added', { add: ['*.x'], remove: ['a.x'] }, 'file', ['b.x'], ['a.x']],
  ])('of what settings say: %s', (_, settings, kind, yes, no) => {
    const decide = secretsOf(settings);
    expect(yes.filter((path) => !decide(path, kind))).toEqual([]);
    expect(no.filter((path) => decide(path, kind))).toEqual([]);
  });
});

test('a project hides what the user shows, and shows what the user hides', () => {
  const user: MaskSettings = { add: ['*.a'], remove: ['*.pem'] };
  const project: MaskSettings = { add: ['b.pem'], remove: ['b.a'] };
  const decide = secretsOf(user, project);
  expect(['x.a', 'b.a', 'x.pem', 'b.pem', '.env'].filter((path) => decide(path, 'file'))).toEqual([
    'x.a',
    'b.pem',
    '.env',
  ]);
});

const file = (path: string) => ({ path, kind: 'file' }) as const;

test('what is hidden twice is hidden once', () => {
  const folder = { path: '/p/.ssh', kind: 'folder' } as const;
  expect(
    distinct([file('/p/.ssh/id_rsa'), folder, file('/p/.env'), folder, file('/p/.sshx')]),
  ).toEqual([file('/p/.env'), folder, file('/p/.sshx')]);
});

test.each<[string[], string[]]>([
  [[], []],
  [['/p/.env', '/p/api/.env.local'], ['masked: .env, api/.env.local (--no-mask shows them)']],
  [['/other/.env'], ['masked: /other/.env (--no-mask shows them)']],
  [['/p/a\u001B]0;x\u0007.env'], ['masked: a.env (--no-mask shows them)']],
  [
    Array.from({ length: 12 }, (_, index) => `/p/${index}/.env`),
    ['masked: 0/.env, 1/.env, 2/.env, 3/.env and 8 more (--no-mask shows them)'],
  ],
])('%j are told in one line', (paths, notes) => {
  expect(
    maskNote(
      paths.map((path) => ({ path, kind: 'file' })),
      '/p',
    ),
  ).toEqual(notes);
});

let root = '';
const at = (...names: string[]): string => join(root, ...names);
const write = (...names: string[]): void => {
  for (const name of names) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), 'secret');
  }
};
const masks = (changes: Partial<Parameters<typeof openMasks>[0]> = {}) =>
  openMasks({ userHome: at('me'), workspaces: [at('app')], ...changes });
const targets = (changes?: Parameters<typeof masks>[0]): string[] =>
  (masks(changes).mounts ?? []).map(({ target }) => target.slice(root.length + 1));

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ai-run-masks-')));
  mkdirSync(at('app'));
  mkdirSync(at('me'));
});
afterEach(() => {
  execFileSync('chmod', ['-R', 'u+rwX', root]);
  rmSync(root, { recursive: true });
});

describe('the secrets of a project', () => {
  test('are covered, files by an empty file and folders by an empty folder', () => {
    write('app/.env', 'app/.ssh/id_rsa', 'app/main.ts');
    const source = at('me/.ai-home/.empty');
    expect(masks().mounts).toEqual([
      { type: 'bind', source, target: at('app/.env'), readonly: true },
      { type: 'tmpfs', target: at('app/.ssh'), bytes: 4096, mode: '0555', readonly: true },
    ]);
    expect(readFileSync(source, 'utf8')).toBe('');
    expect(statSync(source).mode & 0o777).toBe(0o444);
  });

  test('are not what other parts of a session cover', () => {
    write('app/.git/config', 'app/lib/.git', 'app/.ai-run.yaml', 'app/lib/.ai-run.yaml', 'app/x/y');
    const all = { settings: [{ add: ['*/', '*'] }] };
    expect(targets(all)).toEqual(['app/lib', 'app/x']);
    // Shared for itself: two mounts at one place are an error of docker's.
    expect(targets({ ...all, workspaces: [at('app'), at('app/x')] })).toEqual([
      'app/lib',
      'app/x/y',
    ]);
    expect(targets({ settings: [{ add: ['*'] }] })).toEqual(['app/lib/.ai-run.yaml', 'app/x/y']);
  });

  test('are found in all folders but those that are installed or covered', () => {
    write('app/a/b/c/.env', 'app/.github/.env', 'app/dist/.env', 'app/.venvs/.env');
    write('app/node_modules/x/.env', 'app/a/vendor/.env', 'app/.git/.env', 'app/.venv/x.pem');
    expect(targets()).toEqual([
      'app/.github/.env',
      'app/.venvs/.env',
      'app/a/b/c/.env',
      'app/dist/.env',
    ]);
  });

  test('are found in everything that is shared, once', () => {
    write('app/api/.env', 'lib/.env', 'other/.env');
    expect(targets({ workspaces: [at('app/api'), at('app'), at('lib')] })).toEqual([
      'app/api/.env',
      'lib/.env',
    ]);
  });

  test('are found in a project in a folder that is not looked into from above', () => {
    write('app/vendor/own/.env', 'app/vendor/other/.env');
    expect(targets({ workspaces: [at('app/vendor/own'), at('app')] })).toEqual([
      'app/vendor/own/.env',
    ]);
  });

  test('are covered where a symlink leads to, if that is shared', () => {
    write('app/config/env.txt', 'app/store/keys/x', 'lib/prod', 'host/secret', 'app/.git/secret');
    symlinkSync('config/env.txt', at('app/.env'));
    symlinkSync(at('app/store/keys'), at('app/.ssh'));
    symlinkSync(at('lib/prod'), at('app/.env.prod'));
    symlinkSync(at('host/secret'), at('app/.env.host'));
    symlinkSync('.git/secret', at('app/.env.git'));
    symlinkSync('nowhere', at('app/.env.gone'));
    symlinkSync('.env.loop', at('app/.env.loop'));
    symlinkSync('.', at('app/.aws'));
    symlinkSync('..', at('app/config/.gnupg'));
    symlinkSync('/etc/passwd', at('app/.netrc'));
    expect(targets({ workspaces: [at('app'), at('lib')] })).toEqual([
      'app/config/env.txt',
      'app/store/keys',
      'lib/prod',
    ]);
  });

  test('are not looked for behind a symlink to a folder', () => {
    write('host/.env');
    symlinkSync(at('host'), at('app/link'));
    symlinkSync('.', at('app/loop'));
    expect(masks()).toEqual({ mounts: [], notes: [] });
  });

  test('are covered by a file that is empty, whatever was in its place', () => {
    write('app/.env', 'me/.ai-home/.empty');
    masks();
    expect(readFileSync(at('me/.ai-home/.empty'), 'utf8')).toBe('');
    rmSync(at('me/.ai-home/.empty'));
    symlinkSync(at('app/.env'), at('me/.ai-home/.empty'));
    masks();
    expect(readFileSync(at('me/.ai-home/.empty'), 'utf8')).toBe('');
    expect(readFileSync(at('app/.env'), 'utf8')).toBe('secret');
  });

  test('are told, and what was not searched as well', () => {
    write('app/.env', 'app/deep/er/.env');
    expect(masks().notes).toEqual(['masked: .env, deep/er/.env (--no-mask shows them)']);
    expect(masks({ most: 3 }).notes).toEqual([
      'masked: .env (--no-mask shows them)',
      'only 3 files and folders were searched for secrets: others are not masked',
    ]);
    expect(masks({ most: 4 }).notes).toHaveLength(1);
  });

  test.runIf(process.getuid?.() !== 0)('are told not to be searched in a locked folder', () => {
    write('app/locked/.env');
    chmodSync(at('app/locked'), 0);
    expect(masks().notes).toEqual([
      `not searched for secrets, because it cannot be read: ${at('app/locked')}`,
    ]);
  });

  test.each([
    ['a quote', '.env."x"'],
    ['a line break', '.env.\n'],
    ['bytes that are no text', Buffer.from([...Buffer.from('.env.'), 0xff])],
  ])('are not left visible because of %s in their name', (_, name) => {
    writeFileSync(Buffer.concat([Buffer.from(`${at('app')}/`), Buffer.from(name)]), '');
    expect(() => masks()).toThrow(expect.objectContaining({ code: 'E_MASK' }));
    expect(masks({ settings: [{ remove: ['.env.*'] }] }).mounts).toEqual([]);
  });

  test('are not left visible because they are many', () => {
    for (let index = 0; index < 500; index++) write(`app/${index}.pem`);
    expect(targets()).toHaveLength(500);
    write('app/500.pem');
    expect(() => masks()).toThrow('501 files look like secrets');
  });
});
