import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { Command } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';

/** The only file of ai-run that starts processes. */

const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Milliseconds that a command has for ending when it is told to. */
const patience = 10_000;

/**
 * Hands the terminal to a command until it ends.
 * @param terminate is called for SIGTERM and SIGHUP, and for SIGINT where there is no terminal, or where it is raw and Ctrl-C
 *   is a key: then the signal was meant for this process. Without it, the signals are passed on to the command.
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
    // Before it starts: a signal in between would leave it behind.
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

/** Loads what starts processes, at a moment when there is nothing else to do. */
export function prepare(): void {
  process.getBuiltinModule('node:child_process');
}

/**
 * Runs a command to its end and returns what it printed. `inherited` takes the place of the caller's environment.
 * @param timeout milliseconds after which it is killed, which is exit code 137; none where absent.
 */
export function capture(
  command: Command,
  inherited?: NodeJS.ProcessEnv,
  timeout?: number,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = start(command, ['ignore', 'pipe', 'pipe'], inherited);
    // Not spawn's own timeout: where there is no such program, that would go on, and ai-run with it.
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
 * Runs a command whose output is its progress, and shows that on standard error: standard output belongs to the agent.
 * What the command says on its own standard error is returned, not shown, or shown as well.
 * @throws UserError E_SIGNAL when a signal that would end ai-run has ended the command; the signal is its `cause`. It does not
 *   end ai-run here: what is open has to be finished first.
 */
export function showProgress(
  command: Command,
  errors: 'pipe' | 'inherit' = 'pipe',
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
      // Not twice: the bakery takes a second one for impatience, and cleans nothing up.
      if (signal !== 'SIGINT' || !isInTerminal()) child.kill(signal);
      timer ??= setTimeout(() => child.kill('SIGKILL'), patience);
    };
    // Before it starts: a signal in between would leave it behind.
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
    // Not when its output is closed: what it has started may hold that.
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

/** Whether this process has a terminal that sends Ctrl-C to all that run in it: commands hear of a SIGINT by themselves then. */
function isInTerminal(): boolean {
  if (!isatty(0) && !isatty(1) && !isatty(2)) return false;
  try {
    // Only a process that has a controlling terminal can open it; others are not in a group of it. man 4 tty
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
  return new UserError('E_NO_PROGRAM', `there is no program ${JSON.stringify(file)} on PATH`, {
    hint: file === 'docker' ? 'install Docker' : `install ${file}`,
    cause,
  });
}

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
