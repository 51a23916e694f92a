/** A time zone for the tests of one file, or of the `describe` in which it is called. */

import { afterAll, beforeAll } from 'vitest';

export function inZone(name: string): void {
  let before: string | undefined;
  beforeAll(() => {
    before = process.env.TZ;
    process.env.TZ = name;
  });
  afterAll(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });
}
