import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { unfit } from '../../ai-run/engine/unfit.rules.ts';
import { widenings } from '../../ai-run/project/widening.rules.ts';
import { deniedFile } from '../../kernel/denied-file.ts';
import { errorCodes } from '../../kernel/error-codes.ts';
import type { ErrorEntry } from '../../kernel/error-codes.ts';
import { harden } from '../../kernel/policy.ts';
import { hintRules } from '../support/hint-faults.ts';
import { readHints } from '../support/hints.ts';
import { readSources } from '../support/sources.ts';

/** No hint recommends what another rule refuses, or what does not exist. */

const root = join(import.meta.dirname, '../..');
const faultsOf = hintRules(root);

describe('the rules for hints', () => {
  // The first six were hints of the programs.
  test.each([
    ['join the group docker and log in again, or use a rootless engine', /rootless/],
    ['rename it or remove it; --no-mask hides nothing', /--no-mask widens/],
    ['work in a clone of it; --git live shares it as it is', /--git live widens/],
    ['name fewer in AI_RUN_MASK, or show some with AI_RUN_UNMASK', /AI_RUN_UNMASK widens/],
    ['remove them from .ai-run.yaml, or use flags, which need no approval', /no approval widens/],
    ['install podman', /refuses Podman/],
    ['set userns-remap in its daemon.json', /userns-remap/],
    ['hide it with --git-none', /ai-run has no --git-none/],
    ['run `bakery build --git none`', /bakery has no --git/],
    ['run `npm install --unsafe-perm`', /npm has no --unsafe-perm/],
    ['run scripts/setup --all', /scripts\/setup has no --all/],
    ['run `ai-run update`', /ai-run has no update/],
    ['run bakery bake', /bakery has no bake/],
    ['read docs/nothing.md', /docs\/nothing\.md does not exist/],
    ['set AI_RUN_MODE', /no source reads AI_RUN_MODE/],
  ])('find the fault of %j', (text, fault) => {
    expect(faultsOf({ path: 'ai-run/git/git.ts', code: 'E_GIT', text }).join()).toMatch(fault);
  });

  test.each([
    'take userns-remap out of its daemon.json, or use another engine',
    'hide it with --git none',
    'bake it with `bakery build --platform linux/amd64`',
    'install it first, with `npm install --global`',
    'on Debian or Ubuntu as root: scripts/setup --install-engine',
    'ai-run git --help',
    'start ai-run in the folder of one project',
    'read docs/security.md, and set AI_RUN_PLATFORM or DOCKER_HOST',
  ])('find none in %j', (text) => {
    expect(faultsOf({ path: 'ai-run/git/git.ts', code: 'E_GIT', text })).toEqual([]);
  });

  test('know every option that widens a session', () => {
    const usual = harden({ user: { uid: 1000, gid: 1000 } });
    const widest = widenings(
      {
        limits: { memory: 2 ** 40, cpus: 1000, pids: 1e6 },
        writableRoot: true,
        mask: false,
        git: 'live',
        network: { mode: 'named', name: 'x' },
        mounts: ['/x'],
      },
      usual,
    );
    expect(widest).toHaveLength(8);
    for (const line of widest) {
      const text = line.split(':')[0] ?? '';
      expect(faultsOf({ path: 'ai-run/x', code: 'E_GIT', text }), text).not.toEqual([]);
    }
  });
});

describe('the hints', () => {
  const hints = readHints(readSources(root, ['kernel', 'ai-run', 'bakery']));

  test('are all found', () => {
    expect(hints.length).toBeGreaterThan(140);
    const texts = hints.map(({ text }) => text);
    // Of a property, a constant in a template, a parameter, a table, and a finding of `doctor`.
    expect(texts).toContain('hide it with --git none');
    expect(texts).toContain('leave out --env …');
    expect(texts).toContain('set AI_IMAGE_SOURCE=registry');
    expect(texts).toContain(
      'use an engine that runs as root, with DOCKER_CONTEXT or DOCKER_HOST (`docker context ls`)',
    );
  });

  test('recommend nothing that another rule refuses, and nothing that does not exist', () => {
    const wrong = hints.flatMap((hint) =>
      faultsOf(hint).map((fault) => `${hint.path}: ${fault}: ${hint.text}`),
    );
    expect(wrong).toEqual([]);
  });

  test('of docs/errors.md do neither', () => {
    const table: readonly [string, ErrorEntry][] = Object.entries(errorCodes);
    const wrong = table.flatMap(([code, { program, remedy: text = '' }]) =>
      faultsOf({ path: program === 'both' ? 'kernel/x' : `${program}/x`, code, text }),
    );
    expect(wrong).toEqual([]);
  });
});

test.each([{ kind: 'Podman' }, { rootless: true }, { remapped: true }])(
  'the engine that no hint may recommend is refused: %j',
  (engine) => {
    const found = { kind: 'Docker Engine', rootless: false, remapped: false, ...engine };
    expect(unfit(found as never)?.code).toBe('E_ENGINE_UNFIT');
  },
);

describe('a file of docker’s client that the user cannot read', () => {
  test.each([
    ['ERROR: stat /home/me/.docker/buildx/instances: permission denied', '/home/me/.docker'],
    ['open /home/me/.docker/config.json: permission denied\n', '/home/me/.docker'],
    ['mkdir /srv/my docker/buildx: permission denied', "'/srv/my docker/buildx'"],
  ])('is named with its remedy: %s', (stderr, folder) => {
    const error = deniedFile(stderr);
    expect(error?.code).toBe('E_DOCKER_CONFIG');
    expect(error?.hint).toContain(`sudo chown -R "$USER" ${folder}\``);
  });

  test.each([
    'permission denied while trying to connect to the Docker daemon socket at unix:///x.sock: connect: permission denied',
    'Error response from daemon: open /var/lib/docker/x: permission denied',
    'WARNING: open /home/me/.docker/config.json: permission denied\nunauthorized',
    'pull access denied for ai/ai-otter',
    '',
  ])('is not the reason of %j', (stderr) => {
    expect(deniedFile(stderr)).toBeUndefined();
  });
});
