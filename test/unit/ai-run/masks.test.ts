import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  distinct,
  maskMounts,
  maskNote,
  type MaskSettings,
  pinMounts,
  secretsOf,
} from '../../../ai-run/project/secrets.rules.ts';
import type { Part } from '../../../ai-run/part.rules.ts';
import type { Mount } from '../../../kernel/policy.ts';
import { type Session, sessionLabels } from '../../../ai-run/session/labels.rules.ts';
import { openMasks } from '../../../ai-run/project/masks.ts';
import { openPins } from '../../../ai-run/project/pins.ts';

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

const share = (path: string, readonly = false): Mount => ({
  type: 'bind',
  source: path,
  target: path,
  readonly,
});

const folder = (path: string) => ({ path, kind: 'folder' }) as const;
const cover = (...found: Parameters<typeof maskMounts>[0]): readonly Mount[] =>
  maskMounts(found, '/me/.ai-home/.empty');
const places = (shared: readonly Mount[], ...others: readonly Mount[]): readonly string[] =>
  pinMounts(shared, [...shared, ...others]).map(({ target }) => target);

describe('the folders that lead to masks', () => {
  test('are mounted onto themselves, outer ones first, each once', () => {
    const shared = [share('/p'), share('/q')];
    const masks = cover(
      file('/p/.env'),
      file('/p/a/b/.env'),
      folder('/p/a/c/.ssh'),
      file('/q/x/y'),
    );
    const pins = pinMounts(shared, [...shared, ...masks]);
    expect(pins).toEqual(['/p/a', '/p/a/b', '/p/a/c', '/q/x'].map((path) => share(path)));
  });

  test('are those of masks only', () => {
    const git: Mount[] = [
      { type: 'tmpfs', target: '/p/a/.git', bytes: 1, mode: '0700' },
      { type: 'bind', source: '/dev/null', target: '/p/b/.git', readonly: true },
      share('/p/c/.ai-run.yaml', true),
    ];
    expect(places([share('/p')], ...git)).toEqual([]);
    expect(places([share('/p')], ...git, ...cover(file('/p/a/.env')))).toEqual(['/p/a']);
  });

  test('are left alone where something is mounted', () => {
    const masks = cover(file('/p/a/b/c/.env'));
    expect(places([share('/p'), share('/p/a/b')], ...masks)).toEqual(['/p/a', '/p/a/b/c']);
    expect(places([share('/p/a/b'), share('/p')], ...masks)).toEqual(['/p/a', '/p/a/b/c']);
    expect(places([share('/p')], share('/p/a', true), ...masks)).toEqual(['/p/a/b', '/p/a/b/c']);
  });

  test('are left alone in what is shared read-only', () => {
    const masks = cover(file('/p/a/b/c/.env'));
    expect(places([share('/p', true)], ...masks)).toEqual([]);
    expect(places([share('/p'), share('/p/a/b', true)], ...masks)).toEqual(['/p/a']);
    expect(places([share('/p', true), share('/p/a/b')], ...masks)).toEqual(['/p/a/b/c']);
  });
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

/** Root may read everything: does it as a user who may not. */
const asNobody = (work: () => void): void => {
  if (process.getuid?.() !== 0) return work();
  chownSync(root, 65_534, 65_534);
  chownSync(at('me'), 65_534, 65_534);
  process.seteuid?.(65_534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
};

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

  test('are told', () => {
    write('app/.env', 'app/deep/er/.env');
    expect(masks().notes).toEqual(['masked: .env, deep/er/.env (--no-mask shows them)']);
  });

  test('are not left visible because there is too much to search', () => {
    write('app/.env', 'app/deep/er/.env', 'app/node_modules/1', 'app/node_modules/2');
    expect(() => masks({ most: 4 })).toThrow(
      expect.objectContaining({ code: 'E_MASK', hint: expect.stringContaining('`mask`') }),
    );
    expect(masks({ most: 5 }).notes).toHaveLength(1);
    // As the hint says: a folder that is hidden as a whole is not searched.
    expect(masks({ most: 4, settings: [{ add: ['deep/'] }] }).notes).toHaveLength(1);
  });

  test.each([
    ['not be read', 0o000],
    ['be listed only', 0o444],
    ['be entered only', 0o111],
  ])('are hidden with a folder that can %s', (_, mode) => {
    write('app/a/locked/.env', 'app/a/locked/x', 'app/store');
    symlinkSync('../../store', at('app/a/locked/.env.link'));
    chmodSync(at('app/a/locked'), mode);
    asNobody(() => {
      const { mounts, notes } = masks();
      expect(mounts).toEqual([
        { type: 'tmpfs', target: at('app/a/locked'), bytes: 4096, mode: '0555', readonly: true },
      ]);
      expect(notes).toContain(
        `masked as a whole, because ai-run cannot read it: ${at('app/a/locked')}`,
      );
    });
    chmodSync(at('app/a/locked'), 0o755);
    asNobody(() => {
      expect(targets()).toEqual(['app/a/locked/.env', 'app/store']);
    });
  });

  test('are not looked past in a shared folder that cannot be read', () => {
    write('lib/.env');
    chmodSync(at('lib'), 0);
    asNobody(() => {
      expect(() => masks({ workspaces: [at('app'), at('lib')] })).toThrow(
        expect.objectContaining({ code: 'E_MASK', message: expect.stringContaining(at('lib')) }),
      );
    });
  });

  test('are not looked past where paths get too long', () => {
    const name = 'x'.repeat(250);
    const script = `cd "$1"; for i in $(seq 20); do mkdir ${name}; cd ${name}; done; touch .env`;
    execFileSync('bash', ['-c', script, 'bash', at('app')]);
    expect(() => masks()).toThrow(expect.objectContaining({ code: 'E_MASK' }));
    renameSync(at('app', name), at('app/node_modules'));
    expect(masks().mounts).toEqual([]);
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
    // As the hint says: they can be hidden with their folder.
    mkdirSync(at('app/certs'));
    for (let index = 0; index < 501; index++)
      renameSync(at(`app/${index}.pem`), at(`app/certs/${index}.pem`));
    expect(() => masks()).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('"certs/"') }),
    );
    expect(masks({ settings: [{ add: ['certs/'] }] }).mounts).toHaveLength(1);
  });

  test('are not left to be moved because many folders lead to them', () => {
    write('app/1/.env');
    mkdirSync(at(`app/2/${'x/'.repeat(998)}`), { recursive: true });
    write(`app/2/${'x/'.repeat(998)}.env`);
    expect(targets()).toHaveLength(2);
    write('app/3/.env');
    expect(() => masks()).toThrow('1001 folders lead to files that look like secrets');
  });
});

