/** The only file of ai-run that starts processes. */

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { Command } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';

const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Hands the terminal to a command until it ends.
 * @param terminate is called for SIGTERM and SIGHUP, and for SIGINT without a terminal or with a raw one: then Ctrl-C is a
 *   key, and a signal was meant for this process. Default: the signals are passed on to the command.
 */
export function attach(
  command: Command,
  terminate?: (signal: NodeJS.Signals) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const raw = isatty(0) && isatty(1);
    const end = terminate ?? ((signal: NodeJS.Signals): void => void child.kill(signal));
    // A terminal that is not raw sends Ctrl-C to the whole process group: this process only has to outlive the command.
    const interrupt = (signal: NodeJS.Signals): void => {
      if ((raw && terminate !== undefined) || !isInTerminal()) end(signal);
    };
    // Installed before the command starts: a signal in between would leave the command running.
    process.on('SIGINT', interrupt).on('SIGTERM', end).on('SIGHUP', end);
    const settle = (): void => {
      process.off('SIGINT', interrupt).off('SIGTERM', end).off('SIGHUP', end);
    };
    const child = start(command, 'inherit');
    child.on('error', (error) => {
      settle();
      reject(noProgram(command.file, error));
    });
    child.on('exit', (code, signal) => {
      settle();
      resolve(exitCodeOf(code, signal));
    });
  });
}

/**
 * Runs a command to its end and returns its output.
 * @param inherited replaces the caller's environment.
 * @param timeout milliseconds until the command is killed, which is exit code 137; default: unlimited.
 */
export function capture(
  command: Command,
  inherited?: NodeJS.ProcessEnv,
  timeout?: number,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = start(command, ['ignore', 'pipe', 'pipe'], inherited);
    // Not spawn's own timeout: if the program is missing, its timer would keep ai-run running.
    const timer =
      timeout === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), timeout);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(noProgram(command.file, error));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        code: exitCodeOf(code, signal),
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      });
    });
  });
}

/**
 * Runs a command whose output is progress, and shows it on standard error: standard output belongs to the agent.
 * @param errors `pipe` returns the command's standard error, `inherit` shows it.
 * @param patience milliseconds between the signal that asks the command to end and SIGKILL.
 * @throws UserError E_SIGNAL if a signal that would end ai-run has ended the command; the signal is its `cause`. The caller
 *   ends ai-run, after it has finished the open parts.
 */
export function showProgress(
  command: Command,
  errors: 'pipe' | 'inherit' = 'pipe',
  patience = 10_000,
): Promise<{ readonly code: number; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    let told: NodeJS.Signals | undefined;
    let timer: NodeJS.Timeout | undefined;
    const release = (): void => {
      clearTimeout(timer);
      for (const ending of endings) process.off(ending, end);
    };
    const end = (signal: NodeJS.Signals): void => {
      told ??= signal;
      // Not twice: the bakery takes a second signal as a request to skip the cleanup.
      if (signal !== 'SIGINT' || !isInTerminal()) child.kill(signal);
      timer ??= setTimeout(() => child.kill('SIGKILL'), patience);
    };
    // Installed before the command starts: a signal in between would leave the command running.
    for (const ending of endings) process.on(ending, end);
    const child = spawn(command.file, command.args, {
      stdio: ['ignore', 2, errors],
      env: { ...process.env, ...command.env },
    });
    const err: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error) => {
      release();
      reject(noProgram(command.file, error));
    });
    // Not on `close`: a child of the command may hold its output open.
    child.on('exit', () => {
      if (told === undefined) return;
      release();
      reject(new UserError('E_SIGNAL', `ended by ${told}`, { cause: told }));
    });
    child.on('close', (code, signal) => {
      release();
      resolve({ code: exitCodeOf(code, signal), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** Whether this process has a controlling terminal: it sends Ctrl-C to the whole process group, commands included. */
function isInTerminal(): boolean {
  if (!isatty(0) && !isatty(1) && !isatty(2)) return false;
  try {
    // Opens only with a controlling terminal; other processes are not in its process group. man 4 tty
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

function start(
  command: Command,
  stdio: 'inherit' | ['ignore', 'pipe', 'pipe'],
  inherited: NodeJS.ProcessEnv = process.env,
) {
  return spawn(command.file, command.args, { stdio, env: { ...inherited, ...command.env } });
}

function noProgram(file: string, cause: Error): UserError {
  return new UserError('E_NO_PROGRAM', `program ${JSON.stringify(file)} not found on PATH`, {
    hint: file === 'docker' ? 'install Docker' : `install ${file}`,
    cause,
  });
}

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
