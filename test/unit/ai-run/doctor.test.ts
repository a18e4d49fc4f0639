import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { engineFindings } from '../../../ai-run/doctor/engine-findings.rules.ts';
import { type EngineInfo, parseEngine } from '../../../ai-run/engine/engine-info.rules.ts';
import { unfit } from '../../../ai-run/engine/unfit.rules.ts';
import { escapesOf } from '../../../ai-run/doctor/known-escapes.rules.ts';
import { formatFindings } from '../../../ai-run/doctor/finding.rules.ts';
import { fixtures } from '../support.ts';

/** Answers of real engines; `desktop` and `podman` are written after their makers' documentation. */
const captured = (name: string): { version: unknown; info: Record<string, unknown> } =>
  JSON.parse(readFileSync(join(fixtures, 'engines', `${name}.json`), 'utf8')) as never;

const parse = (name: string): EngineInfo => {
  const { version, info } = captured(name);
  return parseEngine(version, info);
};

const status = (engine: EngineInfo, check: string): string | undefined =>
  engineFindings(engine, undefined).find((one) => one.check === check)?.status;

describe('an engine', () => {
  test('of Debian’s packages is understood', () => {
    expect(parse('debian')).toEqual({
      kind: 'Docker Engine',
      version: '28.5.2+dfsg4',
      client: '28.2.2',
      runc: '1.1.15+ds1',
      rootless: false,
      remapped: false,
      seccomp: 'builtin',
      apparmor: false,
      selinux: false,
      cgroup: '1',
      unlimited: [],
      runtimes: ['io.containerd.runc.v2', 'runc'],
      authorization: [],
      platform: 'linux/amd64',
      kernel: '6.18.44-fc-v657',
      storage: '/var/lib/docker',
      warnings: [],
    });
  });

  test('that is rootless, and does not answer `docker version`, is understood', () => {
    expect(parse('rootless')).toMatchObject({
      kind: 'Docker Engine',
      version: '28.5.2+dfsg4',
      client: '28.2.2',
      runc: '1.1.15+ds1-2+b4',
      rootless: true,
      unlimited: ['memory', 'pids', 'cpus'],
    });
  });

  test('of Docker Desktop is understood', () => {
    expect(parse('desktop')).toMatchObject({
      kind: 'Docker Desktop',
      version: '28.3.2',
      desktop: '4.43.2',
      runc: '1.2.5',
      platform: 'linux/arm64',
      cgroup: '2',
    });
  });

  test('of Podman is understood', () => {
    expect(parse('podman')).toMatchObject({
      kind: 'Podman',
      version: '5.4.2',
      rootless: true,
      selinux: true,
    });
    expect(parse('podman').runc).toBeUndefined();
  });
});

describe('an engine that no agent can work on', () => {
  const place = 'unix:///run/docker.sock';

  test.each([
    ['rootless', 'is rootless'],
    ['podman', 'is Podman'],
  ])('%s: %s', (name, expected) => {
    expect(unfit(parse(name), place)?.message).toContain(`the engine at ${place} ${expected}`);
  });

  test.each(['debian', 'desktop'])('is not %s', (name) => {
    expect(unfit(parse(name), place)).toBeUndefined();
  });

  test('is one with userns-remap', () => {
    const { version, info } = captured('debian');
    const options = ['name=seccomp,profile=builtin', 'name=userns'];
    const engine = parseEngine(version, { ...info, SecurityOptions: options });
    expect(unfit(engine)?.message).toContain('the engine has userns-remap');
  });
});

const ids = (engine: Partial<EngineInfo>): readonly string[] =>
  escapesOf({ ...parse('debian'), runc: '1.5.0', version: '29.4.0', ...engine }).flatMap(
    (one) => one.ids,
  );

