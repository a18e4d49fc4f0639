import type { Duplex } from 'node:stream';
import { execa } from 'execa';
import { type Command, formatCommand } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';

/** The only file that starts processes. */

export type Outcome = {
  /** Absent where a signal ended it, or it ran out of time. */
  readonly exitCode: number | undefined;
  /** `SIGKILL`, where a signal ended it. */
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it took longer, or was silent for longer, than it may. */
  readonly timedOut: boolean;
};

export type Options = {
  readonly input?: string;
  readonly cwd?: string;
  /** Milliseconds. */
  readonly timeout?: number;
  /** Milliseconds between two lines of stderr; only with `onLine`. */
  readonly silence?: number;
  readonly signal?: AbortSignal;
  /** Called with each line of stderr as it comes; stderr is not kept then. */
  readonly onLine?: (line: string) => void;
};

/**
 * Runs a command to its end, whatever its exit code.
 * @throws UserError E_NO_PROGRAM when there is no such program, E_INTERRUPTED when `signal` ended it.
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
    // Output of a test or a build that is larger than this is not looked at any more.
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
  })().catch(() => undefined); // the child's own end says what went wrong
  const result = await child;
  await reading;
  clearTimeout(listening);
  if (result.isCanceled) throw new UserError('E_INTERRUPTED', 'interrupted');
  if (result.code === 'ENOENT') {
    throw new UserError(
      'E_NO_PROGRAM',
      `there is no program ${JSON.stringify(command.file)} on PATH`,
      {
        hint: 'install Docker with buildx; on Debian or Ubuntu as root: scripts/setup --install-engine',
      },
    );
  }
  // It did not even start: no permission, for example.
  if (result.code !== undefined && !result.isMaxBuffer && !result.isTerminated) {
    throw new UserError(
      'E_NO_PROGRAM',
      `${JSON.stringify(command.file)} cannot be started: ${result.code}`,
      { hint: `see to the permissions of ${command.file}, or to what stands first on PATH` },
    );
  }
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
 * @throws UserError E_COMMAND with the command and what it said, when it does not; E_TIMEOUT where it took too long.
 */
export async function capture(command: Command, options: Options = {}): Promise<string> {
  const { exitCode, signal, timedOut, stdout, stderr } = await run(command, options);
  if (exitCode === 0) return stdout;
  const said = redacted(stderr).trim();
  if (timedOut)
    throw new UserError('E_TIMEOUT', `${formatCommand(command)} ran out of time\n${said}`);
  const end = `exited with ${exitCode ?? signal ?? 'no code'}`;
  throw new UserError('E_COMMAND', `${formatCommand(command)} ${end}\n${said}`);
}
