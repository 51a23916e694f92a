/** Who stands in line and asks again: is told their place, takes what is offered, or is out of line because they may not have it any more. */

import { OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { isInLine } from '../lifecycle/line.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import { nameOf } from '../policy/iam-role.ts';
import type { Decided } from '../policy/incidents.ts';
import type { Decision, Role } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { exactlyAsked, stillOf } from './exactly-asked.ts';
import { leaveLine } from './line.ts';
import type { Lookups } from './lookups.ts';
import type { Pins } from './pins.ts';
import { denied } from './refusal.ts';
import type { Asking, Settled } from './request.ts';
import { earlierYes } from './said-yes.ts';
import type { RequestInput } from './types.ts';

/** What is taken, or waits for a yes, is what was waited for, unless more is said now; what was said yes to is what was asked for then, and no more of the role than that. */
export function asWaitedFor(asking: Asking, open: Request | undefined): Asking {
  if (open?.state !== 'pending' && !isInLine(open)) return asking;
  const { role, pins, input } = asking;
  const { reason: typed, ...wanted } = input;
  if (!isInLine(open) || open.approvals.length === 0 || (asking.stillYes ?? 0) < (role.quorum ?? 1)) {
    const reason = typed ?? open.reason;
    const asked = 'byDefault' in input.asked ? open.asked : input.asked;
    return { ...asking, input: { ...wanted, asked, ...(reason === undefined ? {} : { reason }) } };
  }
  const { incident: _incident, ...bare } = wanted;
  const targets = stillOf(open, role);
  const pinned = pins.pinned.filter(({ target }) => targets.some((one) => nameOf(one) === nameOf(target)));
  return {
    ...{ ...asking, yes: true, role: { ...role, targets }, pins: { ...pins, pinned } },
    input: {
      ...bare,
      asked: open.asked,
      ...(open.reason === undefined ? {} : { reason: open.reason }),
      ...(open.incident === undefined ? {} : { incident: open.incident }),
    },
  };
}

/**
 * Where approvers let them stand in line: how many of those may say yes today, to what it would be now. Who joined it by a rule has no approvals.
 * Throws where that cannot be found out; their place is kept meanwhile.
 */
export async function stillYes(deps: Deps, world: Lookups, role: Role, actor: Actor, pins: Pins): Promise<number | undefined> {
  const ledger = await deps.ledger();
  const open = await ledger.read((q) => q.openRequest(actor, role.name));
  if (!isInLine(open) || open.approvals.length === 0) return undefined;
  const digest = ledger.digest(exactlyAsked(open, role));
  const inside = pins.pinned.map(({ target }) => target);
  const found = await earlierYes(deps, world, role, { pending: open, digest, inside, at: ledger.now() });
  const sure = found.filter(({ counts }) => counts === true).length;
  const unknown = found.find(({ counts }) => counts === 'unknown');
  if (sure >= (role.quorum ?? 1) || unknown === undefined) return sure;
  throw new OncallError('undecided', `could not find out whether the yes of ${unknown.yes.by.email} still counts`, {
    why: `${unknown.because}; your place in line is kept`,
    next: `try again: oncall request ${role.name}`,
  });
}

/** What they said when they joined the line need not be said again: why, and which incident a yes was for. Looked at before anything is asked, and so only where there can be a line. */
export async function saidBefore(
  deps: Deps,
  actor: Actor,
  role: Role,
  { reason, incident, breakGlass }: RequestInput,
): Promise<Pick<RequestInput, 'reason' | 'incident'>> {
  const typed = { ...(reason === undefined ? {} : { reason }), ...(incident === undefined ? {} : { incident }) };
  if (role.maxHolders === undefined || breakGlass) return typed;
  const ledger = await deps.ledger();
  const open = await ledger.read((q) => q.openRequest(actor, role.name));
  if (!isInLine(open)) return typed;
  const why = reason ?? open.reason;
  const which = open.approvals.length > 0 ? open.incident : incident;
  return { ...(why === undefined ? {} : { reason: why }), ...(which === undefined ? {} : { incident: which }) };
}

export const tellPlace = ({ id }: Pick<Request, 'id'>, decision: Decision): Settled => ({
  requestId: id,
  activate: [],
  whole: 'held',
  decision,
});

/** `undefined`: they may have it as soon as there is a place. */
export async function settleInLine(
  q: Queries,
  now: number,
  { role, actor, yes, stillYes }: Asking,
  open: Request,
  { decision }: Decided,
): Promise<Settled | undefined> {
  if (decision.outcome === 'allow' || (decision.outcome === 'ask' && yes)) return undefined;
  // What could not be found out costs nobody their turn.
  if (decision.undecided) return open.state === 'queued' ? tellPlace(open, decision) : { refusal: keptOpen(role, open, decision) };
  // The last yes has come since anybody looked: they are told their place, and asked for nothing.
  if (decision.outcome === 'ask' && open.approvals.length > 0 && stillYes === undefined) return tellPlace(open, decision);
  if (decision.outcome === 'ask') return undefined;
  await leaveLine(q, now, role, open, decision);
  return { refusal: denied(role, actor.email, decision) };
}

function keptOpen(role: Role, { requester, pendingUntil = 0 }: Request, decision: Decision) {
  const refusal = denied(role, requester.email, decision);
  const next = `try again: oncall request ${role.name} (the place is kept for you until ${new Date(pendingUntil).toISOString()})`;
  return { ...refusal, error: { ...refusal.error, next } };
}
