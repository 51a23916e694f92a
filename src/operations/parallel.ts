/** Work on many things, so many at a time. */

/** `atOnce` may change while the work goes on. The first fault ends it; what is under way then goes on by itself. */
export function inParallel<T>(items: readonly T[], atOnce: number | (() => number), work: (item: T) => Promise<void>): Promise<void> {
  const most = typeof atOnce === 'number' ? () => atOnce : atOnce;
  const queue = items.values();
  let running = 0;
  let failed = false;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      failed = true;
      reject(error);
    };
    const go = (): void => {
      while (!failed && running < most()) {
        const { value, done } = queue.next();
        if (done) {
          if (running === 0) resolve();
          return;
        }
        running++;
        work(value).then(() => {
          running--;
          go();
        }, fail);
      }
    };
    go();
  });
}
