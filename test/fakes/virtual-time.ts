/** A clock that stands still while anything runs, and then goes to whatever wakes next: an hour of waiting takes no time, and comes out the same each time. */

export type VirtualTime = {
  readonly sleep: (ms: number) => Promise<void>;
  /** Runs until it is done; what sleeps meanwhile is woken in order. */
  readonly run: <T>(work: Promise<T>) => Promise<T>;
};

export function virtualTime(clock: { now: number }): VirtualTime {
  let sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  return {
    sleep: (ms) => new Promise((wake) => void sleepers.push({ at: clock.now + ms, wake })),
    run: async (work) => {
      let over = false;
      const end = work.finally(() => {
        over = true;
      });
      end.catch(() => undefined);
      for (;;) {
        // Everything that needs no time.
        await new Promise((done) => setImmediate(done));
        if (over) return end;
        const next = sleepers.toSorted((a, b) => a.at - b.at)[0];
        if (!next) continue;
        sleepers = sleepers.filter((one) => one !== next);
        clock.now = Math.max(clock.now, next.at);
        next.wake();
      }
    },
  };
}
