/** What came of a request, read back from the ledger once the directories were asked. */

import { isInLine } from '../lifecycle/line.ts';
import type { Deps } from './deps.ts';
import { whereInLine } from './line-view.ts';
import type { Settled } from './request.ts';
import type { Refusal, RequestResult, TargetFailure } from './types.ts';

/** How long a repeated request looks on while another run of it activates. */
const patienceMs = 10_000;
const pollMs = 250;

export async function result(
  deps: Deps,
  settled: Exclude<Settled, { refusal: Refusal }>,
  missing: readonly TargetFailure[],
): Promise<RequestResult> {
  const ledger = await deps.ledger();
  const look = () =>
    ledger.read(async (q) => {
      const request = await q.request(settled.requestId);
      const line = isInLine(request) ? { line: await whereInLine(q, request) } : {};
      return { request, grants: await q.grantsOfRequest(settled.requestId), line };
    });
  let { request: now, grants, line } = await look();
  // The same command typed twice: the other run is letting the person in right now.
  for (let wait = 0; wait < patienceMs && grants.some((grant) => grant.state === 'activating') && !deps.signal.aborted; wait += pollMs) {
    await deps.sleep(pollMs);
    ({ request: now, grants, line } = await look());
  }
  if (!now) throw new Error(`request ${settled.requestId} has vanished`);
  const theirs = grants.filter(({ id }) => !settled.others?.includes(id));
  const relevant = theirs.filter((grant) => grant.state !== 'ended' || settled.activate.includes(grant.id));
  const inNow = new Set(
    relevant.filter((grant) => grant.state === 'active').map((grant) => `${grant.target.directory}/${grant.target.group}`),
  );
  const all = now.targets.length === inNow.size;
  const { state } = now;
  const waits = state === 'pending' || state === 'queued' || state === 'offered';
  const outcome = waits ? state : inNow.size === 0 ? 'failed' : !all ? 'partial' : settled.whole;
  const { notExtended, movedFrom, unheld } = settled;
  const more = {
    ...(unheld && { unheld }),
    ...(notExtended === undefined ? {} : { notExtended }),
    ...(movedFrom === undefined ? {} : { movedFrom }),
  };
  return { result: outcome, request: now, grants: relevant, missing, decision: settled.decision, ...line, ...more };
}
