import { describe, expect, test } from 'vitest';
import { type GitState, originAnnotations, originOf } from '../../../bakery/plan/origin.rules.ts';

const head = 'a'.repeat(40);
const gitlab = { CI_PROJECT_URL: 'https://gitlab.example.com/ai/bakery', CI_COMMIT_SHA: head };
const github = {
  GITHUB_SERVER_URL: 'https://github.example.com',
  GITHUB_REPOSITORY: 'ai/bakery',
  GITHUB_SHA: head,
};
const clean = {
  remote: 'https://git.example.com/me/bakery.git',
  head,
  isClean: true,
} satisfies GitState;
const noGit: GitState = 'no git';

describe('where definitions came from', () => {
  test.each([
    ['the setting', 'https://example.com/s', gitlab, clean, 'https://example.com/s', head],
    ['GitLab', undefined, gitlab, clean, gitlab.CI_PROJECT_URL, head],
    ['GitHub', undefined, github, clean, 'https://github.example.com/ai/bakery', head],
    ['a job without git', undefined, gitlab, noGit, gitlab.CI_PROJECT_URL, head],
    ['git', undefined, {}, clean, clean.remote, head],
  ])('is said by %s', (_, setting, env, git, source, revision) => {
    expect(originOf(setting, env, git)).toEqual({ source, revision });
  });

  test('is not said by a job that has checked out something else', () => {
    const git = { ...clean, head: 'b'.repeat(40) };
    expect(originOf(undefined, gitlab, git)).toEqual({ source: clean.remote, revision: git.head });
  });

  test('has no revision where definitions are not committed', () => {
    expect(originOf(undefined, {}, { ...clean, isClean: false })).toEqual({ source: clean.remote });
    expect(originOf(undefined, gitlab, { ...clean, isClean: false })).not.toHaveProperty(
      'revision',
    );
  });

  test('is nothing where nobody says it, or where what is said is said of something else', () => {
    expect(originOf(undefined, {}, noGit)).toEqual({});
    expect(originOf(undefined, gitlab, 'not tracked')).toEqual({});
    expect(originOf('https://example.com/s', gitlab, 'not tracked')).toEqual({
      source: 'https://example.com/s',
    });
  });

  test.each([
    [
      'user and token',
      'https://ci-token:secret@git.example.com/a.git?x=secret#secret',
      'https://git.example.com/a.git',
    ],
    ['a user', 'ssh://git@git.example.com/a.git', 'ssh://git.example.com/a.git'],
    ['nothing', 'git@git.example.com:a.git', undefined],
    ['nothing', '/home/me/bakery', undefined],
    ['nothing', 'file:///home/me/bakery', undefined],
    ['nothing', '', undefined],
  ])('is told without %s of %j', (_, remote, source) => {
    expect(originOf(undefined, {}, { ...clean, remote }).source).toBe(source);
  });

  test.each([['main'], ['A'.repeat(40)], [''], [`${head}\n`]])('is no commit: %j', (text) => {
    expect(originOf(undefined, { ...gitlab, CI_COMMIT_SHA: text }, noGit)).not.toHaveProperty(
      'revision',
    );
  });
});

test('is annotated as far as it is known', () => {
  expect(originAnnotations({ source: 'https://example.com/s', revision: head })).toEqual({
    'org.opencontainers.image.source': 'https://example.com/s',
    'org.opencontainers.image.revision': head,
  });
  expect(originAnnotations({})).toEqual({});
});
