/** How a refusal is worded: what, why, and what to do next. */

import { OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { isInLine } from '../lifecycle/line.ts';
import type { GrantView, Request } from '../lifecycle/types.ts';
import { formatDuration } from '../policy/duration.ts';
import { toldTo } from '../policy/end.ts';
import { nameOf } from '../policy/iam-role.ts';
import { type Candidate, incidentName } from '../policy/incidents.ts';
import type { Decision, Finding, Role } from '../policy/types.ts';
import type { PlaceHolder } from './line-types.ts';
import { placeHolders } from './line-view.ts';
import type { Refusal } from './types.ts';

/** Whoever reads it has asked, or is told about somebody who has. */
type Reader = 'requester' | 'other';

/** For a decision that came out as deny. A source that could not be asked is exit 1 where its answer could have let the person in. */
export function denied(
  role: Role,
  email: string,
  decision: Decision,
  reader: Reader = 'requester',
  given?: Pick<Request, 'id' | 'origin'>,
): Refusal {
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
        : `${who} cannot have ${role.name}${given ? ' besides' : ' now'}: ${told?.because ?? noRule(role, who)}`,
      why: [
        given && `in already by the policy, as ${given.origin} (${given.id})`,
        told && reasonBehind(told),
        ...others.map((finding) => `${finding.because} (${finding.rule})`),
      ]
        .filter((part) => part !== undefined)
        .join('; '),
      next: [
        told?.change && stepTo(told.change, who),
        emergency(role, undecided),
        `every rule: oncall explain ${role.name}${reader === 'requester' ? '' : ` --user ${email}`}`,
      ]
        .filter((part) => part !== undefined)
        .join('; '),
    },
  };
}

/** Only where what could let them in does not answer: else it would be advice to get round a no. */
const emergency = (role: Role, undecided: boolean): string | undefined =>
  undecided && role.breakGlass !== undefined && role.allow !== role.breakGlass.when
    ? `in an emergency: oncall request ${role.name} --break-glass`
    : undefined;

const noRule = ({ follows }: Role, who: string): string =>
  follows === undefined ? `no rule lets ${who} in` : 'nobody asks for it: the sweep lets in whoever is on call';

/** Being somebody else is no step that anybody can take; asking later, or otherwise, is. */
const stepTo = (change: string, who: string): string =>
  toldTo(who === 'you', /^(no longer )?be /.test(change) ? `${who} would have to ${change}` : change);

/** `maria@acme.dev is (PagerDuty); rule db-admin.allow[0]` */
function reasonBehind({ rule, detail, source }: Finding): string {
  const from = source === undefined ? '' : ` (${source})`;
  return detail === undefined ? `rule ${rule}${from}` : `${detail}${from}; rule ${rule}`;
}

/** For a person with several live incidents, where access rests on one of them: it is to end with that one, and nobody can guess which. */
export function whichIncident(role: Role, email: string, several: readonly Candidate[], reader: Reader = 'requester'): OncallError {
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
  reader: Reader = 'requester',
): Refusal {
  const left = grants.map(({ target, lastError }) => {
    const why = lastError === undefined ? '' : ` (${lastError})`;
    return `${nameOf(target)} is not confirmed${why}`;
  });
  return {
    result: 'ending',
    role: role.name,
    requester: email,
    decision,
    exit: 8,
    error: {
      code: 'still-ending',
      message: `${role.name} of ${reader === 'requester' ? 'yours' : email} (${request.id}) is still being taken back: ${left.join(', ')}`,
      why: 'somebody has to say yes to it, and nobody is asked anew before what was given has ended',
      next: `ask again when oncall status ${request.id} shows it ended`,
    },
  };
}

/** `own`: the asker's, who stands in line already, or whose access is being taken back. */
type Taken = { readonly holders: readonly string[]; readonly before: number; readonly own?: Request | undefined; readonly reader?: Reader };

/** For a role whose places are all taken, or waited for. `holders`: ids of the requests that have them. */
export async function taken(
  q: Queries,
  now: number,
  role: Role,
  email: string,
  decision: Decision,
  { holders, before, own, reader = 'requester' }: Taken,
): Promise<Refusal> {
  const heldBy = await placeHolders(q, holders);
  const [they, them, their] = reader === 'requester' ? ['', 'you', 'your'] : ['they ', 'them', 'their'];
  const who = [
    ...heldBy.map((one) => placeText(one, now)),
    ...(before === 0 ? [] : [isInLine(own) ? `${before} before ${them} in line` : `${before} wait${before === 1 ? 's' : ''} in line`]),
  ];
  const rest = heldBy.find(({ offeredUntil }) => offeredUntil === undefined);
  const join = `${they}stand in line${own === undefined ? '' : `, once ${own.id} has ended`}: oncall request ${role.name} --queue (${whoIsBefore(before, heldBy, them)})`;
  const ask = rest === undefined || rest.ending ? [] : [`ask ${rest.holder} to run: oncall release ${role.name}`];
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
      why: `maxHolders ${role.maxHolders}; a place is free once its holder's removal is confirmed${before === 0 ? '' : ', and goes to whoever waits longest'}`,
      next: isInLine(own) ? `${they}wait for ${their} turn (${own.id}): oncall request ${role.name} --wait` : [join, ...ask].join(', or '),
    },
  };
}

/** Whoever is offered a place comes before everybody who waits, and may still leave it. */
function whoIsBefore(waiting: number, heldBy: readonly PlaceHolder[], them: string): string {
  const offered = heldBy.flatMap(({ holder, offeredUntil }) => (offeredUntil === undefined ? [] : [holder]));
  const first = `${waiting === 0 ? 'nobody' : waiting} before ${them}`;
  return offered.length === 0 ? first : `${first}${waiting === 0 ? ' but' : ', and'} ${offered.join(' and ')}, to whom a place is offered`;
}

function placeText({ holder, expiresAt, ending, offeredUntil }: PlaceHolder, now: number): string {
  if (offeredUntil !== undefined) return `it is offered to ${holder} for another ${formatDuration(Math.max(1000, offeredUntil - now))}`;
  if (ending || expiresAt === undefined) return `${holder}'s access is being taken back`;
  return `${holder} has it for another ${formatDuration(Math.max(1000, expiresAt - now))}`;
}