const session: Session = {
  name: 'mine-1',
  agent: 'otter',
  project: '/p',
  owner: { host: 'h', uid: 1, pid: 1, started: '1 x' },
};
const open = (): { pins: Part; parts: Part[] } => {
  const shared = [share(at('app'))];
  const parts: Part[] = [{ mounts: shared }];
  const pins = openPins({ userHome: at('me'), session, shared, parts: () => parts });
  parts.push(pins, masks());
  return { pins, parts };
};

/** Takes note of a session as ai-run does. */
const note = (name: string, project: string): void => {
  write(`me/.ai-run/sessions/${name}`);
  const labels = sessionLabels({ ...session, name, project });
  writeFileSync(at('me/.ai-run/sessions', name), JSON.stringify(labels));
};

describe('a folder that leads to a mask', () => {
  test('is kept in place, whichever part is opened first', () => {
    write('app/config/.env');
    const { pins, parts } = open();
    expect(pins.mounts).toEqual([share(at('app/config'))]);
    const all = parts.flatMap(({ mounts = [] }) => mounts.map(({ target }) => target));
    expect(all).toEqual([at('app'), at('app/config'), at('app/config/.env')]);
  });

  test.each(['a symlink', 'a file', 'nothing'])('is not mounted when it is %s by now', (what) => {
    write('app/a/config/.env', 'host/.env');
    const { pins } = open();
    expect(pins.mounts).toHaveLength(2);
    renameSync(at('app/a/config'), at('app/a/moved'));
    if (what === 'a symlink') symlinkSync(at('host'), at('app/a/config'));
    if (what === 'a file') write('app/a/config');
    expect(() => pins.mounts).toThrow(
      expect.objectContaining({ code: 'E_MASK', message: expect.stringContaining('app/a/config') }),
    );
  });

  // It could put a symlink in place of the folder before the engine mounts it.
  test.each(['app', 'app/config', '.'])(
    'is not mounted while another session works in %s',
    (where) => {
      write('app/config/.env');
      note(session.name, at('app'));
      note('beside-1', at('other'));
      expect([open().pins.mounts, open().pins.notes]).toEqual([[share(at('app/config'))], []]);
      note('beside-2', at(where));
      expect([open().pins.mounts, open().pins.notes]).toEqual([
        [],
        [expect.stringContaining('session beside-2 runs here')],
      ]);
      rmSync(at('app/config/.env'));
      expect(open().pins.notes).toEqual([]);
    },
  );
});
