/** `explain`: the decision that `request` would make now, with every finding; grants nothing and records nothing. `roles`: what there is to ask for. */

import { isOncallError, OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { isInLine } from '../lifecycle/line.ts';
import type { Actor } from '../lifecycle/types.ts';
import { describeCondition } from '../policy/conditions.ts';
import { formatDuration, ttlText } from '../policy/duration.ts';
import { type Candidate, decideFor, incidentName } from '../policy/incidents.ts';
import { clientOf } from '../policy/machine.ts';
import { canonicalName } from '../policy/params.ts';
import { reviewDay } from '../policy/standing.ts';
import type { Decision, Role, Rule, Target } from '../policy/types.ts';
import { readNow } from './anchor.ts';
import type { Deps } from './deps.ts';
import { explainStanding } from './explain-standing.ts';
import { explainThen } from './explain-then.ts';
import { gatherRoleFacts } from './facts.ts';
import { requireSweep } from './gate.ts';
import { freePlace } from './intent.ts';
import { askSessions } from './late-sessions.ts';
import { waitingFor, whyNotMoved } from './line-view.ts';
import { lookups } from './lookups.ts';
import { roleNamed } from './names.ts';
import { stillEnding, taken, whichIncident } from './refusal.ts';
import { type Before, before } from './repeat.ts';
import { requireRevoker } from './rights.ts';
import type { ExplainInput, ExplainResult, Refusal, RoleView } from './types.ts';

export async function explain(deps: Deps, input: ExplainInput): Promise<ExplainResult> {
  if (Object.hasOwn(deps.policy.roles, canonicalName(input.role))) return explainNow(deps, input);
  if (input.user === undefined) return explainThen(deps, input.role);
  throw new OncallError('usage', `${input.role} is no role, and only of a role can be said what somebody would get`, {
    exit: 2,
    next: `oncall explain ROLE --user ${input.user}, or oncall explain ${input.role}`,
  });
}

async function explainNow(deps: Deps, input: ExplainInput): Promise<ExplainResult> {
  const role = roleNamed(deps.policy, input.role);
  const actor = await deps.actor();
  const email = await whom(deps, actor, role, input.user);
  const about = {
    ...{ email, at: deps.now() },
    ...(input.incident === undefined ? {} : { incident: input.incident }),
    ...(input.soon === undefined ? {} : { soon: input.soon }),
  };
  const reader = email === actor.email ? 'requester' : 'other';
  const world = lookups(deps);
  const [facts, sessions, rotation] = await Promise.all([
    gatherRoleFacts(deps, world, role, about),
    askSessions(world, role.targets),
    role.follows && import('./explain-rotation.ts').then(({ explainRotation }) => explainRotation(deps, world, role, email)),
  ]);
  const ledger = await deps.ledger();
  const still = { ...deps, anchor: readNow(deps.anchor) };
  return ledger.read(async (q, now) => {
    const person = email === actor.email ? actor : await whoAsked(q, email, role.name);
    const had: Before = person === undefined ? { standing: [] } : await before(q, person, role.name);
    const held = heldOf(role, had);
    const startedAt = held && had.open?.startsAt;
    const { decision, several } = decideFor(
      {
        ...{ role, policy: deps.policy, email, client: person && clientOf(person), asked: input.asked, now, facts },
        ...(startedAt === undefined ? {} : { startedAt }),
      },
      {
        ...(input.incident === undefined ? {} : { named: input.incident }),
        ...(had.open?.incident === undefined ? {} : { before: had.open.incident }),
      },
    );
    const standing = await explainStanding(q, now, role, email);
    const exit = held ? exitOfHeld(decision, held) : exitOf(decision);
    const refused = several
      ? { error: toError(whichIncident(role, email, several, reader)), exit: 2 as const }
      : await refusedAllTheSame(still, q, now, { role, decision, had, email, exit, reader });
    return {
      ...{ role: role.name, requester: email, decision, targets: role.targets, ...sessions, exit: refused?.exit ?? exit },
      ...(email !== actor.email && { ofOther: true as const }),
      ...(refused && { refusal: refused.error }),
      ...(several && { incidents: several.map((one) => toChoice(role, one)) }),
      ...(held && { held }),
      ...(rotation && { rotation }),
      ...(standing && { standing }),
    };
  });
}

/** What the sources say about somebody else is for those who may decide about them. */
async function whom(deps: Deps, actor: Actor, role: Role, user: string | undefined): Promise<string> {
  const email = (user ?? actor.email).toLowerCase();
  if (email === actor.email) return email;
  if (!email.includes('@')) {
    throw new OncallError('usage', `${user} is no e-mail address`, { exit: 2, next: 'name them by the e-mail that they sign in with' });
  }
  await requireRevoker(deps, actor, role, `see what others would get of ${role.name}`, `ask an admin, or an approver of ${role.name}`);
  return email;
}

/** As they signed in for what they have or wait for. */
async function whoAsked(q: Queries, email: string, role: string): Promise<Actor | undefined> {
  return (await q.openRequests()).find((one) => one.origin === 'asked' && one.role === role && one.requester.email === email)?.requester;
}

function heldOf(role: Role, { open, standing }: Before): ExplainResult['held'] {
  if (open?.expiresAt === undefined || standing.length === 0) return undefined;
  const isIn = ({ directory, group }: Target) => standing.some(({ target }) => target.directory === directory && target.group === group);
  return { id: open.id, expiresAt: open.expiresAt, missing: role.targets.filter((target) => !isIn(target)) };
}

const toChoice = (role: Role, { title, ...incident }: Candidate) => ({
  ref: incidentName(role, incident),
  ...(title === undefined ? {} : { title }),
});

/** What is held is kept, whatever the rules say now. */
const exitOfHeld = ({ outcome }: Decision, { missing }: NonNullable<ExplainResult['held']>) =>
  missing.length === 0 || outcome === 'allow' ? 0 : 1;

type Explained = {
  readonly role: Role;
  readonly decision: Decision;
  readonly had: Before;
  readonly email: string;
  readonly exit: ExplainResult['exit'];
  readonly reader: 'requester' | 'other';
};

type Refused = Pick<Refusal, 'error'> & Pick<ExplainResult, 'exit'>;

/** The rules let the person in, or let them ask; the sweep may be late, the places taken, or what they had not yet ended. */
async function refusedAllTheSame(
  deps: Deps,
  q: Queries,
  now: number,
  { role, decision, had: { open, standing, ending }, email, exit, reader }: Explained,
): Promise<Refused | undefined> {
  if (ending && decision.outcome === 'ask') return stillEnding(role, email, decision, ending, reader);
  const later = (decision.expiresAt ?? 0) > (open?.expiresAt ?? 0);
  const changes = standing.length === 0 || standing.length < role.targets.length || later;
  if (exit !== 0 || decision.outcome !== 'allow' || !changes) return undefined;
  try {
    await requireSweep(deps, q, now, role.targets, false);
  } catch (error) {
    if (!isOncallError(error)) throw error;
    return { error: toError(error), exit: 1 };
  }
  if (standing.length > 0) return later ? othersWait(q, role, reader) : undefined;
  const place = await freePlace(q, role, { email, id: open?.id });
  if (place === undefined || !('holders' in place)) return undefined;
  return taken(q, now, role, email, decision, { ...place, own: isInLine(open) ? open : ending?.request, reader });
}

/** Asked again by whoever has it: its end would move, if nobody waited for it. */
async function othersWait(q: Queries, role: Role, reader: Explained['reader']): Promise<Refused | undefined> {
  const many = role.maxHolders === undefined ? 0 : (await waitingFor(q, role.name)).length;
  if (many === 0) return undefined;
  const back = reader === 'requester' ? 'give it back when you are done' : 'they give it back when they are done';
  const next = `${back}: oncall release ${role.name}`;
  return { error: { code: 'others-wait', message: whyNotMoved(many), why: `maxHolders ${role.maxHolders}`, next }, exit: 0 };
}

/** In one line: as part of a result it is shown among others. */
const toError = ({ code, message, why = '', next = '' }: OncallError): Refusal['error'] => ({
  ...{ code, message, next },
  why: why.replaceAll('\n', '; '),
});

function exitOf({ outcome, undecided, findings }: Decision): ExplainResult['exit'] {
  if (outcome !== 'deny') return outcome === 'allow' ? 0 : 8;
  return undecided && !findings.some((finding) => finding.effect === 'deny' && finding.holds === true) ? 1 : 3;
}

export async function roles(deps: Deps): Promise<readonly RoleView[]> {
  return Object.values(deps.policy.roles).map((role) => ({
    name: role.name,
    ...(role.family === undefined ? {} : { family: role.family }),
    ...(role.description === undefined ? {} : { description: role.description }),
    targets: role.targets,
    ttl: role.ttl,
    ...(role.maxHolders === undefined ? {} : { maxHolders: role.maxHolders }),
    ...(role.endsSessionsIn === undefined ? {} : { endsSessionsIn: role.endsSessionsIn }),
    ...reasonOf(role),
    ...((role.quorum ?? 1) === 1 ? {} : { quorum: role.quorum }),
    rules: [
      ...lines('deny', role.deny),
      ...lines('allow', role.allow),
      ...lines('follows', role.follows ? [role.follows.rule] : []),
      ...standingLines(role),
      ...lines('ask', role.ask),
      ...lines('approver', role.approvers),
      ...breakGlassLines(role),
    ],
  }));
}

const reasonOf = ({ reason, ask }: Role): Pick<RoleView, 'reason'> =>
  reason === 'required' || (reason === 'when-asked' && ask.length > 0) ? { reason } : {};

function breakGlassLines({ breakGlass }: Role): readonly string[] {
  if (breakGlass === undefined) return [];
  const { when, ttl, review } = breakGlass;
  return [
    ...lines('break-glass', when).map((line) => `${line} (for ${ttlText(ttl)})`),
    ...lines('reviewed by', review.by).map((line) => `${line} (within ${formatDuration(review.withinMs)})`),
  ];
}

const standingLines = ({ standing }: Role): readonly string[] =>
  standing === undefined
    ? []
    : [...standing.people.map(({ email, why }) => `standing: ${email} (${why})`), `review: ${reviewDay(standing.reviewAt)}`];

const lines = (effect: string, rules: readonly Rule[]): readonly string[] =>
  rules.map((rule) => `${effect}: ${describeCondition(rule.condition)}${rule.until === undefined ? '' : ` (until ${rule.until})`}`);
