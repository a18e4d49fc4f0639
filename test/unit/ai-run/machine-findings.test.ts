import { describe, expect, test } from 'vitest';
import {
  diskFinding,
  emulationFinding,
  fileFindings,
  leftoverFinding,
  type OwnFile,
  registryFinding,
  terminalFinding,
} from '../../../ai-run/doctor/machine-findings.rules.ts';

const home: OwnFile = { name: '~/.ai-home', kind: 'folder', uid: 1000, mode: 0o40700 };
const env: OwnFile = { name: '~/.ai-env', kind: 'file', uid: 1000, mode: 0o100600 };

describe('files', () => {
  test.each<[OwnFile, 'folder' | 'file', string]>([
    [home, 'folder', 'ok'],
    [{ ...home, mode: 0o40755 }, 'folder', 'warning'],
    [{ ...home, mode: 0o40777 }, 'folder', 'failed'],
    [{ ...home, uid: 0 }, 'folder', 'failed'],
    [{ ...home, kind: 'symlink' }, 'folder', 'failed'],
    [env, 'file', 'ok'],
    [{ ...env, mode: 0o100620 }, 'file', 'failed'],
    [{ ...env, kind: 'symlink', mode: 0o120777 }, 'file', 'ok'],
    [{ ...env, kind: 'folder' }, 'file', 'failed'],
  ])('%j as a %s is %s', (file, expected, status) => {
    expect(fileFindings([{ file, expected }], 1000)).toEqual([expect.objectContaining({ status })]);
  });

  test('are named where all is well', () => {
    expect(fileFindings([{ file: home, expected: 'folder' }], 1000)[0]?.found).toContain(
      '~/.ai-home',
    );
    expect(fileFindings([], 1000)[0]?.found).toBe('none yet');
  });
});

/** As /proc/sys/fs/binfmt_misc/qemu-aarch64 reads. */
const handler = (flags: string): string =>
  `enabled\ninterpreter /usr/bin/qemu\nflags: ${flags}\noffset 0\n`;

describe('emulation', () => {
  test.each<[string, string | undefined, string | undefined, string]>([
    ['linux/amd64', 'linux/amd64', undefined, 'ok'],
    ['linux/arm64', 'linux/amd64', undefined, 'failed'],
    ['linux/arm64', 'linux/amd64', handler('POCF'), 'ok'],
    ['linux/arm64', 'linux/amd64', handler('POC'), 'failed'],
    ['linux/arm64', 'linux/amd64', handler('F').replace('enabled', 'disabled'), 'failed'],
    ['linux/arm64', 'linux/amd64', 'unseen', 'ok'],
  ])('for %s on %s with %j is %s', (wanted, native, found, status) => {
    expect(emulationFinding(wanted, native, found).status).toBe(status);
  });
});

test('little disk is a warning, and what cannot be seen is said', () => {
  expect(diskFinding('/var/lib/docker', 9e9).status).toBe('warning');
  expect(diskFinding('/var/lib/docker', 11e9)).toMatchObject({
    status: 'ok',
    found: '11 GB free in /var/lib/docker',
  });
  expect(diskFinding('/var/lib/docker', undefined).found).toContain('elsewhere');
});

test('leftovers are named', () => {
  expect(leftoverFinding([]).status).toBe('ok');
  expect(leftoverFinding(['claude-shop-3f9a2c'])).toMatchObject({
    status: 'warning',
    found: expect.stringContaining('claude-shop-3f9a2c') as string,
  });
});

test.each([
  [false, undefined, 'ok'],
  [true, 'xterm-256color', 'ok'],
  [true, 'dumb', 'warning'],
  [true, undefined, 'warning'],
])('a terminal (%s) with TERM %j is %s', (isTerminal, term, status) => {
  expect(terminalFinding(isTerminal, term).status).toBe(status);
});

describe('the registry', () => {
  const settings = {
    source: 'registry',
    registry: 'registry.example.com/ai',
    pull: 'missing',
    platform: 'linux/amd64',
  } as const;
  const image = 'registry.example.com/ai/ai-claude:base';

  test.each([
    [undefined, 'ok'],
    ['E_NO_IMAGE', 'ok'],
    ['E_NO_PLATFORM', 'ok'],
    ['E_REGISTRY', 'failed'],
    ['E_NO_ENGINE', 'failed'],
  ] as const)('that answers with %s is %s', (code, status) => {
    const error = code === undefined ? undefined : { code, message: 'm', hint: 'h' };
    const finding = registryFinding(settings, image, error);
    expect(finding.status).toBe(status);
    expect(finding.code).toBe(status === 'failed' ? code : undefined);
  });

  test('is not asked where images are local', () => {
    const local = { source: 'local', pull: 'never', platform: 'linux/amd64' } as const;
    expect(registryFinding(local, '', undefined)).toMatchObject({ status: 'ok' });
  });
});
