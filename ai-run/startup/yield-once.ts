/** Startup trick `yield-once`: a pause in which a request that was made is sent. */

/** Yields once, so that the engine request is sent before ~20 ms of synchronous work. */
export function yieldOnce(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
