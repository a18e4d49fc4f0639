/** Standard output and standard error: a closed reader or a full disk does not end ai-run in the middle of its work. */

/** Handles errors of both streams. */
export function listenToOutput(): void {
  // A fault of standard error cannot be reported anywhere.
  listen('stderr', () => undefined);
  let told = false;
  listen('stdout', ({ code, message }) => {
    // With `ai-run list | head -1`, a reader that closes early is not a failure: the exit code stays as it is, usually 0.
    if (code === 'EPIPE' || told) return;
    told = true;
    process.stderr.write(`error[E_OUTPUT]: standard output cannot be written: ${message}\n`);
    // The verb may end before or after this event.
    process.once('exit', () => {
      process.exitCode ||= 1;
    });
  });
}

/**
 * Adds a listener for errors of a stream, which would end ai-run otherwise. Node makes a stream on its first use; this takes
 * milliseconds, and most starts never need it, so the listener is added on the first use as well.
 */
function listen(name: 'stdout' | 'stderr', failed: (error: NodeJS.ErrnoException) => void): void {
  const made = Object.getOwnPropertyDescriptor(process, name);
  if (made?.get === undefined) return;
  const make = (): NodeJS.WriteStream | undefined => made.get?.call(process);
  let stream: NodeJS.WriteStream | undefined;
  const get = (): NodeJS.WriteStream | undefined => (stream ??= make()?.on('error', failed));
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get });
}
