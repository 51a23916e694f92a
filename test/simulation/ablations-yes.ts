/** What keeps a yes, and an emergency, from letting in whom it should not: each can be taken out. */

import type { Directory } from '../../src/directories/directory.ts';
import type { Queries } from '../../src/ledger/ledger.ts';
import type { Actor, Approval, Request } from '../../src/lifecycle/types.ts';
import type { Condition, Policy, Role } from '../../src/policy/types.ts';
import type { Ablation } from './ablations.ts';
import { logins, signIns } from './approvers.ts';
import { userNames } from './company.ts';
import { type Config, saysYes } from './config.ts';

/** Little else happens, and the policy stays as it is unless something says otherwise. */
export const quiet: Partial<Config> = {
  ...saysYes,
  ...{ calm: false, users: 3, crash: 0, suspend: 0, outage: 0, adminAdd: 0, adminRemove: 0, readFault: 0, leads: 0, policyChange: 0 },
  ...{ churn: 0, clockStep: 0, restore: 0, ledgerFault: 0, staleReads: 0, hollow: 0, stuck: false },
};
const asks = { ...quiet, roles: ['four-eyes'], weights: { ...saysYes.weights, look: 0 } } as const satisfies Partial<Config>;
const breaks: Partial<Config> = { ...quiet, roles: ['emergency'] };

export const user = (email: string): Condition => ({ kind: 'user', email });

export const withRole =
  (name: string, changes: (role: Role) => Partial<Role>) =>
  (policy: Policy): Policy => {
    const role = policy.roles[name];
    return role === undefined ? policy : { ...policy, roles: { ...policy.roles, [name]: { ...role, ...changes(role) } } };
  };

const inEmergency = (changes: (breakGlass: NonNullable<Role['breakGlass']>) => Partial<NonNullable<Role['breakGlass']>>) =>
  withRole('emergency', ({ breakGlass }) => (breakGlass === undefined ? {} : { breakGlass: { ...breakGlass, ...changes(breakGlass) } }));

/** Before the e-mail of somebody who is the same, and may always say yes. */
const always = 'always-';

/** Somebody whom nobody knows to be the same: by an e-mail and a subject of their own, with the same rights. The issuer says who it is in truth. */
const stranger = ({ issuer, subject, email }: Actor): Actor => ({
  ...{ issuer: JSON.stringify({ issuer, subject, email }), subject: `other-${subject}`, email: `other-${email}` },
});
const real = (by: Actor): Actor =>
  by.issuer.startsWith('{') ? (JSON.parse(by.issuer) as Actor) : { ...by, email: by.email.replace(always, '') };
const unmasked = (approvals: readonly Approval[]): readonly Approval[] => approvals.map((one) => ({ ...one, by: real(one.by) }));

const alsoOther = (condition: Condition): Condition => {
  if (condition.kind === 'any') return { ...condition, conditions: condition.conditions.map(alsoOther) };
  return condition.kind === 'user'
    ? { kind: 'any', conditions: [condition, { ...condition, email: `other-${condition.email}` }] }
    : condition;
};
const forOthers = ({ approvers, breakGlass }: Role): Partial<Role> => ({
  approvers: approvers.map((rule) => ({ ...rule, condition: alsoOther(rule.condition) })),
  ...(breakGlass === undefined
    ? {}
    : {
        breakGlass: {
          ...breakGlass,
          review: { ...breakGlass.review, by: breakGlass.review.by.map((rule) => ({ ...rule, condition: alsoOther(rule.condition) })) },
        },
      }),
});
const writesReal = (q: Queries): Queries => ({
  ...q,
  changeRequest: (request, changes) =>
    q.changeRequest(request, { ...changes, approvals: unmasked(changes.approvals ?? request.approvals) }),
});

/** What is read of a request, as it is seen; what is written goes on from what it is. */
const seen = (q: Queries, as: (request: Request) => Request): Queries => {
  const see = <T extends Request | undefined>(request: T): T => (request === undefined ? request : (as(request) as T));
  return { ...q, request: async (id) => see(await q.request(id)), openRequest: async (...of) => see(await q.openRequest(...of)) };
};
const seenYeses = (q: Queries, as: (by: Actor) => Actor): Queries =>
  seen(writesReal(q), (request) => ({ ...request, approvals: request.approvals.map((one) => ({ ...one, by: as(one.by) })) }));

const everybodyActive = (directory: Directory): Directory => ({
  ...directory,
  findUser: async (...asked) => {
    const user = await directory.findUser(...asked);
    return user && { ...user, active: true };
  },
});

const withoutLogins = (directory: Directory): Directory => ({
  ...directory,
  findUser: async (name, call) => (name in logins ? undefined : directory.findUser(name, call)),
});

