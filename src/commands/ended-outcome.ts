/** What release and revoke came to. Access that could not be removed yet is a failure here, although the sweep goes on with it. */

import type { GrantView, Request } from '../lifecycle/types.ts';
import { type Clock, showInstant } from '../terminal/time.ts';
import type { Outcome } from './command.ts';
import { nameOf } from './lines.ts';

type Ended = {
  readonly requests: readonly Request[];
  readonly grants: readonly GrantView[];
  readonly ended: number;
  readonly left: number;
};

type Verb = 'given back' | 'revoked';

export function endedOutcome({ requests, grants, ended, left }: Ended, verb: Verb, clock: Clock): Outcome {
  const [one] = requests;
  const document = { ...(requests.length === 1 ? { request: one } : { requests }), grants, ended, left };
  const lines = requests.flatMap((request) => line(request, grants, verb, clock));
  const text = lines.join('\n');
  const open = grants.filter(({ state }) => state !== 'ended');
  const out = requests.filter(({ id }) => !open.some(({ requestId }) => requestId === id));
  const brief = out.map(({ id }) => id).join('\n');
  if (left === 0) return { exit: 0, document, text, brief };
  const error = {
    message: `not out yet: ${open.map(({ holder, target }) => `${holder} in ${nameOf(target)}`).join(', ')}`,
    why: [...new Set(open.map(({ lastError }) => lastError ?? 'the directory has not confirmed it'))].join('\n'),
    next: 'the sweep tries again until it is confirmed; watch it with: oncall status',
  };
  return { exit: 1, document: { ...document, error: { code: 'not-removed-yet', ...error } }, text, brief, error };
}

/** Nothing for a request of which all is left: the error names it. `given back` only where all of it is. */
function line(request: Request, grants: readonly GrantView[], verb: Verb, clock: Clock): string[] {
  const own = grants.filter(({ requestId }) => requestId === request.id);
  const name = `${request.id}  ${request.role}${verb === 'revoked' ? ` of ${request.requester.email}` : ''}`;
  if (own.length === 0) return [`${name} ${overAlready(request, verb, clock)}`];
  const out = own.filter(({ state, owned }) => state === 'ended' && owned !== false).map(({ target }) => nameOf(target));
  const stays = own.filter(({ state, owned }) => state === 'ended' && owned === false).map(({ target }) => nameOf(target));
  const parts = [
    ...(out.length === 0 ? [] : [`out of ${out.join(', ')}`]),
    ...(stays.length === 0 ? [] : [`still in ${stays.join(', ')}, as before the request`]),
  ].join('; ');
  if (own.every(({ state }) => state === 'ended')) return [`${name} ${verb}${parts === '' ? '' : `: ${parts}`}`];
  return parts === '' ? [] : [`${name}: ${parts}`];
}

/** No grant was touched: it was pending until now, or it was over before. */
function overAlready({ state, expiresAt }: Request, verb: Verb, clock: Clock): string {
  if (state === 'withdrawn' || (state === 'denied' && verb === 'revoked')) return state;
  if (state !== 'approved') return `is ${state} already: there is nothing to give back`;
  const when = expiresAt !== undefined && expiresAt <= clock.now ? ` (its time was up ${showInstant(expiresAt, clock)})` : '';
  return `has ended already${when}: nothing of it is left`;
}
