/** The lengths of time on which the safety of ending access rests, ms. Each is longer than the one before it for a reason. */

/** An add is sent only this long after its intent was committed. */
export const addWithinMs = 2 * 60_000;

/** How old the answers may be on which somebody is let in: older ones waited in a process that slept, or under a clock that was set meanwhile. */
export const factsWithinMs = 3 * 60_000;

/** A removal is sent only this long after its row was taken. */
export const removeWithinMs = 60_000;

/** How long one provider call may take at most before it is given up; adapters stay below it. */
export const callWithinMs = 30_000;

/** How long after a write was sent it can still land. Longer than any call in flight. */
export const quietMs = 2 * 60_000;

/** How long an unanswered add is remembered, so that a member found later is known to be ours. */
export const rememberUnansweredMs = 24 * 3_600_000;

/** After this many failed tries a removal is called stuck. It is still retried. */
export const stuckAfter = 6;

/** More than this between the host's clock and a provider's, or the ledger's, and nothing is granted. */
export const clockSkewMs = 60_000;
