/**
 * Loaded before the real command line (`node --require`): its clock is CLOCK_AHEAD_MS ahead, so that a test need not wait for hours to pass;
 * for a process that goes on meanwhile, by as much as the file CLOCK_AHEAD_FILE says just then.
 */
const { readFileSync } = require('node:fs');
const Clock = Date;
const file = process.env.CLOCK_AHEAD_FILE;
const atStart = Number(process.env.CLOCK_AHEAD_MS ?? 0);
const ahead = () => (file === undefined ? atStart : Number(readFileSync(file, 'utf8')));

globalThis.Date = class extends Clock {
  constructor(...args) {
    if (args.length === 0) super(Clock.now() + ahead());
    else super(...args);
  }

  static now() {
    return Clock.now() + ahead();
  }
};
