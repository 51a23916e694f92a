/** The sweep's part in standing access: lets in whom a role names, keeps them in while it does, and ends it when it does no longer. */

import { isOncallError, isProviderError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { type Held, isAsSaid, type Named, planStanding, type StandingStep } from '../lifecycle/standing.ts';
import type { Request } from '../lifecycle/types.ts';
import { reviewDay, standingRule } from '../policy/standing.ts';
import { endGiven, type Given, letIn, outcomeOf, refusedSince, renew, whyDenied } from './by-policy.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';
import { ofOtherUsers, otherUserBecause } from './other-users.ts';
import { inParallel } from './parallel.ts';
import { type Kept, tellKept, tellReviews } from './standing-told.ts';
import type { SweepStep } from './types.ts';

type Ending = Extract<StandingStep, { action: 'end' }>;
type Keeping = Exclude<StandingStep, { action: 'end' }>;

/** With a policy that has faults nothing of it is touched: nobody knows whom it names. */
export async function keepStanding(deps: Deps, world: Lookups, mayGoOn: () => boolean): Promise<readonly SweepStep[]> {
  if (deps.policyFault !== undefined) return [];
  const plan = await planNow(deps);
  // As in most companies: one look is all that it costs.
  if (plan.length === 0 && !Object.values(deps.policy.roles).some(({ standing }) => standing)) return [];
  const kept: Kept[] = [];
  await inParallel(plan, 4, async (step) => {
    if (!mayGoOn()) return;
    if (step.action === 'end') await endIt(deps, step, whyEnds(step));
    else kept.push({ role: step.role.name, email: step.email, ...(await keepIn(deps, world, step).catch(failed)) });
  });
  return [...(await tellKept(deps, kept)), ...(await tellReviews(deps))];
}

/** What a run would do now. */
export async function standingPlan(deps: Deps, world: Lookups): Promise<readonly SweepStep[]> {
  if (deps.policyFault !== undefined) return [];
  const would = async (step: StandingStep): Promise<readonly SweepStep[]> => {
    const end = (request: Request, because: string): readonly SweepStep[] => [
      { action: 'end', outcome: 'planned', requestId: request.id, role: request.role, holder: request.requester.email, because },
    ];
    if (step.action === 'end') return end(step.request, whyEnds(step));
    const denied = await whyDenied(deps, world, step);
    if (denied) return denied.known && step.request ? end(step.request, denied.because) : [];
    if (step.action !== 'give' || (await whyNotAgain(deps, step))) return [];
    return [{ action: 'give', outcome: 'planned', role: step.role.name, holder: step.email, because: step.why }];
  };
  return (await Promise.all((await planNow(deps)).map(would))).flat();
}

async function planNow(deps: Deps): Promise<readonly StandingStep[]> {
  const ledger = await deps.ledger();
  const { roles, blocked } = deps.policy;
  return ledger.read(async (q, now) => planStanding({ roles: Object.values(roles), blocked, held: await heldBy(q), now }));
}

async function heldBy(q: Queries): Promise<readonly Held[]> {
  const open = await q.openByPolicy('standing');
  return Promise.all(
    open.map(async (request) => ({
      request,
      grants: (await q.grantsOfRequest(request.id)).filter(({ state }) => state === 'active' || state === 'activating'),
    })),
  );
}

function whyEnds({ because, request: { role, asked } }: Ending): string {
  if (because === 'not-a-target') return `${role} no longer has this group`;
  if (because === 'not-named') return `no longer named under ${standingRule(role)}`;
  return `the review of ${'untilMs' in asked ? reviewDay(asked.untilMs) : role} was missed`;
}

/** What is due from here on is ended, and told, with everything else that is. */
async function endIt(deps: Deps, { request, because: kind, only }: Pick<Ending, 'request' | 'because' | 'only'>, because: string) {
  const ledger = await deps.ledger();
  const reason = kind === 'review-missed' ? 'expired' : 'revoked';
  await ledger.write((q, now) => endGiven(q, now, request, { reason, because }, only));
}

async function keepIn(deps: Deps, world: Lookups, step: Keeping): Promise<Omit<Kept, 'role' | 'email'>> {
  const denied = await whyDenied(deps, world, step);
  if (denied?.known && step.request) await endIt(deps, { request: step.request, because: 'not-named' }, denied.because);
  // What cannot be found out ends nothing; it moves no end either.
  if (denied) return { because: denied.because, ...(denied.known ? {} : { outcome: 'later' }) };
  if (step.action === 'keep') return {};
  if (step.action === 'give') return (await whyNotAgain(deps, step)) ?? outcomeOf(await letIn(deps, world, givenTo(step)), step);
  const ledger = await deps.ledger();
  const { others: only, isUnsure } = await ofOtherUsers(deps, world, step.request);
  if (only.length > 0) {
    await endIt(deps, { request: step.request, because: 'not-a-target', only }, otherUserBecause(step.email));
    return {
      because: 'was let in as another user than the one that the name leads to now; the next run lets that one in',
      outcome: 'later',
    };
  }
  if (isUnsure) return { because: `nobody can say to which user ${step.email} leads now, so the end is not moved on`, outcome: 'later' };
  await ledger.write(async (q, now) => {
    const request = await q.request(step.request.id);
    if (request?.version === step.request.version) await renew(deps, q, now, request, givenTo(step));
  });
  return {};
}

/** Each on its own: what one meets keeps nobody else in or out. */
function failed(error: unknown): Pick<Kept, 'because' | 'outcome'> {
  if (!isOncallError(error) && !isProviderError(error)) throw error;
  return { because: error.message, outcome: 'failed' };
}

export function givenTo({ role, email, why, reviewAt, until }: Named): Given {
  const because = `named under standing, to be reviewed by ${reviewDay(reviewAt)}: ${why}`;
  const finding = { rule: standingRule(role.name), because };
  const isRefused = (last: Request): boolean => refusedSince(last) !== undefined && isAsSaid({ why, reviewAt }, last);
  const ifMissed = role.standing?.ifMissed ?? 'alert';
  return { origin: 'standing', role, email, reason: why, finding, asked: { untilMs: reviewAt }, ifMissed, until, isRefused };
}

/** A target that could not be given is not asked for at every run. */
const againAfterMs = 3_600_000;

/** What the policy says is said already, and somebody said no to it; or it was tried a moment ago. */
async function whyNotAgain(deps: Deps, named: Named): Promise<Omit<Kept, 'role' | 'email'> | undefined> {
  const ledger = await deps.ledger();
  const { email, role } = named;
  return ledger.read(async (q, now) => {
    const last = await q.lastByPolicy(email, role.name, 'standing');
    if (last === undefined) return undefined;
    const no = refusedSince(last);
    if (no && isAsSaid(named, last)) {
      const how = no.by.email === email ? 'given back' : `taken away by ${no.by.email}`;
      return { because: `${how}, and not given again before its reason or its review changes in the policy` };
    }
    const failed = (await q.grantsOfRequest(last.id)).filter(({ endReason }) => endReason === 'failed').at(-1);
    if (failed === undefined || now - failed.createdAt >= againAfterMs) return undefined;
    return { because: failed.lastError ?? 'it could not be given', outcome: 'later' };
  });
}
