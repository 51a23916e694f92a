/** `--wait`: follows a request that is pending or in line until somebody answered or a place was offered, which is taken at once, or patience ends. The request itself goes on in any case. */

import { isOncallError, OncallError } from '../errors.ts';
import type { Approval, GrantView, Request, RequestState } from '../lifecycle/types.ts';
import type { Refusal, RequestResult } from '../operations/types.ts';
import { formatDuration } from '../policy/duration.ts';
import { wrap } from '../terminal/text.ts';
import type { Context, Outcome } from './command.ts';
import { lineText } from './line.ts';
import { labelled } from './lines.ts';
import { deadline, pendingText } from './pending.ts';
import { byTarget, isRefusal, requestOutcome } from './request-outcome.ts';

/** How long one look lasts; below what stands between here and a broker lets a call last. */
const lookMs = 25_000;
/** After an answer that came sooner than a look lasts: whatever answers, it is not asked without end. */
const pauseMs = { changed: 250, same: 2_000 };

export type Waits = Extract<RequestState, 'pending' | 'queued' | 'offered'>;

export const waits = (state: string): state is Waits => state === 'pending' || state === 'queued' || state === 'offered';

/** `again`: the same command, which takes what is offered. */
export async function waitForIt(
  first: RequestResult,
  timeoutMs: number,
  context: Context,
  again: () => Promise<RequestResult | Refusal>,
): Promise<Outcome> {
  tellFirst(first, timeoutMs, context);
  const { follow } = await context.operations();
  const patient = patience(context);
  const giveUpAt = context.clock().now + timeoutMs;
  let result = first;
  let { version } = first.request;
  for (;;) {
    const { id, state } = result.request;
    if (state === 'offered') {
      const taken = await patient(again);
      if (context.signal.aborted) throw stillWaits(result.request);
      const isOpen = taken !== undefined && isRefusal(taken) && taken.result === 'undecided';
      if (isOpen) context.note(`${taken.error.message}; trying again while the place is kept`);
      else if (taken !== undefined && (isRefusal(taken) || !waits(taken.result))) return requestOutcome(taken, context);
    }
    const askedAt = context.clock().now;
    if (askedAt >= giveUpAt) return unanswered(result, timeoutMs, context);
    const seen = await patient(() => follow({ id, version, forMs: Math.min(lookMs, giveUpAt - askedAt) }));
    if (context.signal.aborted) throw stillWaits(result.request);
    if (seen !== undefined) {
      const { request, grants } = seen;
      const outcome = settled({ ...result, request, grants, decision: request.decision }, result.request.state, context);
      if (outcome !== undefined) return outcome;
      if (state === 'pending' && request.state === 'queued') context.note(`${id}  ${request.role}: approved, and in line for a place`);
      if (waits(request.state)) result = { ...result, request, grants, decision: request.decision };
    }
    const now = context.clock().now;
    const pause = seen === undefined || seen.version === version ? pauseMs.same : pauseMs.changed;
    if (seen === undefined || now - askedAt < 1_000) await context.sleep(Math.max(0, Math.min(pause, giveUpAt - now)));
    if (context.signal.aborted) throw stillWaits(result.request);
    version = seen?.version ?? version;
  }
}

/** Said at once: whatever happens to this process, the request can be found again. */
function tellFirst(first: RequestResult, timeoutMs: number, context: Context): void {
  const isPending = first.request.state === 'pending';
  context.note(isPending ? pendingText(first.request, context) : lineText(first, context, 'requester'));
  // Nothing of it is under way here any more: an interrupt ends the waiting alone.
  context.tellsItsStop();
  const what = isPending ? 'an answer' : 'your turn';
  const after = isPending ? 'not the request' : 'and you stay in line';
  context.note(`waiting for ${what}, ${formatDuration(timeoutMs)} at most; Ctrl-C stops the waiting, ${after}`);
}

/** What passes while a broker or its database is started anew; somebody may still say yes meanwhile. */
const passing: ReadonlySet<string> = new Set([
  ...['broker-unreachable', 'broker-lost', 'broker-unavailable', 'broker-busy', 'broker-stopping'],
  ...['ledger-unreachable', 'ledger-busy'],
]);

