/**
 * The sweep's part in rotations: lets in whoever is on call, then takes out whoever is no longer. Everybody who is in has an end of their own,
 * so that a roster which is down, or a run that never gets here, keeps nobody in for good.
 */

import { isOncallError, isProviderError } from '../errors.ts';
import type { Ledger, Queries } from '../ledger/ledger.ts';
import { planRotation } from '../lifecycle/rotation.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import { instant } from '../policy/end.ts';
import type { Role } from '../policy/types.ts';
import { endGiven, type Given, letIn, outcomeOf, whyDenied } from './by-policy.ts';
import type { Deps } from './deps.ts';
import { type Lookups, lookups } from './lookups.ts';
import { ofOtherUsers } from './other-users.ts';
import { inParallel } from './parallel.ts';
import { type Answer, askRotation, type OnDuty } from './rotation-answer.ts';
import { type Following, followingIn, isAway, outsideTopic, rotationNow } from './rotation-now.ts';
import { type Denied, isStale, settleRotation } from './rotation-settle.ts';
import { fromSubject, type Kept, tellKept } from './standing-told.ts';
import type { SweepStep } from './types.ts';

const atOnce = 4;

/** An admin's word that those may go whom the last run did not take out. */
export type Acceptance = { readonly role: string; readonly by: Actor };

/** `settled`: the roles about whose rotation an answer, or that there was none, was acted on. */
export type Rotated = { readonly steps: readonly SweepStep[]; readonly settled: ReadonlySet<string> };

/** With a policy that has faults nothing of it is touched: nobody knows what it follows. */
export async function rotate(deps: Deps, mayGoOn: () => boolean, acceptance?: Acceptance): Promise<Rotated> {
  const settled = new Set<string>();
  if (deps.policyFault !== undefined) return { steps: [], settled };
  const roles = followingIn(deps.policy);
  const world = lookups(deps);
  const steps: SweepStep[] = [];
  const kept: Kept[] = [];
  await inParallel(roles, atOnce, async (role) => {
    try {
      const accepts = acceptance?.role === role.name ? acceptance.by : undefined;
      const done = await rotateOne(deps, world, role, mayGoOn, accepts);
      kept.push(...done.kept);
      if (done.steps === undefined) return;
      settled.add(role.name);
      steps.push(...done.steps);
    } catch (error) {
      // Each on its own.
      if (!isOncallError(error) && !isProviderError(error)) throw error;
      steps.push({ action: 'rotate', outcome: 'failed', role: role.name, because: error.message });
    }
  });
  await endUnfollowed(deps, roles);
  return { steps: [...(await tellOutside(deps, kept)), ...steps], settled };
}

type Done = { readonly steps: readonly SweepStep[] | undefined; readonly kept: readonly Kept[] };

async function rotateOne(deps: Deps, world: Lookups, role: Following, mayGoOn: () => boolean, accepts: Actor | undefined): Promise<Done> {
  const answer = await askRotation(deps, world, role.follows);
  const ledger = await deps.ledger();
  if ('unanswered' in answer) {
    // Whom the policy keeps out goes all the same: that needs no roster.
    const { holders } = await ledger.read((q, now) => rotationNow(q, now, role, undefined));
    const denied = await deniedAmong(deps, world, role, holders);
    const told = await ledger.write((q, now) => settleRotation({ deps, q, now, role }, { answer, denied }));
    return { steps: told, kept: await stillOutside(ledger, role) };
  }
  const [denied, strays] = await Promise.all([deniedAmong(deps, world, role, answer.duties), straysOf(deps, world, role, mayGoOn)]);
  const kept = await letInAll(deps, world, role, { answer, denied, strays, mayGoOn });
  const settling = { answer, denied, strays, isTried: mayGoOn(), accepts };
  return { steps: await ledger.write((q, now) => settleRotation({ deps, q, now, role }, settling)), kept };
}

export async function deniedAmong(deps: Deps, world: Lookups, role: Role, duties: readonly Pick<OnDuty, 'email'>[]): Promise<Denied> {
  const denied = new Map<string, { readonly because: string; readonly known: boolean }>();
  await inParallel(duties, atOnce, async ({ email }) => {
    const isBlocked = deps.policy.blocked.includes(email);
    const why = isBlocked ? { because: 'blocked by the policy', known: true } : await whyDenied(deps, world, { role, email });
    if (why) denied.set(email, why);
  });
  return denied;
}

