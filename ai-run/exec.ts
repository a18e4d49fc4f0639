import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from './core/command.ts';
import { UserError } from './core/error.ts';

/** The only file of ai-run that starts processes. */

const exitCodeOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? 128 + (signal === null ? 0 : constants.signals[signal]);

const start = (
  command: Command,
  stdio: 'inherit' | ['ignore', 'pipe', 'pipe'],
  inherited: NodeJS.ProcessEnv = process.env,
) => spawn(command.file, command.args, { stdio, env: { ...inherited, ...command.env } });

const noProgram = (file: string, cause: Error): UserError =>
  new UserError('E_NO_PROGRAM', `there is no program ${JSON.stringify(file)} on PATH`, {
    hint: file === 'docker' ? 'install Docker' : `install ${file}`,
    cause,
  });

/** Hands the terminal to a command until it ends; signals reach it through the terminal's process group, or are passed on. */
export const attach = (command: Command): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = start(command, 'inherit');
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    // A terminal sends Ctrl-C to the child as well; ai-run only has to outlive it.
    process.on('SIGINT', () => undefined);
    process.on('SIGTERM', forward);
    process.on('SIGHUP', forward);
    child.on('error', (error) => reject(noProgram(command.file, error)));
    child.on('exit', (code, signal) => resolve(exitCodeOf(code, signal)));
  });

/** Runs a command to its end and returns what it printed. `inherited` takes the place of the caller's environment. */
export const capture = (
  command: Command,
  inherited?: NodeJS.ProcessEnv,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve, reject) => {
    const child = start(command, ['ignore', 'pipe', 'pipe'], inherited);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error) => reject(noProgram(command.file, error)));
    child.on('close', (code, signal) =>
      resolve({
        code: exitCodeOf(code, signal),
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      }),
    );
  });