describe('known escapes', () => {
  test('there are none of new versions', () => {
    expect(ids({})).toEqual([]);
  });

  test.each<[Partial<EngineInfo>, string]>([
    [{ runc: '1.0.0-rc6' }, 'CVE-2019-5736'],
    [{ runc: '1.1.11' }, 'CVE-2024-21626'],
    [{ runc: '1.3.2' }, 'CVE-2025-31133'],
    [{ runc: '1.3.2' }, 'CVE-2025-52565'],
    [{ runc: '1.3.2' }, 'CVE-2025-52881'],
    [{ runc: '1.4.2' }, 'CVE-2026-41579'],
    [{ version: '27.1.0', authorization: ['authz-broker'] }, 'CVE-2024-41110'],
    [{ version: '29.3.0', authorization: ['authz-broker'] }, 'CVE-2026-34040'],
    [{ kind: 'Docker Desktop', desktop: '4.44.2' }, 'CVE-2025-9074'],
    [
      { kind: 'Docker Desktop', desktop: '4.97.0', kernel: '6.6.87.2-microsoft-standard-WSL2' },
      'CVE-2026-112917',
    ],
  ])('%j has %s', (engine, id) => {
    expect(ids(engine)).toContain(id);
  });

  test.each<[Partial<EngineInfo>, string]>([
    [{ runc: '1.0.0-rc92' }, 'CVE-2024-21626'],
    [{ runc: '1.1.12' }, 'CVE-2024-21626'],
    [{ runc: '1.2.8' }, 'CVE-2025-31133'],
    [{ version: '27.1.0' }, 'CVE-2024-41110'],
    [{ version: '27.1.1', authorization: ['authz-broker'] }, 'CVE-2024-41110'],
    [{ kind: 'Podman', version: '5.4.2', authorization: ['authz-broker'] }, 'CVE-2024-41110'],
    [{ kind: 'Docker Desktop', desktop: '4.44.3' }, 'CVE-2025-9074'],
    [{ kind: 'Docker Desktop', desktop: '4.24.0' }, 'CVE-2025-9074'],
    [{ kind: 'Docker Desktop', desktop: '4.97.0', kernel: '6.10.14-linuxkit' }, 'CVE-2026-112917'],
  ])('%j does not have %s', (engine, id) => {
    expect(ids(engine)).not.toContain(id);
  });

  test('of a distribution’s version are a warning, of a maker’s a failure', () => {
    const engine = parse('debian');
    expect(status(engine, 'known escapes')).toBe('warning');
    expect(status({ ...engine, runc: '1.1.15' }, 'known escapes')).toBe('failed');
    expect(status({ ...engine, runc: '1.3.6' }, 'known escapes')).toBe('ok');
  });
});

test.each<[string, Partial<EngineInfo>, string]>([
  ['agents', {}, 'ok'],
  ['agents', { rootless: true }, 'failed'],
  ['agents', { version: '5.4.2', kind: 'Podman' }, 'failed'],
  ['agents', { remapped: true }, 'failed'],
  ['confinement', {}, 'ok'],
  ['confinement', { seccomp: 'unconfined' }, 'failed'],
  ['confinement', { seccomp: 'unconfined', kind: 'Docker Desktop' }, 'warning'],
  ['limits', {}, 'ok'],
  ['limits', { unlimited: ['pids'] }, 'failed'],
  ['engine', {}, 'ok'],
  ['engine', { version: '19.03.8' }, 'failed'],
  ['engine', { version: '5.4.2', kind: 'Podman' }, 'ok'],
])('%s of %j is %s', (check, engine, expected) => {
  expect(status({ ...parse('debian'), ...engine }, check)).toBe(expected);
});

test('an engine without seccomp is not confined', () => {
  const { version, info } = captured('debian');
  expect(status(parseEngine(version, { ...info, SecurityOptions: null }), 'confinement')).toBe(
    'failed',
  );
});

test('findings are one line each, and a hint below', () => {
  expect(
    formatFindings([
      { check: 'engine', status: 'ok', found: 'a\u001b[31mb' },
      { check: 'disk', status: 'warning', found: 'full\nup', hint: 'make room' },
    ]),
  ).toBe('ok       engine  ab\nwarning  disk    full up\n         make room');
});
