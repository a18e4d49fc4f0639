/** Standard output and standard error, where nobody may be left to read them. */
export function listenToOutput(): void {
  // There is no other place to report it.
  listen('stderr', () => undefined);
  let told = false;
  listen('stdout', ({ code, message }) => {
    // `ai-run list | head -1`: a reader that has seen enough is no failure, and the exit code stays what it is, usually 0.
    if (code === 'EPIPE' || told) return;
    told = true;
    process.stderr.write(`error[E_OUTPUT]: standard output cannot be written: ${message}\n`);
    // The verb may have ended before, or after.
    process.once('exit', () => {
      process.exitCode ||= 1;
    });
  });
}

/**
 * Hears of it when a stream cannot be written to; that would end ai-run in the midst of its work. Node makes the streams when
 * they are first asked for, which takes milliseconds and which most starts never do: so this waits until then.
 */
function listen(name: 'stdout' | 'stderr', failed: (error: NodeJS.ErrnoException) => void): void {
  const made = Object.getOwnPropertyDescriptor(process, name);
  if (made?.get === undefined) return;
  const make = (): NodeJS.WriteStream | undefined => made.get?.call(process);
  let stream: NodeJS.WriteStream | undefined;
  const get = (): NodeJS.WriteStream | undefined => (stream ??= make()?.on('error', failed));
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get });
}
