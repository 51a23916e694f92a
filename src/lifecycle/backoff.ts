/** When a removal that failed is tried again. */

const firstMs = 10_000;
const longestMs = 3_600_000;
/** What an overloaded provider may ask for. A date in the year 9999, from a proxy or by mistake, must not keep anybody in: a call each quarter of an hour hurts no provider. */
export const longestSilenceMs = 900_000;

/** Exponential with jitter of half either way; a provider's Retry-After is a lower bound, within reason. `random` is uniform in [0, 1). */
export function nextTryAfterMs(attempts: number, random: number, retryAfterMs = 0): number {
  const planned = Math.min(longestMs, firstMs * 2 ** Math.min(attempts - 1, 20));
  return Math.max(Math.min(retryAfterMs, longestSilenceMs), Math.round(planned * (0.5 + random)));
}
