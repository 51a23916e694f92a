/** What release and revoke came to. Access that could not be removed yet is a failure here, although the sweep goes on with it. */

import type { GrantView, Request } from '../lifecycle/types.ts';
import { wrap } from '../terminal/text.ts';
import { type Clock, showInstant } from '../terminal/time.ts';
import type { Context, Outcome } from './command.ts';
import { nameOf } from './lines.ts';

type Ended = {
  readonly requests: readonly Request[];
  readonly grants: readonly GrantView[];
  readonly ended: number;
  readonly left: number;
};

type Verb = 'given back' | 'revoked';

type Shown = Pick<Context, 'clock' | 'screen'>;

export function endedOutcome({ requests, grants, ended, left }: Ended, verb: Verb, { screen, ...context }: Shown): Outcome {
  const [one] = requests;
  const document = { ...(requests.length === 1 ? { request: one } : { requests }), grants, ended, left };
  const lines = requests.flatMap((request) => line(request, grants, verb, context.clock()));
  const text = lines.map((whole) => wrap(whole, screen.width, 8)).join('\n');
  const open = grants.filter(({ state }) => state !== 'ended');
  const out = requests.filter(({ id }) => !open.some(({ requestId }) => requestId === id));
  const brief = out.map(({ id }) => id).join('\n');
  if (left === 0) return { exit: 0, document, text, brief };
  const error = {
    message: notDone(open),
    why: unique(open.map(({ lastError }) => lastError ?? 'the directory has not confirmed it')).join('\n'),
    next: [
      ...unique(open.flatMap(({ next }) => (next === undefined ? [] : [next]))),
      'the sweep tries again until it is confirmed; watch it with: oncall status',
    ].join('\n'),
  };
  return { exit: 1, document: { ...document, error: { code: 'not-removed-yet', ...error } }, text, brief, error };
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

/** A removal that was confirmed leaves nothing of ours in the group; what is left then is to end the sessions. */
const isOut = ({ state, owned }: GrantView): boolean => owned === undefined && (state === 'ended' || state === 'revoking');

function notDone(open: readonly GrantView[]): string {
  const inside = open.filter((grant) => !isOut(grant)).map(({ holder, target }) => `${holder} in ${nameOf(target)}`);
  const signedIn = open.filter(isOut);
  const where = unique(signedIn.map(({ target }) => target.directory)).join(', ');
  const who = unique(signedIn.map(({ holder }) => holder)).join(', ');
  if (inside.length === 0) return `out of every group, but not signed out of ${where} yet: ${who}`;
  return `not out yet: ${inside.join(', ')}${signedIn.length === 0 ? '' : `; out, but not signed out of ${where} yet: ${who}`}`;
}

/** Nothing for a request of which all is left: the error names it. `given back` only where all of it is. */
function line(request: Request, grants: readonly GrantView[], verb: Verb, clock: Clock): string[] {
  const own = grants.filter(({ requestId }) => requestId === request.id);
  const name = `${request.id}  ${request.role}${verb === 'revoked' ? ` of ${request.requester.email}` : ''}`;
  if (own.length === 0) return [`${name} ${overAlready(request, verb, clock)}`];
  const named = (is: (grant: GrantView) => boolean) => own.filter(is).map(({ target }) => nameOf(target));
  const out = named(isOut);
  const shared = named(({ state, owned }) => state === 'ended' && owned === true);
  const stays = named(({ state, owned }) => state === 'ended' && owned === false);
  const parts = [
    ...(out.length === 0 ? [] : [`out of ${out.join(', ')}`]),
    ...(shared.length === 0 ? [] : [`still in ${shared.join(', ')} by another request`]),
    ...(stays.length === 0 ? [] : [`still in ${stays.join(', ')}, as before the request`]),
  ].join('; ');
  const stands = request.origin === 'standing' ? [standsStill(request)] : request.origin === 'rotation' ? [nextShift(request)] : [];
  if (own.every(({ state }) => state === 'ended')) return [`${name} ${verb}${parts === '' ? '' : `: ${parts}`}`, ...stands];
  return parts === '' ? stands : [`${name}: ${parts}`, ...stands];
}

/** The list in the policy is as it was. */
const standsStill = ({ role, requester }: Request): string =>
  `${role} names ${requester.email} under standing still; it is not given again before the reason or the review there changes`;

const nextShift = ({ role, requester }: Request): string =>
  `${requester.email} is let in to ${role} again with the next shift; before that, by asking as anybody else does`;

/** No grant was touched: it was pending until now, or it was over before. */
function overAlready({ state, expiresAt }: Request, verb: Verb, clock: Clock): string {
  if (state === 'withdrawn' || (state === 'denied' && verb === 'revoked')) return state;
  if (state !== 'approved') return `is ${state} already: there is nothing to give back`;
  const when = expiresAt !== undefined && expiresAt <= clock.now ? ` (its time was up ${showInstant(expiresAt, clock)})` : '';
  return `has ended already${when}: nothing of it is left`;
}
