/** Loaded before the real command line (`node --require`): its clock is CLOCK_AHEAD_MS ahead, so that a test need not wait for hours to pass. */
const Clock = Date;
const ahead = Number(process.env.CLOCK_AHEAD_MS ?? 0);

globalThis.Date = class extends Clock {
  constructor(...args) {
    if (args.length === 0) super(Clock.now() + ahead);
    else super(...args);
  }

  static now() {
    return Clock.now() + ahead;
  }
};
