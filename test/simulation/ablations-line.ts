/** What keeps a line honest in which people stand by the yes of others, whoever a roster or a parameter says those are: each can be taken out. */

import type { Ablation } from './ablations.ts';
import { quiet, user, withRole } from './ablations-yes.ts';
import { accessNames, deputies, familyOf, signIns } from './approvers.ts';
import { type Config, hour, inLine, minute } from './config.ts';

const waits: Partial<Config> = { ...quiet, ...inLine, longestMs: hour, deputies: 0.04, rosterDown: 0 };
const twoKeys: Partial<Config> = { ...waits, roles: ['two-keys'] };
const access: Partial<Config> = { ...waits, roles: ['access'] };

export const lineAblations = {
  'yes-lost-in-line': {
    about: 'who comes into the line by the yes of others is not known there to have one',
    config: access,
    queries: (q) => ({
      ...q,
      changeRequest: (request, changes) =>
        q.changeRequest(request.state === 'pending' && changes.state === 'queued' ? { ...request, approvals: [] } : request, changes),
    }),
  },
  'old-yes-in-line': {
    about: 'who has come to their turn gets the place by a yes whose giver may not say it any more',
    config: { ...twoKeys, policyChange: 0.06 },
    policy: (policy, what) =>
      what.startsWith('request')
        ? withRole('two-keys', ({ approvers }) => ({
            approvers: approvers.map((rule) => ({
              ...rule,
              condition: { kind: 'any', conditions: [rule.condition, ...signIns.map(({ email }) => user(email))] },
            })),
          }))(policy)
        : policy,
  },
  'once-on-call': {
    about: 'who was on call a while ago may say yes',
    config: twoKeys,
    roster: (roster) => ({ ...roster, onCall: (query, at, call) => roster.onCall(query, at - 20 * minute, call) }),
  },
  'silence-is-yes': {
    about: 'while the roster does not answer, whoever is ever on call may say yes',
    config: { ...twoKeys, readFault: 0.3 },
    roster: (roster) => ({
      ...roster,
      onCall: (query, ...when) =>
        roster
          .onCall(query, ...when)
          .catch(() => deputies.people.map((email) => ({ schedule: deputies.schedule, email, start: null, end: null }))),
    }),
  },
  'any-value': {
    about: 'a role gives the group of another value of its parameter',
    config: access,
    policy: (policy) => {
      const [one = '', other = ''] = accessNames;
      const targets = policy.roles[other]?.targets;
      return targets === undefined ? policy : withRole(one, () => ({ targets }))(policy);
    },
  },
  'one-of-the-family': {
    about: 'who has asked for one value of a parameter has asked for all of them',
    config: access,
    queries: (q) => ({
      ...q,
      openRequest: async (who, role) => {
        const names = familyOf(role) === undefined ? [role] : [role, ...accessNames];
        const found = await Promise.all(names.map((name) => q.openRequest(who, name)));
        return found.find((request) => request !== undefined);
      },
    }),
  },
} as const satisfies Readonly<Record<string, Ablation & { readonly about: string }>>;
