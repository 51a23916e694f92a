/** `--wait`: looks at a pending request until somebody answered, nobody did in time, or patience ends. The request itself goes on in any case. */

import { OncallError } from '../errors.ts';
import type { Approval, GrantView, Request } from '../lifecycle/types.ts';
import type { RequestResult } from '../operations/types.ts';
import { formatDuration } from '../policy/duration.ts';
import { wrap } from '../terminal/text.ts';
import type { Context, Outcome } from './command.ts';
import { labelled } from './lines.ts';
import { deadline, pendingText } from './pending.ts';
import { byTarget, requestOutcome } from './request-outcome.ts';

const pollMs = 2_000;

export async function waitForDecision(pending: RequestResult, timeoutMs: number, context: Context): Promise<Outcome> {
  const { id } = pending.request;
  // Said at once: whatever happens to this process, the request can be found again.
  context.note(pendingText(pending.request, context));
  const operations = await context.operations();
  const giveUpAt = context.clock().now + timeoutMs;
  for (let result = pending; ; ) {
    const left = giveUpAt - context.clock().now;
    if (left <= 0) return unanswered(result, timeoutMs, context);
    await context.sleep(Math.min(pollMs, left));
    if (context.signal.aborted) throw stillPending(id);
    const status = await operations.status({ of: id });
    const request = status.requests.find((one) => one.id === id);
    if (request === undefined)
      throw new OncallError('no-request', `request ${id} is gone`, { why: 'the ledger has no such request any more' });
    result = { ...result, request, grants: status.grants.filter(({ requestId }) => requestId === id), decision: request.decision };
    const outcome = settled(result, context);
    if (outcome !== undefined) return outcome;
  }
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