export const yesAblations = {
  'one-yes': {
    about: 'the first yes lets somebody in for whom it takes two',
    config: asks,
    policy: withRole('four-eyes', () => ({ quorum: 1 })),
  },
  'same-yes-twice': {
    about: 'who has said yes already counts once more',
    config: asks,
    queries: (q) => seenYeses(q, stranger),
    policy: withRole('four-eyes', forOthers),
  },
  'no-subjects': {
    about: 'who signs in under another e-mail is somebody else, though the subject is the same',
    config: asks,
    actor: (actor) => ({ ...actor, issuer: JSON.stringify(actor), subject: actor.email }),
    queries: writesReal,
  },
  'own-yes': {
    about: 'somebody says yes to their own request',
    config: asks,
    actor: (actor, what) => (what.startsWith('approve') ? stranger(actor) : actor),
    queries: writesReal,
    policy: withRole('four-eyes', forOthers),
  },
  'no-other-names': {
    about: 'who has another name by the policy says yes to their own request',
    config: asks,
    policy: (policy) => ({ ...policy, people: {} }),
  },
  'no-other-logins': {
    about: 'who has another login of the same user says yes to their own request',
    config: asks,
    directory: withoutLogins,
  },
  'inactive-say-yes': {
    about: 'who was deactivated says yes all the same',
    config: { ...asks, churn: 0.06 },
    directory: everybodyActive,
  },
  'late-yes': {
    about: 'a yes counts however late it is',
    config: asks,
    queries: (q) => seen(q, (request) => (request.state === 'pending' ? { ...request, pendingUntil: Number.MAX_SAFE_INTEGER } : request)),
  },
  'already-answered': {
    about: 'a yes to what was denied, withdrawn or over lets in all the same',
    config: { ...asks, weights: { ...asks.weights, deny: 4 } },
    queries: (q) =>
      seen(q, (request) =>
        ['denied', 'withdrawn', 'expired'].includes(request.state)
          ? { ...request, state: 'pending', pendingUntil: Number.MAX_SAFE_INTEGER }
          : request,
      ),
  },
  'any-turn': {
    about: 'whoever may say yes at some time says it at once',
    config: asks,
    policy: withRole('four-eyes', () => ({ escalateMs: 0 })),
  },
  'any-digest': {
    about: 'a yes is not bound to what was asked',
    config: { ...asks, policyChange: 0.06 },
    ledger: (ledger) => ({ ...ledger, digest: () => 'same' }),
  },
  'no-recheck': {
    about: 'an earlier yes counts, though its giver may not say it any more',
    config: { ...asks, policyChange: 0.12 },
    queries: (q) => seenYeses(q, (by) => (by.issuer === 'elsewhere' ? by : { ...by, email: `${always}${by.email}` })),
    policy: withRole('four-eyes', ({ approvers }) => ({
      approvers: approvers.map((rule, index) =>
        index > 0
          ? rule
          : { ...rule, condition: { kind: 'any', conditions: [rule.condition, ...signIns.map(({ email }) => user(`${always}${email}`))] } },
      ),
    })),
  },
  'no-second-look': {
    about: 'who may not ask any more is let in by the yes to what they asked for before',
    config: { ...asks, policyChange: 0.06 },
    policy: (policy, what) =>
      what.startsWith('approve')
        ? withRole('four-eyes', ({ ask }) => ({
            ask: ask.map((rule) => ({
              ...rule,
              condition: { kind: 'any', conditions: userNames.map(user) },
            })),
          }))(policy)
        : policy,
  },
  'away-for-ever': {
    about: 'who stood in for somebody does so for ever',
    config: { ...asks, policyChange: 0.06, awayUntil: 0 },
    policy: (policy) => ({
      ...policy,
      delegations: (policy.delegations ?? []).map((one) => ({ ...one, endsAt: Number.MAX_SAFE_INTEGER })),
    }),
  },
  'lost-yes': {
    about: 'of two who say yes at once one is forgotten',
    config: { ...asks, weights: { ...saysYes.weights, look: 0, 'approve-twice': 12 } },
    queries: (q) => ({
      ...seen(q, (request) => ({ ...request, version: 0 })),
      changeRequest: async (request, changes) =>
        q.changeRequest({ ...request, version: (await q.request(request.id))?.version ?? 0 }, changes),
    }),
  },
  'any-emergency': {
    about: 'whoever wants breaks the glass',
    config: breaks,
    policy: inEmergency(({ when }) => ({
      when: when.map((rule) => ({ ...rule, condition: { kind: 'not', condition: user('') } })),
    })),
  },
  'no-denials': {
    about: 'who breaks the glass passes what denies',
    config: breaks,
    policy: withRole('emergency', () => ({ deny: [] })),
  },
  'no-emergency-places': {
    about: 'who breaks the glass passes those who have the places',
    config: breaks,
    policy: withRole('emergency', () => ({ maxHolders: 9 })),
  },
  'no-emergency-max': {
    about: 'an emergency lasts as long as somebody asks for',
    config: breaks,
    policy: inEmergency(({ ttl }) => ({ ttl: { ...ttl, maxMs: Number.MAX_SAFE_INTEGER } })),
  },
  'no-debt': {
    about: 'nobody has to look at an emergency afterwards',
    config: breaks,
    queries: (q) => ({ ...q, insertReview: async () => {} }),
  },
  'no-debt-for-longer': {
    about: 'an emergency that is made longer is not looked at again',
    config: breaks,
    queries: (q) => ({ ...q, insertReview: async (id, dueAt) => void ((await q.review(id)) ?? (await q.insertReview(id, dueAt))) }),
  },
  'debt-put-off': {
    about: 'whoever makes an emergency longer has more time until somebody looks',
    config: breaks,
    queries: (q) => ({
      ...q,
      insertReview: async (id, dueAt) => {
        await q.closeReview(id, dueAt);
        await q.insertReview(id, dueAt);
      },
    }),
  },
  'never-overdue': {
    about: 'the glass is broken again though nobody has looked at the last time',
    config: breaks,
    queries: (q) => ({ ...q, openReviews: async () => [] }),
  },
  'own-review': {
    about: 'somebody looks at their own emergency',
    config: breaks,
    actor: (actor, what) => (what.startsWith('review') ? stranger(actor) : actor),
    policy: withRole('emergency', forOthers),
  },
  'inactive-reviews': {
    about: 'who was deactivated looks at an emergency all the same',
    config: { ...breaks, churn: 0.06 },
    directory: everybodyActive,
  },
  'other-login-reviews': {
    about: 'somebody looks at their own emergency by another login of the same user',
    config: breaks,
    directory: withoutLogins,
  },
} as const satisfies Readonly<Record<string, Ablation & { readonly about: string }>>;
