/** What release and revoke came to. Access that could not be removed yet is a failure here, although the sweep goes on with it. */

import type { GrantView, Request } from '../lifecycle/types.ts';
import { count } from '../terminal/text.ts';
import type { Outcome } from './command.ts';
import { nameOf } from './request-outcome.ts';

type Ended = {
  readonly requests: readonly Request[];
  readonly grants: readonly GrantView[];
  readonly ended: number;
  readonly left: number;
};

export function endedOutcome({ requests, grants, ended, left }: Ended, verb: 'given back' | 'revoked'): Outcome {
  const [one] = requests;
  const document = { ...(requests.length === 1 ? { request: one } : { requests }), grants, ended, left };
  const text = requests.map((request) => line(request, grants, verb)).join('\n');
  if (left === 0) return { exit: 0, document, text };
  const open = grants.filter(({ state }) => state !== 'ended');
  const error = {
    message: `${count(left, 'membership')} could not be removed yet: ${open.map(({ holder, target }) => `${holder} in ${nameOf(target)}`).join(', ')}`,
    why: [...new Set(open.map(({ lastError }) => lastError ?? 'the directory has not confirmed it'))].join('\n'),
    next: 'the sweep tries again until it is confirmed; watch it with: oncall status',
  };
  return { exit: 1, document: { ...document, error: { code: 'not-removed-yet', ...error } }, text, error };
}

function line(request: Request, grants: readonly GrantView[], verb: string): string {
  const own = grants.filter(({ requestId }) => requestId === request.id);
  const who = verb === 'revoked' ? ` of ${request.requester.email}` : '';
  if (own.length === 0) return `${request.id}  ${request.role}${who} ${request.state}`;
  const out = own.filter(({ state, owned }) => state === 'ended' && owned !== false).map(({ target }) => nameOf(target));
  const stays = own.filter(({ owned }) => owned === false).map(({ target }) => nameOf(target));
  const parts = [
    ...(out.length === 0 ? [] : [`out of ${out.join(', ')}`]),
    ...(stays.length === 0 ? [] : [`still in ${stays.join(', ')}, as before the request`]),
  ];
  return `${request.id}  ${request.role}${who} ${verb}${parts.length === 0 ? '' : `: ${parts.join('; ')}`}`;
}
