/** When a removal that failed is tried again. */

const firstMs = 10_000;
const longestMs = 3_600_000;

/** Exponential with jitter of half either way; a provider's Retry-After is a lower bound. `random` is uniform in [0, 1). */
export function nextTryAfterMs(attempts: number, random: number, retryAfterMs = 0): number {
  const planned = Math.min(longestMs, firstMs * 2 ** Math.min(attempts - 1, 20));
  return Math.max(retryAfterMs, Math.round(planned * (0.5 + random)));
}
