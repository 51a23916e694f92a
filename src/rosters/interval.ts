/** How rosters write instants, and when a shift covers one. */

import * as z from 'zod/mini';

/** RFC 3339 with an offset or `Z`, never a local time, to epoch ms. */
export const instant = z.pipe(
  z.iso.datetime({ offset: true, error: 'needs an instant with an offset or Z, like 2026-11-01T00:00:00Z' }),
  z.transform((text) => Date.parse(text)),
);

/** From its start on, until before its end, so that at a handover exactly one person is on call. `null`, or left out: without that bound. */
export function covers({ start, end }: { readonly start?: number | null; readonly end?: number | null }, at: number): boolean {
  return (start ?? at) <= at && (end === null || end === undefined || at < end);
}
