/** The findings of doctor about an engine, from its own description. */

import type { Endpoint } from '@ai-bakery/kernel/endpoint.ts';
import type { EngineInfo } from '../engine/engine-info.rules.ts';
import { escapesOf } from './known-escapes.rules.ts';
import { failed, type Finding, ok, warning } from './finding.rules.ts';
import { unfit } from '../engine/unfit.rules.ts';
import { lacks } from '../engine/version.rules.ts';

/** The oldest engine with everything that ai-run uses: `--mount`, `--init`, tmpfs by user, digests. */
const oldest = '20.10.0';

export function engineFindings(
  engine: EngineInfo,
  endpoint: Endpoint | undefined,
): readonly Finding[] {
  return [
    identity(engine, endpoint),
    ...knownEscapes(engine),
    agents(engine, endpoint),
    confinement(engine),
    limits(engine),
    gvisor(engine),
  ];
}

function identity(engine: EngineInfo, endpoint: Endpoint | undefined): Finding {
  const { kind, version, client, desktop, rootless } = engine;
  const name =
    desktop === undefined ? `${kind} ${version}` : `Docker Desktop ${desktop} (engine ${version})`;
  const place = endpoint === undefined ? '' : ` at ${endpoint.host} (${endpoint.from})`;
  const found = `${rootless ? 'rootless ' : ''}${name}${place}, client ${client}`;
  return kind !== 'Podman' && lacks(version, [oldest])
    ? failed('engine', found, `install Docker ${oldest} or newer`)
    : ok('engine', found);
}

function agents(engine: EngineInfo, endpoint: Endpoint | undefined): Finding {
  const problem = unfit(engine, endpoint?.host);
  if (problem !== undefined)
    return failed('agents', problem.message, problem.hint ?? '', problem.code);
  return ok(
    'agents',
    engine.kind === 'Docker Desktop'
      ? 'its virtual machine shares files under your user'
      : 'containers use the uids of the machine; agents are never root',
  );
}

function confinement({ kind, seccomp, apparmor, selinux }: EngineInfo): Finding {
  if (seccomp === undefined || seccomp === 'unconfined') {
    const found = 'system calls are not filtered: no seccomp profile';
    const hint = 'set "seccomp-profile": "builtin" in the engine’s daemon.json';
    // This is Docker Desktop's default: github.com/docker/for-win/issues/13851
    return kind === 'Docker Desktop'
      ? warning('confinement', `${found}, though a virtual machine is in between`, hint)
      : failed('confinement', found, hint);
  }
  const modules = [apparmor ? ['AppArmor'] : [], selinux ? ['SELinux'] : []].flat();
  return ok(
    'confinement',
    `seccomp (${seccomp}), ${modules.length === 0 ? 'neither AppArmor nor SELinux' : modules.join(', ')}`,
  );
}

function limits({ cgroup, unlimited, warnings }: EngineInfo): Finding {
  const version = cgroup === undefined ? 'cgroups' : `cgroup v${cgroup}`;
  if (unlimited.length === 0)
    return ok('limits', `${version}: memory, processes and CPUs can be limited`);
  const said = warnings.filter((line) => /limit|cgroup|cpu|memory/i.test(line)).join('; ');
  return failed(
    'limits',
    `${version}: cannot limit ${unlimited.join(', ')}${said === '' ? '' : ` (${said})`}`,
    'enable the cgroup controllers: docs.docker.com/engine/install/troubleshoot',
  );
}

function gvisor({ runtimes }: EngineInfo): Finding {
  return ok(
    'gVisor',
    runtimes.includes('runsc')
      ? 'registered: `--gvisor` puts another kernel in between'
      : 'not registered: agents share the engine’s kernel',
  );
}

function knownEscapes(engine: EngineInfo): readonly Finding[] {
  const found = escapesOf(engine);
  if (found.length === 0) {
    const runc =
      engine.runc === undefined ? 'it does not report its OCI runtime' : `runc ${engine.runc}`;
    return [ok('known escapes', `none for ${engine.kind} ${engine.version}; ${runc}`)];
  }
  return found.map(({ ids, component, version, fixed, what, patched }) => {
    const text = `${component} ${version}: ${ids.join(', ')}: ${what}`;
    return patched === 'no'
      ? failed('known escapes', text, `update to ${fixed.join(', ')} or newer`)
      : warning(
          'known escapes',
          text,
          `your distribution may have fixed it: check its security tracker for these numbers; fixed upstream in ${fixed.join(', ')}`,
        );
  });
}
