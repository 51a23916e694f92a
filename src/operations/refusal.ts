/** How a refusal is worded: what, why, and what to do next. */

import { OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { GrantView, Request } from '../lifecycle/types.ts';
import { formatDuration } from '../policy/duration.ts';
import { type Candidate, incidentName } from '../policy/incidents.ts';
import type { Decision, Finding, Role } from '../policy/types.ts';
import type { Refusal } from './types.ts';

/** For a decision that came out as deny. A source that could not be asked is exit 1 where its answer could have let the person in. */
export function denied(role: Role, email: string, decision: Decision, reader: 'requester' | 'approver' = 'requester'): Refusal {
  const who = reader === 'requester' ? 'you' : email;
  const denying = decision.findings.find((finding) => finding.effect === 'deny' && finding.holds !== false);
  const open = decision.findings.filter((finding) => finding.effect === 'allow' || finding.effect === 'ask');
  const unknown = open.find((finding) => finding.holds === 'unknown');
  const told = denying ?? (decision.undecided ? unknown : undefined) ?? open[0] ?? decision.findings[0];
  const undecided = decision.undecided && denying?.holds !== true;
  const others = open.filter((finding) => finding !== told);
  return {
    result: undecided ? 'undecided' : 'denied',
    role: role.name,
    requester: email,
    decision,
    exit: undecided ? 1 : 3,
    error: {
      code: undecided ? 'undecided' : 'denied',
      message: undecided
        ? `could not decide whether ${who} may have ${role.name}: ${told?.because ?? 'a source did not answer'}`
        : `${who} cannot have ${role.name} now: ${told?.because ?? 'no rule lets you'}`,
      why: [told && reasonBehind(told), ...others.map((finding) => `${finding.because} (${finding.rule})`)]
        .filter((part) => part !== undefined)
        .join('; '),
      next: [told?.change && stepTo(told.change), `every rule: oncall explain ${role.name}`]
        .filter((part) => part !== undefined)
        .join('; '),
    },
  };
}

/** Being somebody else is no step that anybody can take; asking later, or otherwise, is. */
const stepTo = (change: string): string => (/^(no longer )?be /.test(change) ? `you would have to ${change}` : change);

/** `maria@acme.dev is (PagerDuty); rule db-admin.allow[0]` */
function reasonBehind({ rule, detail, source }: Finding): string {
  const from = source === undefined ? '' : ` (${source})`;
  return detail === undefined ? `rule ${rule}${from}` : `${detail}${from}; rule ${rule}`;
}

/** For a person with several live incidents, where access rests on one of them: it is to end with that one, and nobody can guess which. */
export function whichIncident(
  role: Role,
  email: string,
  several: readonly Candidate[],
  reader: 'requester' | 'other' = 'requester',
): OncallError {
  const named = several.slice(0, mostListed).map(({ title, ...incident }) => {
    const name = incidentName(role, incident);
    return title === undefined ? name : `${name}  ${title}`;
  });
  const more = several.length > mostListed ? [`and ${several.length - mostListed} more`] : [];
  const [first] = several;
  const who = reader === 'requester' ? 'you have' : `${email} has`;
  const example = first === undefined ? 'REF' : incidentName(role, first);
  return new OncallError('which-incident', `${who} ${several.length} live incidents that count for ${role.name}`, {
    exit: 2,
    why: [...named, ...more].join('\n'),
    next: `say which it is for, as it ends with that one: oncall request ${role.name} --incident ${example}`,
  });
}

const mostListed = 10;

/** Why what is missing of a role that is held was not tried again. */
export function notTried(role: Role, email: string, decision: Decision): { readonly message: string; readonly next: string } {
  if (decision.outcome === 'deny') {
    const { message, next } = denied(role, email, decision).error;
    return { message, next };
  }
  const unknown = decision.undecided ? decision.findings.find(({ holds }) => holds === 'unknown') : undefined;
  return {
    message: `not tried: ${unknown === undefined ? '' : `${unknown.because}, so `}it needs a new yes`,
    next: [unknown?.change, `nobody is asked for it before this has ended, or: oncall release ${role.name}`]
      .filter((part) => part !== undefined)
      .join('; '),
  };
}

/** For a role that takes a new yes while what was given before is being taken back: `grants` are what is left of it. */
export function stillEnding(
  role: Role,
  email: string,
  decision: Decision,
  { request, grants }: { readonly request: Request; readonly grants: readonly GrantView[] },
): Refusal {
  const left = grants.map(({ target, lastError }) => {
    const why = lastError === undefined ? '' : ` (${lastError})`;
    return `${target.directory}/${target.group} is not confirmed${why}`;
  });
  return {
    result: 'ending',
    role: role.name,
    requester: email,
    decision,
    exit: 8,
    error: {
      code: 'still-ending',
      message: `${role.name} of yours (${request.id}) is still being taken back: ${left.join(', ')}`,
      why: 'somebody has to say yes to it, and nobody is asked anew before what was given has ended',
      next: `ask again when oncall status ${request.id} shows it ended`,
    },
  };
}

/** For a role whose places are all taken. `holders`: ids of the requests that have them. */
export async function taken(
  q: Queries,
  now: number,
  role: Role,
  email: string,
  decision: Decision,
  holders: readonly string[],
): Promise<Refusal> {
  const heldBy = await Promise.all(
    holders.map(async (id) => {
      const request = await q.request(id);
      const live = (await q.grantsOfRequest(id)).filter((grant) => grant.state === 'activating' || grant.state === 'active');
      const { expiresAt } = request ?? {};
      return { holder: request?.requester.email ?? '?', ...(expiresAt === undefined ? {} : { expiresAt }), ending: live.length === 0 };
    }),
  );
  const who = heldBy.map(({ holder, expiresAt, ending }) =>
    ending || expiresAt === undefined
      ? `${holder}'s access is being taken back`
      : `${holder} has it for another ${formatDuration(Math.max(1000, expiresAt - now))}`,
  );
  return {
    result: 'taken',
    role: role.name,
    requester: email,
    decision,
    exit: 8,
    heldBy,
    error: {
      code: 'taken',
      message: `${role.name} has ${role.maxHolders === 1 ? 'one place' : `${role.maxHolders} places`}: ${who.join(', ')}`,
      why: `maxHolders ${role.maxHolders}; a place is free once its holder's removal is confirmed`,
      next: `ask again then, or ask ${heldBy[0]?.holder ?? 'the holder'} to run: oncall release ${role.name}`,
    },
  };
}