/** Grants of the role that let in another user than the one to whom the name leads now. */
async function straysOf(deps: Deps, world: Lookups, { name }: Role, mayGoOn: () => boolean): Promise<ReadonlySet<string>> {
  const ledger = await deps.ledger();
  const open = (await ledger.read((q) => q.openByPolicy('rotation'))).filter(({ role }) => role === name);
  const strays = new Set<string>();
  await inParallel(open, atOnce, async (request) => {
    if (mayGoOn()) for (const id of (await ofOtherUsers(deps, world, request)).others) strays.add(id);
  });
  return strays;
}

type Answered = Extract<Answer, { duties: unknown }>;

type Letting = {
  readonly answer: Answered;
  readonly denied: Denied;
  readonly strays: ReadonlySet<string>;
  readonly mayGoOn: () => boolean;
};

async function letInAll(
  deps: Deps,
  world: Lookups,
  role: Following,
  { answer, denied, strays, mayGoOn }: Letting,
): Promise<readonly Kept[]> {
  const { duties, nameless } = answer;
  const ledger = await deps.ledger();
  const wanted = await ledger.read((q, now) => whomToLetIn(q, now, role, answer, strays));
  const kept = nameless.map(
    ({ name, because }): Kept => ({
      ...{ role: role.name, email: name, outcome: 'failed', next: 'correct people: in the policy' },
      because: `${because}, and nobody's: people: gives whoever has this address another name there`,
    }),
  );
  await inParallel(duties, atOnce, async (duty) => {
    const { email, finding } = duty;
    const why = denied.get(email);
    const until = wanted.get(email);
    const about = { role: role.name, email };
    const out = why && { because: `${finding.because}, but ${why.because}`, ...(why.known ? {} : { outcome: 'later' as const }) };
    if (out || until === undefined || !mayGoOn()) {
      kept.push({ ...about, ...out });
      return;
    }
    const done = await letIn(deps, world, givenTo(role, duty, until, answer.askedAt));
    kept.push({ ...about, ...outcomeOf(done, { why: `${finding.because}; in until ${instant(until)}` }) });
  });
  return kept;
}

/** With the end that each is to have: whoever comes, and whoever has not all of the role. */
async function whomToLetIn(
  q: Queries,
  now: number,
  role: Following,
  answer: Answered,
  strays: ReadonlySet<string>,
): Promise<ReadonlyMap<string, number>> {
  const seen = await rotationNow(q, now, role, answer.duties, strays);
  if (isStale(answer, seen.kept, now)) return new Map();
  const { enter } = planRotation({ ...seen, isTried: false });
  return new Map([
    ...seen.lacking.map(({ email, expiresAt }) => [email, expiresAt] as const),
    ...enter.map(({ email, until }) => [email, until] as const),
  ]);
}

const givenTo = (role: Following, { email, finding }: OnDuty, until: number, askedAt: number): Given => ({
  ...{ origin: 'rotation', role, email, reason: finding.because, finding },
  ...{ asked: { untilMs: until }, until, askedAt },
  isRefused: isAway,
});

/** What was told of them holds as long as nobody can say who is on call. */
async function stillOutside(ledger: Ledger, { name }: Role): Promise<readonly Kept[]> {
  const told = await ledger.read((q) => q.toldOf(outsideTopic));
  return told.map(({ subject, what }) => ({ ...fromSubject(subject), because: what })).filter(({ role }) => role === name);
}

const tellOutside = (deps: Deps, kept: readonly Kept[]): Promise<readonly SweepStep[]> =>
  tellKept(deps, kept, {
    name: outsideTopic,
    isNamed: ({ role, email }) => kept.some((one) => one.role === role && one.email === email),
  });

/** The policy follows nothing there any more. What is due from here on is ended with everything else that is. */
async function endUnfollowed(deps: Deps, roles: readonly Following[]): Promise<void> {
  const ledger = await deps.ledger();
  const isOver = ({ role }: Pick<Request, 'role'>): boolean => !roles.some(({ name }) => name === role);
  const [requests, rotations] = await ledger.read(async (q) => [await q.openByPolicy('rotation'), await q.rotations()]);
  const over = { requests: requests.filter(isOver), rotations: rotations.filter(isOver) };
  if (over.requests.length + over.rotations.length === 0) return;
  await ledger.write(async (q, now) => {
    for (const request of over.requests) {
      await endGiven(q, now, request, { reason: 'revoked', because: `${request.role} no longer follows a rotation` });
    }
    for (const { role } of over.rotations) await q.forgetRotation(role);
  });
}
