/** ai-run doctor: everything that a session needs, checked without starting one. */

import { clientOf, type EngineInfo, parseEngine } from '../engine/engine-info.rules.ts';
import { engineFindings } from './engine-findings.rules.ts';
import { engineError } from '../engine/engine-error.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { failed, type Finding, formatFindings, ok } from './finding.rules.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { leftoverFinding, terminalFinding } from './machine-findings.rules.ts';
import { type Settings, settle } from '../settings/settings.rules.ts';
import { findEndpoint } from '../engine/endpoint.ts';
import { capture } from '../host/exec.ts';
import { findUserHome } from '../project/workspace.ts';
import { listRecords } from '../session/record.ts';
import { readEnvFile } from '../settings/read-env-file.ts';
import { disk, emulation, files, registry } from './machine.ts';
import { signatures } from './signatures.ts';

/** Milliseconds to wait for an engine: docker's client would wait minutes for one that is unreachable. */
const patience = 30_000;

type Looked = { readonly engine?: EngineInfo; readonly findings: readonly Finding[] };

/** @returns 1 if a check failed. */
export async function doctor(asJson: boolean): Promise<number> {
  const findings = await look();
  process.stdout.write(
    `${asJson ? JSON.stringify(findings, undefined, 2) : formatFindings(findings)}\n`,
  );
  return findings.some(({ status }) => status === 'failed') ? 1 : 0;
}

async function look(): Promise<readonly Finding[]> {
  const { engine, findings } = await lookAtEngine().catch((error: unknown): Looked => {
    if (error instanceof UserError) return { findings: [wrong('engine', error)] };
    throw error;
  });
  const settings = attempt('settings', () =>
    settle({ flags: {}, env: process.env, file: readEnvFile(), machine: process.arch }),
  );
  const home = findUserHome();
  const gone = (await listRecords(home)).filter((one) => one.gone).map(({ name }) => name);
  const usable = isFinding(settings) ? undefined : settings;
  return [
    ...findings,
    ...(engine === undefined ? [] : [disk(engine)]),
    ...(isFinding(settings) ? [settings] : []),
    ...(engine === undefined || usable === undefined ? [] : [emulation(usable, engine)]),
    ...(usable === undefined ? [] : [await registry(usable), await signatures(usable, home)]),
    ...files(home),
    leftoverFinding(gone),
    terminalFinding(process.stdin.isTTY && process.stdout.isTTY, process.env['TERM']),
  ];
}

async function lookAtEngine(): Promise<Looked> {
  const endpoint = findEndpoint();
  const [info, version] = await Promise.all([ask('info'), ask('version')]);
  const said = parseJson(info.stdout);
  if (info.code !== 0) {
    const silent = `no answer in ${patience / 1000} seconds`;
    const reason = info.stderr.trim() === '' ? silent : info.stderr;
    const { message, hint = '', code } = engineError(reason);
    const place = endpoint === undefined ? '' : ` (${endpoint.from}: ${endpoint.host})`;
    return {
      findings: [
        ok('client', `docker ${clientOf(said) ?? 'of unknown version'}`),
        failed('engine', `${message}${place}`, hint, code),
      ],
    };
  }
  try {
    const engine = parseEngine(parseJson(version.stdout), said);
    return { engine, findings: engineFindings(engine, endpoint) };
  } catch {
    return {
      findings: [
        failed(
          'engine',
          'unexpected answer from docker: not an engine description',
          'update docker',
          'E_ANSWER',
        ),
      ],
    };
  }
}

function wrong(check: string, { message, hint = '', code }: UserError): Finding {
  return failed(check, message, hint, code);
}

function attempt<T>(check: string, act: () => T): T | Finding {
  try {
    return act();
  } catch (error) {
    if (error instanceof UserError) return wrong(check, error);
    throw error;
  }
}

function isFinding(value: Settings | Finding): value is Finding {
  return 'check' in value;
}

function ask(verb: 'version' | 'info') {
  return capture({ file: 'docker', args: [verb, '--format={{json .}}'] }, undefined, patience);
}
