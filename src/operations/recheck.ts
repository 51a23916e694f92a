/** Ends access early when none of the rules that it ends with (a shift, an incident) holds any more, after their grace. An unknown answer ends nothing. */

import { factsWithinMs } from '../lifecycle/limits.ts';
import type { Request } from '../lifecycle/types.ts';
import { describeCondition, positiveLeaves } from '../policy/conditions.ts';
import { stillHolds } from '../policy/evaluate.ts';
import { namedIn } from '../policy/incidents.ts';
import { clientOf } from '../policy/machine.ts';
import type { Fact, Facts, Truth } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { beginEnd } from './end.ts';
import { gatherFacts } from './facts.ts';
import type { Lookups } from './lookups.ts';
import { inParallel } from './parallel.ts';
import type { SweepStep } from './types.ts';

/** Asks about every request that ends with something, and ends or notes what no longer holds. Gives the sources that could not be asked. `mayGoOn`: until the run's time is over. */
export async function recheck(deps: Deps, world: Lookups, mayGoOn: () => boolean): Promise<readonly SweepStep[]> {
  const silent = new Map<string, SweepStep>();
  await inParallel(await boundRequests(deps), 8, async (request) => {
    if (!mayGoOn()) return;
    const before = deps.now();
    const { holds, facts } = await asked(deps, world, request);
    const heardAt = Math.min(before, ...[...facts.values()].flatMap(({ fetchedAt }) => fetchedAt ?? []));
    if (holds === true) await clear(deps, request, heardAt);
    if (holds === false) await endOrNote(deps, request, heardAt);
    if (holds !== 'unknown') return;
    await noteUnknown(deps, request);
    for (const fact of facts.values()) if (fact.holds === 'unknown') silent.set(fact.because, unasked(fact));
  });
  return [...silent.values()];
}

function unasked({ because, next, lasting }: Fact): SweepStep {
  const told = `${because}; what ends with that stays until its own end at the latest`;
  return { action: 'recheck', outcome: lasting ? 'failed' : 'later', because: told, ...(next === undefined ? {} : { next }) };
}

/** What `recheck` would end now. */
export async function recheckPlan(deps: Deps, world: Lookups): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  const steps: SweepStep[] = [];
  await inParallel(await boundRequests(deps), 8, async (request) => {
    if ((await asked(deps, world, request)).holds !== false || ledger.now() < endsAt(request, ledger.now())) return;
    const grants = await ledger.read((q) => q.grantsOfRequest(request.id));
    for (const { state, target, holder } of grants) {
      if (state !== 'active') continue;
      steps.push({
        action: 'expire',
        outcome: 'planned',
        requestId: request.id,
        role: request.role,
        holder,
        target,
        because: reason(request),
      });
    }
  });
  return steps;
}

async function boundRequests(deps: Deps): Promise<readonly Request[]> {
  const ledger = await deps.ledger();
  const open = await ledger.read((q) => q.openRequests());
  return open.filter((request) => request.state === 'approved' && request.decision.endsWith.length > 0);
}

/** The incident that was recorded, and no other, keeps in who was let in for one. */
async function asked(
  deps: Deps,
  world: Lookups,
  { decision, requester, incident }: Request,
): Promise<{ readonly holds: Truth; readonly facts: Facts }> {
  const { email } = requester;
  const about = { email, at: deps.now(), whoever: true, ...(incident === undefined ? {} : { incident }) };
  const facts = await gatherFacts(deps, world, decision.endsWith, about);
  const only = incident === undefined ? {} : { incidents: namedIn(decision.endsWith, facts) };
  return { holds: stillHolds(decision.endsWith, { email, client: clientOf(requester), now: deps.now(), facts, ...only }), facts };
}

const endsAt = ({ decision, unheldSince }: Request, now: number): number =>
  (unheldSince ?? now) + Math.max(...decision.endsWith.map((rule) => rule.graceMs));

/** With the incident that was recorded: it alone kept them in, of all that a rule counts. */
function reason({ decision: { endsWith }, incident }: Request): string {
  const what = endsWith.map((rule) => describeCondition(rule.condition)).join(', or ');
  const isForOne = endsWith.some((rule) => positiveLeaves(rule.condition).some(({ kind }) => kind === 'incident'));
  return `no longer ${what}${incident === undefined || !isForOne ? '' : `: ${incident}`}`;
}

/** What a process heard before it slept: others may have heard better since. */
const isOld = (deps: Deps, heardAt: number): boolean => deps.now() - heardAt > factsWithinMs;

async function clear(deps: Deps, { id, unheldSince, unknownSince }: Request, heardAt: number): Promise<void> {
  if (unheldSince === undefined && unknownSince === undefined) return;
  const ledger = await deps.ledger();
  await ledger.write(async (q) => {
    if (isOld(deps, heardAt)) return;
    await q.markUnheld(id, undefined);
    await q.markUnknown(id, undefined);
  });
}

/** For `status`: it ends nothing. */
async function noteUnknown(deps: Deps, { id, unknownSince }: Request): Promise<void> {
  if (unknownSince !== undefined) return;
  const ledger = await deps.ledger();
  await ledger.write((q, now) => q.markUnknown(id, now));
}

async function endOrNote(deps: Deps, { id, version }: Request, heardAt: number): Promise<void> {
  const ledger = await deps.ledger();
  await ledger.write(async (q, now) => {
    const request = await q.request(id);
    // Extended or let in again meanwhile: by other rules, or by other answers.
    if (request?.version !== version || isOld(deps, heardAt)) return;
    if (request.unheldSince === undefined) await q.markUnheld(id, now);
    if (request.unknownSince !== undefined) await q.markUnknown(id, undefined);
    if (now < endsAt(request, now)) return;
    for (const { id: grantId } of await q.grantsOfRequest(id)) {
      const grant = await q.grant(grantId);
      if (grant?.state === 'active') await beginEnd(q, now, grant, { reason: 'expired', actor: 'sweep', because: reason(request) });
    }
  });
}