/** Asks; `undefined` where there was no answer now, which is said the first time. */
function patience(context: Context): <T>(ask: () => Promise<T>) => Promise<T | undefined> {
  let isTold = false;
  return async (ask) => {
    try {
      const seen = await ask();
      if (isTold) context.note('there is an answer again');
      isTold = false;
      return seen;
    } catch (error) {
      if (context.signal.aborted) return undefined;
      if (!isOncallError(error) || !passing.has(error.code)) throw error;
      if (!isTold) context.note(`${error.message}; still waiting`);
      isTold = true;
      return undefined;
    }
  };
}

/** What it waits for was said when the waiting began. */
function unanswered({ request, grants, decision }: RequestResult, timeoutMs: number, context: Context): Outcome {
  const { id, role, state } = request;
  const isPending = state === 'pending';
  const what = isPending ? 'no answer' : 'not your turn';
  const still = isPending ? `it still waits${deadline(request, context)}` : 'you are still in line';
  const text = [
    wrap(`${id}  ${role}: ${what} in ${formatDuration(timeoutMs)}; ${still}`, context.screen.width, 8),
    ...labelled('next', [`see it: oncall status ${id}`, `take it back: oncall release ${id}`], context),
  ].join('\n');
  return { exit: 8, document: { request, grants, decision }, text, brief: id };
}

/** `before`: as it was last seen to wait. */
function settled(result: RequestResult, before: RequestState, context: Context): Outcome | undefined {
  const { request, grants } = result;
  const { state } = request;
  if (waits(state)) return undefined;
  if (state === 'approved') {
    if (grants.length < request.targets.length || grants.some((grant) => grant.state === 'activating')) return undefined;
    return requestOutcome({ ...result, result: resultOf(request, grants) }, context);
  }
  const error = (before === 'pending' ? ended : outOfLine(before))[state](request);
  return { exit: state === 'denied' ? 3 : 1, document: { request, grants, decision: request.decision, error }, text: '', error };
}

function resultOf(request: Request, grants: readonly GrantView[]): RequestResult['result'] {
  const { active, missing } = byTarget(request, grants);
  return missing.length === 0 ? 'granted' : active.length === 0 ? 'failed' : 'partial';
}

const saidNo = (id: string, last: Approval | undefined): string =>
  `${last?.by.email ?? 'an approver'} said no to request ${id}${last?.reason === undefined ? '' : `: ${last.reason}`}`;

type Told = { readonly code: string; readonly message: string; readonly why: string; readonly next: string };
type Ended = Readonly<Record<'denied' | 'withdrawn' | 'expired', (request: Request) => Told>>;

const ended: Ended = {
  denied: ({ id, role, approvals }) => ({
    code: 'denied-by-approver',
    message: `${role} was denied`,
    why: saidNo(id, approvals.at(-1)),
    next: `ask them; what else would give it: oncall explain ${role}`,
  }),
  withdrawn: ({ id, role }) => ({
    code: 'withdrawn',
    message: `request ${id} was withdrawn`,
    why: 'you took it back, or asked for it otherwise, from another terminal',
    next: `oncall request ${role}`,
  }),
  expired: ({ id, role }) => ({
    code: 'nobody-answered',
    message: `nobody answered request ${id} in time`,
    why: 'a request waits only as long as the policy says',
    next: `ask an approver directly, then: oncall request ${role} --wait`,
  }),
};

const outOfLine = (before: RequestState): Ended => ({
  denied: ({ id, role }) => ({
    code: 'out-of-line',
    message: `request ${id} is out of line for ${role}`,
    why: 'somebody who may revoke it took it out, or the policy no longer gives it to you',
    next: `oncall status ${id}; what would give it: oncall explain ${role}`,
  }),
  withdrawn: ended.withdrawn,
  expired: ({ id, role }) => ({
    code: before === 'offered' ? 'offer-lapsed' : 'line-lapsed',
    message: before === 'offered' ? `the place for ${id} was not taken in time` : `request ${id} stood in line for a day`,
    why: before === 'offered' ? 'it was kept as long as the policy says, and goes to the next' : 'nobody stands in line for longer',
    next: `stand in line again: oncall request ${role} --queue --wait`,
  }),
});

function stillWaits({ id, state }: Request): OncallError {
  const isPending = state === 'pending';
  return new OncallError('interrupted', `stopped waiting; request ${id} is still ${isPending ? 'pending' : 'in line'}`, {
    exit: 130,
    why: `interrupted; ${isPending ? 'an approver can still say yes to it' : 'a place will be offered to it in its turn'}`,
    next: `oncall status ${id}, or take it back: oncall release ${id}`,
  });
}
