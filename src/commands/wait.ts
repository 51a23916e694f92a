/** `--wait`: follows a pending request until somebody answered, nobody did in time, or patience ends. The request itself goes on in any case. */

import { isOncallError, OncallError } from '../errors.ts';
import type { Approval, GrantView, Request } from '../lifecycle/types.ts';
import type { FollowInput, FollowResult, Operations, RequestResult } from '../operations/types.ts';
import { formatDuration } from '../policy/duration.ts';
import { wrap } from '../terminal/text.ts';
import type { Context, Outcome } from './command.ts';
import { labelled } from './lines.ts';
import { deadline, pendingText } from './pending.ts';
import { byTarget, requestOutcome } from './request-outcome.ts';

/** How long one look lasts; below what stands between here and a broker lets a call last. */
const lookMs = 25_000;
/** After an answer that came sooner than a look lasts: whatever answers, it is not asked without end. */
const pauseMs = { changed: 250, same: 2_000 };

export async function waitForDecision(pending: RequestResult, timeoutMs: number, context: Context): Promise<Outcome> {
  const { id } = pending.request;
  // Said at once: whatever happens to this process, the request can be found again.
  context.note(pendingText(pending.request, context));
  // Nothing of it is under way here any more: an interrupt ends the waiting alone.
  context.tellsItsStop();
  context.note(`waiting for an answer, ${formatDuration(timeoutMs)} at most; Ctrl-C stops the waiting, not the request`);
  const follow = patient(await context.operations(), context);
  const giveUpAt = context.clock().now + timeoutMs;
  let { version } = pending.request;
  for (let result = pending; ; ) {
    const askedAt = context.clock().now;
    if (askedAt >= giveUpAt) return unanswered(result, timeoutMs, context);
    const seen = await follow({ id, version, forMs: Math.min(lookMs, giveUpAt - askedAt) });
    if (context.signal.aborted) throw stillPending(id);
    if (seen !== undefined) {
      const { request, grants } = seen;
      result = { ...result, request, grants, decision: request.decision };
      const outcome = settled(result, context);
      if (outcome !== undefined) return outcome;
    }
    const now = context.clock().now;
    const pause = seen === undefined || seen.version === version ? pauseMs.same : pauseMs.changed;
    if (seen === undefined || now - askedAt < 1_000) await context.sleep(Math.max(0, Math.min(pause, giveUpAt - now)));
    if (context.signal.aborted) throw stillPending(id);
    version = seen?.version ?? version;
  }
}

/** What passes while a broker or its database is started anew; somebody may still say yes meanwhile. */
const passing: ReadonlySet<string> = new Set([
  ...['broker-unreachable', 'broker-lost', 'broker-unavailable', 'broker-busy', 'broker-stopping'],
  ...['ledger-unreachable', 'ledger-busy'],
]);

/** `undefined` where there was no answer now, which is said the first time. */
function patient(operations: Operations, context: Context): (input: FollowInput) => Promise<FollowResult | undefined> {
  let isTold = false;
  return async (input) => {
    try {
      const seen = await operations.follow(input);
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
  const { id, role } = request;
  const text = [
    wrap(`${id}  ${role}: no answer in ${formatDuration(timeoutMs)}; it still waits${deadline(request, context)}`, context.screen.width, 8),
    ...labelled('next', [`see it: oncall status ${id}`, `take it back: oncall release ${id}`], context),
  ].join('\n');
  return { exit: 8, document: { request, grants, decision }, text, brief: id };
}

function settled(result: RequestResult, context: Context): Outcome | undefined {
  const { request, grants } = result;
  if (request.state === 'pending') return undefined;
  if (request.state === 'approved') {
    if (grants.length < request.targets.length || grants.some(({ state }) => state === 'activating')) return undefined;
    return requestOutcome({ ...result, result: resultOf(request, grants) }, context);
  }
  const error = ended[request.state](request);
  return { exit: request.state === 'denied' ? 3 : 1, document: { request, grants, decision: request.decision, error }, text: '', error };
}

function resultOf(request: Request, grants: readonly GrantView[]): RequestResult['result'] {
  const { active, missing } = byTarget(request, grants);
  return missing.length === 0 ? 'granted' : active.length === 0 ? 'failed' : 'partial';
}

const saidNo = (id: string, last: Approval | undefined): string =>
  `${last?.by.email ?? 'an approver'} said no to request ${id}${last?.reason === undefined ? '' : `: ${last.reason}`}`;

const ended: Record<
  'denied' | 'withdrawn' | 'expired',
  (request: Request) => { code: string; message: string; why: string; next: string }
> = {
  denied: ({ id, role, approvals }) => ({
    code: 'denied-by-approver',
    message: `${role} was denied`,
    why: saidNo(id, approvals.at(-1)),
    next: `ask them; what else would give it: oncall explain ${role}`,
  }),
  withdrawn: ({ id, role }) => ({
    code: 'withdrawn',
    message: `request ${id} was withdrawn`,
    why: 'you took it back from another terminal',
    next: `oncall request ${role}`,
  }),
  expired: ({ id, role }) => ({
    code: 'nobody-answered',
    message: `nobody answered request ${id} in time`,
    why: 'a request waits only as long as the policy says',
    next: `ask an approver directly, then: oncall request ${role} --wait`,
  }),
};

function stillPending(id: string) {
  return new OncallError('interrupted', `stopped waiting; request ${id} is still pending`, {
    exit: 130,
    why: 'interrupted; an approver can still say yes to it',
    next: `oncall status ${id}, or take it back: oncall release ${id}`,
  });
}
