/** Starts processes; the only file that does. */

import type { Duplex } from 'node:stream';
import { execa } from 'execa';
import { type Command, formatCommand } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';

/** A command that ended with another exit code than 0, or by a signal. */
export class CommandError extends UserError {
  /** The program's own words. */
  readonly stderr: string;

  constructor(command: Command, end: string, stderr: string) {
    super('E_COMMAND', `${formatCommand(command)} exited with ${end}\n${stderr}`);
    this.stderr = stderr;
  }
}

/** The end of a command. */
export type Outcome = {
  /** Absent if a signal ended it, or if it ran out of time. */
  readonly exitCode: number | undefined;
  /** `SIGKILL`; absent if it exited by itself. */
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it was ended at the limit of its time or of its silence. */
  readonly timedOut: boolean;
};

export type Options = {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Milliseconds. */
  readonly timeout?: number;
  /** Milliseconds at most between two lines of stderr; only with `onLine`. */
  readonly silence?: number;
  readonly signal?: AbortSignal;
  /** Receives each line of stderr; the outcome then has no stderr. */
  readonly onLine?: (line: string) => void;
};

/**
 * Runs a command to its end and returns its exit code.
 * @throws UserError E_NO_PROGRAM for a program that is missing or cannot be started, E_INTERRUPTED if `signal` ended it.
 */
export async function run(command: Command, options: Options = {}): Promise<Outcome> {
  const child = execa(command.file, command.args, {
    reject: false,
    stripFinalNewline: false,
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(command.env === undefined ? {} : { env: command.env }),
    // Larger output of a test or a build is cut.
    maxBuffer: 16 * 1024 * 1024,
    buffer: { stdout: true, stderr: options.onLine === undefined },
  });
  let silent = false;
  const tooLong = (): void => {
    silent = true;
    child.kill();
  };
  const listening =
    options.silence === undefined ? undefined : setTimeout(tooLong, options.silence);
  const reading = (async () => {
    if (options.onLine === undefined) return;
    for await (const line of child.iterable({ from: 'stderr' })) {
      listening?.refresh();
      options.onLine(line);
    }
  })().catch(() => undefined); // the child's end tells the fault
  const result = await child;
  await reading;
  clearTimeout(listening);
  if (result.isCanceled) throw new UserError('E_INTERRUPTED', 'interrupted');
  // It did not even start.
  if (result.code !== undefined && !result.isMaxBuffer && !result.isTerminated)
    throw cannotStart(command.file, result.code);
  return {
    exitCode: result.exitCode,
    signal: result.signal,
    stdout: result.stdout ?? '',
    stderr: result.stderr ?? '',
    timedOut: result.timedOut || silent,
  };
}

/** Starts a command whose standard input and output are a connection; it fails if the command does. */
export function connection(command: Command): Duplex {
  return execa(command.file, command.args, { buffer: { stdout: false } }).duplex();
}

/**
 * Runs a command that must succeed and returns its standard output.
 * @throws CommandError with the command and its standard error; UserError E_TIMEOUT if it ran out of time.
 */
export async function capture(command: Command, options: Options = {}): Promise<string> {
  const { exitCode, signal, timedOut, stdout, stderr } = await run(command, options);
  if (exitCode === 0) return stdout;
  const said = redacted(stderr).trim();
  if (timedOut)
    throw new UserError('E_TIMEOUT', `${formatCommand(command)} ran out of time\n${said}`);
  throw new CommandError(command, String(exitCode ?? signal ?? 'no code'), said);
}

/** Hints for programs that need more than a package of their own name. */
const installing: Readonly<Record<string, string>> = {
  docker:
    'install Docker with buildx; in a checkout on Debian or Ubuntu, as root: scripts/setup --install-engine',
};

/** @param code of the system: `ENOENT` for a missing program, `EACCES` for one without permission. */
function cannotStart(file: string, code: string): UserError {
  const name = JSON.stringify(file);
  return code === 'ENOENT'
    ? new UserError('E_NO_PROGRAM', `program ${name} not found on PATH`, {
        hint: installing[file] ?? `install ${file}, or add its folder to PATH`,
      })
    : new UserError('E_NO_PROGRAM', `${name} cannot be started: ${code}`, {
        hint: `check the permissions of ${file}, and the order of the folders in PATH`,
      });
}
