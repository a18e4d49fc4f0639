import { clientOf, type EngineInfo, parseEngine } from '../core/engine-info.ts';
import { engineFindings } from '../core/engine-findings.ts';
import { engineError } from '../core/engine-error.ts';
import { UserError } from '../core/error.ts';
import { failed, type Finding, formatFindings, ok } from '../core/finding.ts';
import { parseJson } from '../core/json.ts';
import { leftoverFinding, terminalFinding } from '../core/machine-findings.ts';
import { type Settings, settle } from '../core/settings.ts';
import { findEndpoint } from '../engine/endpoint.ts';
import { capture } from '../exec.ts';
import { findUserHome } from '../project/workspace.ts';
import { listRecords } from '../sessions/record.ts';
import { readEnvFile } from '../settings.ts';
import { disk, emulation, files, registry } from './machine.ts';
import { signatures } from './signatures.ts';

/** `ai-run doctor`: all that a session needs, looked at without starting one. */

/** Milliseconds that an engine gets to answer: one that cannot be reached would take minutes to say so. */
const patience = 30_000;

const ask = (verb: 'version' | 'info') =>
  capture({ file: 'docker', args: [verb, '--format={{json .}}'] }, undefined, patience);

type Looked = { readonly engine?: EngineInfo; readonly findings: readonly Finding[] };

const wrong = (check: string, { message, hint = '' }: UserError): Finding =>
  failed(check, message, hint);

const lookAtEngine = async (): Promise<Looked> => {
  const endpoint = findEndpoint();
  const [info, version] = await Promise.all([ask('info'), ask('version')]);
  const said = parseJson(info.stdout);
  if (info.code !== 0) {
    const silent = `no answer in ${patience / 1000} seconds`;
    const reason = info.stderr.trim() === '' ? silent : info.stderr;
    const { message, hint = '' } = engineError(reason);
    const place = endpoint === undefined ? '' : ` (${endpoint.from}: ${endpoint.host})`;
    return {
      findings: [
        ok('client', `docker ${clientOf(said) ?? 'of unknown version'}`),
        failed('engine', `${message}${place}`, hint),
      ],
    };
  }
  try {
    const engine = parseEngine(parseJson(version.stdout), said);
    return { engine, findings: engineFindings(engine, endpoint) };
  } catch {
    return {
      findings: [
        failed('engine', 'docker answers in a way that ai-run does not know', 'update docker'),
      ],
    };
  }
};

const attempt = <T>(check: string, act: () => T): T | Finding => {
  try {
    return act();
  } catch (error) {
    if (error instanceof UserError) return wrong(check, error);
    throw error;
  }
};

const isFinding = (value: Settings | Finding): value is Finding => 'check' in value;

const look = async (): Promise<readonly Finding[]> => {
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
};

/** @returns 1 where something failed. */
export const doctor = async (asJson: boolean): Promise<number> => {
  const findings = await look();
  process.stdout.write(
    `${asJson ? JSON.stringify(findings, undefined, 2) : formatFindings(findings)}\n`,
  );
  return findings.some(({ status }) => status === 'failed') ? 1 : 0;
};
