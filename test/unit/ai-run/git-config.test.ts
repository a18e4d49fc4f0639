import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Entry,
  parseEntries,
  shadowConfig,
  unsupported,
  withoutCredentials,
} from '../../../ai-run/git/config.rules.ts';

const own = (entries: Readonly<Record<string, string>>): Entry[] =>
  Object.entries(entries).map(([key, value]) => ({
    scope: 'local',
    origin: 'file:/p/.git/config',
    key,
    value,
  }));

/** git's own reading of a text. */
const asGitReads = (text: string): Record<string, string> => {
  const folder = mkdtempSync(join(tmpdir(), 'ai-run-config-'));
  try {
    writeFileSync(join(folder, 'config'), text);
    const listed = execFileSync('git', ['config', '--file', 'config', '--list', '--null'], {
      cwd: folder,
      encoding: 'utf8',
    });
    return Object.fromEntries(
      listed
        .split('\0')
        .filter((line) => line !== '')
        .map((line) => [line.slice(0, line.indexOf('\n')), line.slice(line.indexOf('\n') + 1)]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
};

test.each([
  ['https://example.com/a/b.git', 'https://example.com/a/b.git'],
  ['https://user:s3cret@example.com/a.git', 'https://example.com/a.git'],
  ['https://s3cret@example.com:8443/a.git', 'https://example.com:8443/a.git'],
  ['https://a@b:s3cret@example.com/a.git', 'https://example.com/a.git'],
  ['https://example.com/a.git?private_token=s3cret', 'https://example.com/a.git'],
  ['ssh://git@example.com/a.git', 'ssh://git@example.com/a.git'],
  ['ssh://git:s3cret@example.com/a.git', 'ssh://git@example.com/a.git'],
  ['git@example.com:a/b.git', 'git@example.com:a/b.git'],
  ['ext::sh -c s3cret', undefined],
  ['/home/user/s3cret', undefined],
  ['file:///home/user/s3cret', undefined],
  ['s3cret://x', undefined],
])('the address %s is shown as %s', (url, shown) => {
  expect(withoutCredentials(url)).toBe(shown);
});

describe('the configuration of a shadow', () => {
  test('has what is harmless, and nothing that runs or gives a secret away', () => {
    const text = shadowConfig(
      [
        {
          scope: 'global',
          origin: 'file:/home/user/.gitconfig',
          key: 'user.name',
          value: 'A "quoted" \\ name\nsecond = line',
        },
        {
          scope: 'global',
          origin: 'file:/home/user/.gitconfig',
          key: 'credential.helper',
          value: '!s3cret',
        },
      ],
      own({
        'core.autocrlf': 'input',
        'core.eol': '!run',
        'core.fsmonitor': '/run/this',
        'core.sshcommand': '/run/this',
        'core.worktree': '/elsewhere',
        'include.path': '/run/this',
        'filter.lfs.clean': 'run this',
        'alias.st': '!run this',
        'http.extraheader': 'Authorization: s3cret',
        'url.https://s3cret@example.com/.insteadof': 'https://example.com/',
        'remote.origin.url': 'https://user:s3cret@example.com/a.git',
        'remote.origin.pushurl': 'https://user:s3cret@example.com/a.git',
        'remote.origin.fetch': '+refs/heads/*:refs/remotes/origin/*',
        'remote.origin.uploadpack': '/run/this',
        'branch.a"b.merge': 'refs/heads/main',
        'submodule.lib.update': '!run this',
        'submodule.lib.active': 'true',
      }),
    );
    expect(asGitReads(text)).toEqual({
      'core.repositoryformatversion': '0',
      'core.bare': 'false',
      'core.logallrefupdates': 'true',
      'core.autocrlf': 'input',
      'gc.auto': '0',
      'maintenance.auto': 'false',
      'user.name': 'A "quoted" \\ name\nsecond = line',
      'remote.origin.url': 'https://example.com/a.git',
      'remote.origin.fetch': '+refs/heads/*:refs/remotes/origin/*',
      'branch.a"b.merge': 'refs/heads/main',
      'submodule.lib.active': 'true',
    });
    expect(text).not.toContain('s3cret');
  });

  test('names the hash of the objects', () => {
    expect(
      asGitReads(shadowConfig([], own({ 'extensions.objectformat': 'sha256' }))),
    ).toMatchObject({ 'core.repositoryformatversion': '1', 'extensions.objectformat': 'sha256' });
  });
});

test.each([
  [{ 'core.bare': 'false' }, /^taken$/],
  [{}, /newer git/],
  [{ 'extensions.objectformat': 'sha256', 'extensions.worktreeconfig': 'true' }, /^taken$/],
  [{ 'core.bare': 'true' }, /bare/],
  [{ 'extensions.refstorage': 'reftable' }, /"reftable"/],
  [{ 'extensions.future': 'true' }, /"future"/],
])('a repository with %j is judged as %s', (entries, reason) => {
  expect(unsupported(own(entries)) ?? 'taken').toMatch(reason);
});

test('entries are read as git prints them, a key without a value as true', () => {
  expect(
    parseEntries('local\0file:/a b/config\0core.x\ny\nz\0global\0file:/c\0core.bare\0'),
  ).toEqual([
    { scope: 'local', origin: 'file:/a b/config', key: 'core.x', value: 'y\nz' },
    { scope: 'global', origin: 'file:/c', key: 'core.bare', value: 'true' },
  ]);
});
