/**
 * The line for a role with `maxHolders`. A place that becomes free is offered to whoever waits longest, and is theirs for `offerFor`; nobody gets
 * one past those who wait. Whoever takes an offer is decided about anew.
 */

import type { Queries } from '../ledger/ledger.ts';
import { lineMs, planLine, usualOfferMs } from '../lifecycle/line.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import type { Decision, Role } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { placeOf } from './line-view.ts';
import type { SweepStep } from './types.ts';

type Places = Pick<Role, 'name' | 'maxHolders' | 'offerForMs'>;

async function plan(q: Queries, now: number, { name, maxHolders = Number.POSITIVE_INFINITY }: Places) {
  const line = await q.lineOf(name);
  const inLine = new Set(line.map(({ id }) => id));
  const holders = line.length === 0 ? [] : (await q.openHolders(name)).filter(({ id }) => !inLine.has(id));
  const emails = holders.map(({ email }) => email);
  return planLine(line, emails, maxHolders, now);
}

/** Ends what has lapsed, and offers what is free. Whoever is about to give a place looks here first, so that a free place is nobody's but theirs who wait. */
export async function tendLine(q: Queries, now: number, role: Places): Promise<readonly SweepStep[]> {
  const { lapsed, offer, back } = await plan(q, now, role);
  const steps: SweepStep[] = [];
  for (const request of lapsed) steps.push(await expire(q, request));
  for (const request of back) {
    await q.changeRequest(request, { state: 'queued', pendingUntil: now + lineMs });
    await q.record({ ...about(request), type: 'request.queued', actor: 'sweep', data: { because: 'the place is not free after all' } });
  }
  for (const request of offer) {
    const pendingUntil = now + (role.offerForMs ?? usualOfferMs);
    await q.changeRequest(request, { state: 'offered', pendingUntil });
    await q.record({ ...about(request), type: 'request.offered', actor: 'oncall', data: { until: pendingUntil } });
    steps.push(step(request, 'offer', 'a place is free, and they are next'));
  }
  return steps;
}

/** Of every role in whose line something is to do; a sweep finds out here, and whoever has just given a place back. */
export async function tendLines(deps: Deps): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  const roles = await ledger.read((q, now) => rolesToTend(deps, q, now));
  const steps: SweepStep[] = [];
  for (const { role } of roles) steps.push(...(await ledger.write((q, now) => tendLine(q, now, role))));
  return steps;
}

/** What `tendLines` would do. */
export async function linePlan(deps: Deps): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  const roles = await ledger.read((q, now) => rolesToTend(deps, q, now));
  return roles.flatMap(({ offer, lapsed }) =>
    [
      ...lapsed.map((request) => step(request, 'expire', whyExpired(request))),
      ...offer.map((request) => step(request, 'offer', 'a place is free, and they are next')),
    ].map((one) => ({ ...one, outcome: 'planned' as const })),
  );
}

async function rolesToTend({ policy }: Deps, q: Queries, now: number) {
  const found = await Promise.all(
    (await q.rolesInLine()).map(async (name) => {
      const role = Object.hasOwn(policy.roles, name) ? policy.roles[name] : undefined;
      return role === undefined ? [] : [{ role, ...(await plan(q, now, role)) }];
    }),
  );
  return found.flat().filter(({ lapsed, offer, back }) => lapsed.length + offer.length + back.length > 0);
}

const about = ({ id, role, requester }: Request) => ({ requestId: id, role, holder: requester.email });

const step = ({ id, role, requester }: Request, action: SweepStep['action'], because: string): SweepStep => ({
  ...{ action, outcome: 'done', requestId: id, role, holder: requester.email, because },
});

const whyExpired = ({ state }: Request): string =>
  state === 'offered' ? 'the offer was not taken in time' : state === 'queued' ? 'stood in line for a day' : 'nobody answered in time';

/** A request whose `pendingUntil` has passed, whatever it waited for. */
export async function expire(q: Queries, request: Request): Promise<SweepStep> {
  const because = whyExpired(request);
  await q.changeRequest(request, { state: 'expired' });
  await q.record({ ...about(request), type: 'request.expired', actor: 'sweep', data: { because } });
  return step(request, 'expire', because);
}

export type Joining = {
  /** As it is to be; its `version` is that of the row. */
  readonly request: Request;
  readonly isNew: boolean;
  readonly actor: Actor;
  readonly policyDigest: string;
  /** What else the trail is told. */
  readonly data?: object;
};

/** The last place in line: for who may have the role, by a rule or by somebody's yes, while no place is free. */
export async function joinLine(q: Queries, now: number, { request, isNew, actor, policyDigest, data }: Joining): Promise<void> {
  const joined = { state: 'queued', pendingUntil: now + lineMs } as const;
  if (isNew) await q.insertRequest({ ...request, ...joined });
  else await q.changeRequest(request, joined);
  const { reason, incident, decision } = request;
  await q.record({
    ...about(request),
    type: 'request.queued',
    actor,
    ...(reason === undefined ? {} : { reason }),
    policyDigest,
    data: {
      place: await placeOf(q, request),
      ...(incident === undefined ? {} : { incident }),
      ...data,
      findings: decision.findings,
    },
  });
}

/** Who may not have it any more when they ask for what they wait for is out of line, and the next one comes. */
export async function leaveLine(q: Queries, now: number, role: Role, request: Request, decision: Decision): Promise<void> {
  await q.changeRequest(request, { state: 'denied', decision });
  const { policyDigest, findings } = decision;
  await q.record({ ...about(request), type: 'request.denied', actor: 'oncall', policyDigest, data: { by: 'policy', findings } });
  await tendLine(q, now, role);
}
