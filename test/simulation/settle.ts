/**
 * Runs what is ready to run, at once: a step of a history sets off nothing but microtasks (SQLite in memory included), and waiting for
 * the event loop after each of them costs more than the step itself. No microtask runs within another: begin with `apart`.
 */

/** Runs the queues of `process.nextTick` and of promises until both are empty. Undocumented, and there since the first Node. */
export const drain = (process as unknown as { readonly _tickCallback: () => void })._tickCallback;

/** What the promise has settled to, once everything that is ready has run. */
export function settled<T>(promise: Promise<T>): T {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  promise.then(
    (value) => {
      outcome = { value };
    },
    (error: unknown) => {
      outcome = { error };
    },
  );
  drain();
  if (outcome === undefined) throw new Error('a promise of the simulation waits for something outside of it');
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

/** Runs `work` where microtasks can be drained. */
export function apart<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
}
