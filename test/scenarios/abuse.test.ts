/**
 * The table of abuses: every way that we know of to get in without a right to, or past an end, a line or a yes, at every door. A row plays one of
 * them; nothing may begin by it, neither in the directory nor in the ledger, and what a broker refuses is in the audit.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';
import { type Answer, type Door, type DoorName, direct, type OpenBroker, openBroker } from './abuse-doors.ts';
import { filesOf, named, played, type Row } from './abuse-world.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const everywhere: readonly DoorName[] = ['CLI direct', 'CLI through the broker', 'broker HTTP', 'broker HTTP on PostgreSQL'];
const whereSignedIn = everywhere.filter((name) => name !== 'CLI direct');
const whereTyped = everywhere.filter((name) => name.startsWith('CLI'));
const whereCalled = everywhere.filter((name) => name.startsWith('broker HTTP'));

const rows: Row[] = [];
const row = (abuse: string, keys: string, play: Row['play'], at: Row['at'] = everywhere): void => void rows.push({ abuse, keys, play, at });

// All names of whoever asks may say yes, so that it is never for want of a right that they may not.
const byOne = `ask: [ { user: [maria@acme.dev, m.silva@acme.dev, kim@acme.dev] } ]
    approvers: [ { user: [maria@acme.dev, "ｍaria@acme.dev", m.silva@acme.dev, sam@acme.dev, s.novak@acme.dev, ana@acme.dev, lead@acme.dev] } ]`;
const byTwo = `${byOne}
    quorum: 2`;
const inTurn = byOne
  .replace('approvers: [', 'approvers: [ { user: sam@acme.dev },')
  .replace('m.silva@acme.dev, sam@acme.dev, ', 'm.silva@acme.dev, ');
const atOnce = `allow: [ { user: [maria@acme.dev, m.silva@acme.dev] } ]
    ttl: { default: 1h, max: 2h }`;
const onePlace = `maxHolders: 1
    allow: [ { user: [maria@acme.dev, sam@acme.dev, s.novak@acme.dev, ana@acme.dev] } ]
    ask: [ { user: kim@acme.dev } ]
    approvers: [ { user: [sam@acme.dev, ana@acme.dev] } ]
    ttl: { default: 1h, max: 6h }`;
const glass = `breakGlass: { when: [ { user: [kim@acme.dev, former@acme.dev, maria@acme.dev, m.silva@acme.dev] } ], ttl: { default: 1h, max: 2h }, review: { by: [ { user: [boss@acme.dev, kim@acme.dev, maria@acme.dev, m.silva@acme.dev] } ], within: 1h } }`;
const emergencies = `allow: [ { user: boss@acme.dev } ]
    ${glass}`;
const why = { reason: 'index rebuild' };
const emergency = { reason: 'the roster is down', breakGlass: true } as const;

// ── Approval ──

row('self-approval', byOne, async (w) => {
  const id = await w.asks('maria', why);
  await w.refused('own-request', () => w.act('maria', 'approve', id));
});
row('self-approval, spelled in capitals', byOne, async (w) => {
  const id = await w.asks('maria', why);
  await w.refused('own-request', () => w.act('MARIA', 'approve', id));
});
row(
  'self-approval, spelled in letters of full width',
  byOne,
  async (w) => {
    const id = await w.asks('maria', why);
    await w.refused({ typed: 'own-request', called: 'token-refused' }, () => w.act('ｍaria', 'approve', id));
  },
  // Nobody can be signed in so.
  everywhere.filter((name) => name !== 'CLI through the broker'),
);
row(
  'self-approval, by another e-mail of the same subject',
  byOne,
  async (w) => {
    const id = await w.asks('maria', why);
    await w.refused('own-request', () => w.act('maria, renamed', 'approve', id));
  },
  whereSignedIn,
);
row('self-approval, in the place of an approver who is away', byOne.replace('maria@acme.dev, "ｍ', '"ｍ'), async (w) => {
  const id = await w.asks('maria', why);
  await w.refused('own-request', () => w.act('maria', 'approve', id));
});
row('self-approval, by whoever stands in for the requester', byOne, async (w) => {
  await w.edit('delegate:', 'delegate:\n  maria@acme.dev: { to: eve@acme.dev, until: 2099-12-31 }');
  const id = await w.asks('maria', why);
  await w.refused('forbidden', () => w.act('eve', 'approve', id));
});
row('approval by somebody who is not named', byOne, async (w) => {
  const id = await w.asks('maria', why);
  await w.refused('forbidden', () => w.act('eve', 'approve', id));
  await w.refused('forbidden', () => w.act('eve', 'deny', id));
});
row('approval before one’s turn', `${inTurn}\n    escalate: 10m`, async (w) => {
  const id = await w.asks('maria', why);
  await w.refused('not-your-turn', () => w.act('ana', 'approve', id));
});
row('a replayed approval', byOne, async (w) => {
  const id = await w.asks('maria', why);
  await w.does('sam', 'approve', id);
  expect(w.members()).toEqual(['maria']);
  await w.refused('not-pending', () => w.act('sam', 'approve', id));
  await w.does('maria', 'release', id);
  await w.refused('not-pending', () => w.act('sam', 'approve', id));
  expect(w.members()).toEqual([]);
});
row(
  'a replayed approval, under its own key: answered as before, and under nobody else’s',
  byOne,
  async (w) => {
    const id = await w.asks('maria', why);
    const key = { 'idempotency-key': `replayed-${w.role}` };
    const first = await w.post('sam', 'approve', { id }, key);
    await w.does('maria', 'release', id);
    expect((await w.inVain(() => w.post('sam', 'approve', { id }, key))).text).toBe(first.text);
    await w.refused('not-pending', () => w.post('ana', 'approve', { id }, key));
  },
  whereCalled,
);
row('an edited approval: of what was asked for before it was asked for otherwise', byOne, async (w) => {
  const id = await w.asks('maria', why);
  const seen = (await w.waiting('sam')).get(id);
  const other = await w.asks('maria', { reason: 'drop all tables' });
  await w.refused('not-pending', () => w.act('sam', 'approve', id));
  await w.refused('not-as-seen', () => w.act('sam', 'approve', other, seen));
});
row('an edited approval: of what the policy gave before it was changed', byOne, async (w) => {
  await w.edit(`targets: { local: ${w.role} }`, `targets: { local: [${w.role}, else] }`);
  const id = await w.asks('maria', why);
  const seen = (await w.waiting('sam')).get(id);
  await w.edit(`targets: { local: [${w.role}, else] }`, 'targets: { local: else }');
  await w.refused('not-as-seen', () => w.act('sam', 'approve', id, seen));
});
row(
  'an edited approval: that brings who says it, in whose place, or how many it takes',
  byTwo,
  async (w) => {
    const id = await w.asks('maria', why);
    for (const more of [
      { by: 'boss@acme.dev' },
      { inPlaceOf: 'lead@acme.dev' },
      { approvals: [] },
      { quorum: 1 },
      { digest: (await w.waiting('sam')).get(id) },
      { seen: '' },
      { seen: 'x'.repeat(64) },
    ]) {
      await w.refused('bad-input', () => w.post('sam', 'approve', { id, ...more }));
    }
  },
  whereCalled,
);
row('a cross-request approval', byOne, async (w) => {
  const [one, other] = [await w.asks('maria', why), await w.asks('kim', why)];
  const seen = (await w.waiting('sam')).get(one);
  await w.refused('not-as-seen', () => w.act('sam', 'approve', other, seen));
});
row('an expired approval', byOne, async (w) => {
  const id = await w.asks('maria', why);
  await w.pass(hour);
  await w.refused('not-pending', () => w.act('sam', 'approve', id));
  await w.sweep();
  await w.refused('not-pending', () => w.act('sam', 'approve', id));
});
row('approval after withdrawal', byOne, async (w) => {
  const id = await w.asks('maria', why);
  await w.does('maria', 'release', id);
  await w.refused('not-pending', () => w.act('sam', 'approve', id));
});
row('approval after a no', byOne, async (w) => {
  const id = await w.asks('maria', why);
  await w.does('ana', 'deny', id);
  await w.refused('not-pending', () => w.act('sam', 'approve', id));
});

row('quorum by one person twice', byTwo, async (w) => {
  const id = await w.asks('maria', why);
  await w.does('sam', 'approve', id);
  await w.refused('said-yes-already', () => w.act('sam', 'approve', id));
  await w.refused('said-yes-already', () => w.act('SAM', 'approve', id));
});
row(
  'quorum by one person twice, by another e-mail of the same subject',
  byTwo,
  async (w) => {
    const id = await w.asks('maria', why);
    await w.does('sam', 'approve', id);
    await w.refused('said-yes-already', () => w.act('sam, renamed', 'approve', id));
  },
  whereSignedIn,
);
row('quorum by one right twice: two who stand in for the same one', byTwo.replace('ana@acme.dev, ', ''), async (w) => {
  const id = await w.asks('maria', why);
  await w.does('ana', 'approve', id);
  await w.refused('said-yes-already', () => w.act('kim', 'approve', id));
});
row('quorum by the requester as the second', byTwo, async (w) => {
  const id = await w.asks('maria', why);
  await w.does('sam', 'approve', id);
  await w.refused('own-request', () => w.act('maria', 'approve', id));
});
row(
  'quorum by a yes kept from a delegate whose delegation is over',
  `${byTwo.replace('ana@acme.dev, ', '')}\n    within: 3d`,
  async (w) => {
    await w.edit(/until: 2099-12-31/, `until: ${new Date(w.now()).toISOString().slice(0, 10)}`);
    const id = await w.asks('maria', why);
    await w.does('ana', 'approve', id);
    await w.pass(day);
    await w.inVain(() => w.act('sam', 'approve', id), 'request.approval');
    await w.refused('forbidden', () => w.act('ana', 'approve', id));
  },
);
row('quorum by a yes kept from somebody who has been blocked since', byTwo, async (w) => {
  const id = await w.asks('maria', why);
  await w.does('ana', 'approve', id);
  await w.edit('blocked: [ ', 'blocked: [ ana@acme.dev, ');
  await w.inVain(() => w.act('sam', 'approve', id), 'request.approval');
});

// ── Ends ──

row('an end past the maximum by one request', atOnce, async (w) => {
  const begin = w.now();
  const { request, text } = await w.request('maria', { forMs: 1000 * hour });
  expect(request?.expiresAt, text).toBeLessThanOrEqual(begin + 2 * hour + minute);
});
row('an end past the maximum by repeated requests', atOnce, async (w) => {
  const first = await w.request('maria', { forMs: 2 * hour });
  for (const wish of [{ forMs: 2 * hour }, { forMs: 1000 * hour }, { untilMs: w.now() + 30 * day }, {}]) {
    await w.pass(25 * minute);
    const again = await w.inVain(() => w.request('maria', wish));
    expect(again.request).toEqual(first.request);
  }
  await w.pass(21 * minute);
  await w.sweep();
  expect(w.members()).toEqual([]);
});
row('an end past the maximum by a second sign-in under one’s e-mail', atOnce, async (w) => {
  const first = await w.request('maria', { forMs: 2 * hour });
  await w.pass(hour);
  await w.ofAnotherSignIn(() => w.request('MARIA', { forMs: 2 * hour }));
  const again = await w.inVain(() => w.request('maria', { forMs: hour / 2 }));
  expect(again.request?.expiresAt).toBe(first.request?.expiresAt);
});
row('an end that takes a yes, moved by asking again', byOne, async (w) => {
  const id = await w.asks('maria', { ...why, forMs: hour });
  await w.does('sam', 'approve', id);
  const held = await w.request('maria', why);
  const again = await w.inVain(() => w.request('maria', { ...why, forMs: 6 * hour }));
  expect(again.request).toEqual(held.request);
});
row('an end that is none', atOnce, async (w) => {
  for (const forMs of [0, -hour]) await w.refused({ typed: 'usage', called: 'bad-input' }, () => w.request('maria', { forMs }));
});
row('a repeat that moves the end while others wait', onePlace, async (w) => {
  const first = await w.request('maria', { forMs: hour });
  await w.asks('sam', { queue: true });
  const again = await w.inVain(() => w.request('maria', { forMs: 6 * hour }));
  expect(again.request).toEqual(first.request);
});

// ── The line ──

row('queue jumping: while the place is held', onePlace, async (w) => {
  await w.asks('maria');
  await w.refused('taken', () => w.request('sam'));
});
row('queue jumping: an offer taken by another', onePlace, async (w) => {
  const held = await w.asks('maria');
  await w.asks('sam', { queue: true });
  const behind = await w.asks('ana', { queue: true });
  await w.does('maria', 'release', held);
  await w.inVain(() => w.request('ana'));
  await w.refused('taken', () => w.request('maria'));
  await w.inVain(() => w.request('maria', { queue: true }), 'request.queued');
  expect((await w.line())[0]).toBe(behind);
  expect(w.members()).toEqual([]);
});
row('queue jumping: an offer taken after it lapsed', onePlace, async (w) => {
  const held = await w.asks('maria');
  await w.asks('sam', { queue: true });
  const next = await w.asks('ana', { queue: true });
  await w.does('maria', 'release', held);
  await w.pass(10 * minute);
  await w.inVain(() => w.request('sam', { queue: true }), 'request.offered', 'request.queued');
  expect(await w.asks('ana')).toBe(next);
  expect(w.members()).toEqual(['ana']);
});
row('queue jumping: by an approver’s yes', onePlace, async (w) => {
  const held = await w.asks('maria');
  await w.asks('sam', { queue: true });
  const asked = await w.asks('kim', why);
  await w.inVain(() => w.act('ana', 'approve', asked), 'request.queued');
  await w.does('maria', 'release', held);
  await w.inVain(() => w.request('kim'));
});
row('queue jumping: by a yes kept in line of somebody who may not say it any more', onePlace, async (w) => {
  const held = await w.asks('maria');
  const asked = await w.asks('kim', why);
  await w.act('ana', 'approve', asked);
  await w.does('maria', 'release', held);
  await w.edit(`blocked: [ `, 'blocked: [ ana@acme.dev, ');
  const { request } = await w.inVain(() => w.request('kim'), 'request.pending');
  expect(request?.state).toBe('pending');
});
row('queue jumping: by breaking the glass', `${onePlace}\n    ${glass}`, async (w) => {
  const held = await w.asks('maria');
  await w.asks('sam', { queue: true });
  await w.refused('taken', () => w.request('kim', emergency));
  await w.does('maria', 'release', held);
  await w.refused('taken', () => w.request('kim', emergency));
  await w.refused('taken', () => w.request('kim', { ...emergency, queue: true }));
});
row('queue jumping: by giving back the place of another', onePlace, async (w) => {
  const held = await w.asks('maria');
  const waiting = await w.asks('sam', { queue: true });
  for (const id of [held, waiting]) {
    await w.refused('not-yours', () => w.act('kim', 'release', id));
    await w.refused('forbidden', () => w.act('eve', 'revoke', id));
  }
});
row('two places in one line by two spellings', onePlace, async (w) => {
  await w.asks('maria');
  const first = await w.asks('sam', { queue: true });
  await w.ofAnotherSignIn(() => w.request('SAM', { queue: true }));
  expect(await w.line()).toEqual([first]);
});
row(
  'two places in one line by another e-mail of the same subject',
  onePlace,
  async (w) => {
    await w.asks('maria');
    const first = await w.asks('sam', { queue: true });
    await w.ofAnotherSignIn(() => w.request('sam, renamed', { queue: true }));
    expect(await w.line()).toEqual([first]);
  },
  whereSignedIn,
);
row('two places at once by two spellings', onePlace.replace('maxHolders: 1', 'maxHolders: 2'), async (w) => {
  await w.asks('maria', { forMs: 6 * hour });
  await w.ofAnotherSignIn(() => w.request('MARIA'));
  await w.inVain(() => w.request('maria', { queue: true }));
  await w.asks('sam');
  await w.refused('taken', () => w.request('ana'));
});

// ── Break-glass ──

row('break-glass by someone not named', emergencies, async (w) => {
  await w.refused('denied', () => w.request('eve', emergency));
});
row(
  'break-glass by someone who is blocked',
  emergencies,
  async (w) => {
    await w.refused(w.door === 'CLI direct' ? 'denied' : 'blocked', () => w.request('former', emergency));
  },
  // Nor can they sign in.
  everywhere.filter((name) => name !== 'CLI through the broker'),
);
row('break-glass by someone whom a rule denies', `${emergencies}\n    deny: [ { user: kim@acme.dev } ]`, async (w) => {
  await w.refused('denied', () => w.request('kim', emergency));
});
row('break-glass past a rule that denies and cannot be asked', `${emergencies}\n    deny: [ { onCall: file/db } ]`, async (w) => {
  w.write('schedule.yaml', 'schedules: ]');
  await w.refused('undecided', () => w.request('kim', emergency));
});
row('break-glass of a role that has none', atOnce, async (w) => {
  await w.refused('no-break-glass', () => w.request('maria', emergency));
});
row('break-glass without a reason', emergencies, async (w) => {
  await w.refused('reason-needed', () => w.request('kim', { breakGlass: true }));
  await w.refused('reason-needed', () => w.request('kim', { breakGlass: true, reason: ' ' }));
});
row(
  'break-glass that is not confirmed',
  emergencies,
  async (w) => {
    await w.refused('usage', () => w.request('kim', { ...emergency, unconfirmed: true }));
  },
  whereTyped,
);
row('break-glass past its maximum', emergencies, async (w) => {
  const begin = w.now();
  const first = await w.request('kim', { ...emergency, forMs: 12 * hour });
  expect(first.request?.expiresAt, first.text).toBeLessThanOrEqual(begin + 2 * hour + minute);
  await w.pass(30 * minute);
  const again = await w.inVain(() => w.request('kim', { ...emergency, forMs: 12 * hour }));
  expect(again.request).toEqual(first.request);
});
row('break-glass while a review is overdue', emergencies, async (w) => {
  const id = await w.asks('kim', emergency);
  await w.pass(hour - minute);
  // Longer is once more.
  await w.pass(2 * minute);
  for (const who of ['kim', 'maria']) await w.refused('review-overdue', () => w.request(who, { ...emergency, forMs: 2 * hour }));
  await w.does('boss', 'approve', id);
  await w.asks('maria', emergency);
});
row('break-glass kept for longer while its review is overdue', emergencies.replace('within: 1h', 'within: 10m'), async (w) => {
  await w.asks('kim', emergency);
  await w.pass(20 * minute);
  await w.refused('review-overdue', () => w.request('kim', { ...emergency, forMs: 2 * hour }));
});
row('a review by the one who broke the glass', emergencies, async (w) => {
  const id = await w.asks('maria', emergency);
  await w.refused('own-request', () => w.act('maria', 'approve', id));
  await w.refused('own-request', () => w.act('MARIA', 'approve', id));
  if (w.door !== 'CLI direct') await w.refused('own-request', () => w.act('maria, renamed', 'approve', id));
});
row('an edited review: of what was looked at before the glass was broken for longer', emergencies, async (w) => {
  const id = await w.asks('kim', { ...emergency, forMs: hour });
  const seen = (await w.waiting('boss')).get(id);
  await w.asks('kim', { ...emergency, forMs: 2 * hour });
  await w.refused('not-as-seen', () => w.act('boss', 'approve', id, seen));
});
row('a review by somebody who is not named, and one that is made twice', emergencies, async (w) => {
  const id = await w.asks('kim', emergency);
  await w.refused('forbidden', () => w.act('sam', 'approve', id));
  await w.does('boss', 'approve', id);
  await w.refused('not-pending', () => w.act('maria', 'approve', id));
});

// ── Other people's rights ──

row(
  'access in another’s name, or by nobody’s token',
  atOnce,
  async (w) => {
    const asked = { byDefault: true };
    for (const more of [{ requester: 'maria@acme.dev' }, { as: 'maria@acme.dev' }, { approvals: [] }, { state: 'approved' }]) {
      await w.refused('bad-input', () => w.post('eve', 'request', { role: w.role, asked, ...more }));
    }
    await w.refused('not-signed-in', () => w.post(undefined, 'request', { role: w.role, asked }));
  },
  whereCalled,
);
row('access that no rule gives', atOnce, async (w) => {
  await w.refused('denied', () => w.request('eve'));
});
row('access despite a late sweep, by no admin', atOnce, async (w) => {
  await w.refused('forbidden', () => w.request('maria', { ...why, despiteLateSweep: true }));
});

// ── At once ──

const codesOf = async (answers: readonly Promise<Answer>[]): Promise<readonly string[]> =>
  (await Promise.all(answers)).map(({ code }) => code).sort();
const eight = Array.from({ length: 8 }, (_, index) => `p${index}`);
const rounds = [1, 2, 3];

row(
  'quorum by one person eight times at once',
  byTwo,
  async (w) => {
    const id = await w.asks('maria', why);
    const codes = await codesOf(eight.map((_, index) => w.act(index % 2 === 0 ? 'sam' : 'SAM', 'approve', id)));
    expect(codes).toEqual(['ok', ...Array.from({ length: 7 }, () => 'said-yes-already')]);
    expect(w.members()).toEqual([]);
  },
  whereCalled,
);
row(
  'access twice by more yes at once than it takes',
  `ask: [ { user: maria@acme.dev } ]
    quorum: 2
    approvers: [ { user: [${eight.map((name) => `${name}@acme.dev`)}] } ]`,
  async (w) => {
    const id = await w.asks('maria', why);
    const codes = await codesOf(eight.map((name) => w.act(name, 'approve', id)));
    expect(codes).toEqual([...Array.from({ length: 6 }, () => 'not-pending'), 'ok', 'ok']);
    expect(await w.count('request.approved', 'grant.activating')).toEqual([1, 1]);
  },
  whereCalled,
);
row(
  'approval at once with its withdrawal',
  byOne,
  async (w) => {
    for (const _ of rounds) {
      const id = await w.asks('maria', why);
      await Promise.all([w.act('sam', 'approve', id), w.act('maria', 'release', id)]);
      await w.sweep();
      expect(w.members()).toEqual([]);
    }
  },
  whereCalled,
);
row(
  'approval at once with an edit of what was asked for',
  byOne,
  async (w) => {
    const id = await w.asks('maria', why);
    const [yes, edit] = await Promise.all([w.act('sam', 'approve', id), w.request('maria', { reason: 'drop all tables' })]);
    expect(['ok', 'not-pending'], yes.text).toContain(yes.code);
    const approved = (await w.trail()).filter(({ type }) => type === 'request.approved').map(({ requestId }) => requestId);
    expect(approved, edit.text).toEqual(yes.code === 'ok' ? [id] : []);
    expect(w.members()).toEqual(yes.code === 'ok' ? ['maria'] : []);
  },
  whereCalled,
);
row(
  'two places in one line by asking eight times at once, by two spellings',
  onePlace,
  async (w) => {
    await w.asks('maria');
    await Promise.all(eight.map((_, index) => w.request(index % 2 === 0 ? 'sam' : 'SAM', { queue: true })));
    expect([(await w.line()).length, await w.count('request.queued')]).toEqual([1, [1]]);
  },
  whereCalled,
);
row(
  'queue jumping: by everybody asking at once when a place is free',
  onePlace,
  async (w) => {
    const held = await w.asks('maria');
    await w.asks('sam', { queue: true });
    const askers = ['maria', 'ana', 'sam', 'ana', 'maria'];
    await Promise.all([w.act('maria', 'release', held), ...askers.map((who) => w.request(who))]);
    expect(['sam', undefined]).toContain(w.members()[0]);
    expect(await w.asks('sam')).not.toBe(held);
    expect(w.members()).toEqual(['sam']);
  },
  whereCalled,
);
row(
  'two in one place by asking at once',
  onePlace,
  async (w) => {
    const codes = await codesOf(['maria', 'sam', 'ana', 'SAM'].map((who) => w.request(who)));
    expect(codes.filter((code) => code === 'taken').length).toBeGreaterThanOrEqual(2);
    expect(w.members().length).toBe(1);
  },
  whereCalled,
);
row(
  'a repeat that moves the end at once with somebody joining the line',
  onePlace,
  async (w) => {
    await w.asks('maria', { forMs: hour });
    await Promise.all([w.request('maria', { forMs: 6 * hour }), w.request('sam', { queue: true })]);
    const types = (await w.trail()).map(({ type }) => type);
    expect(types.lastIndexOf('request.extended')).toBeLessThan(types.indexOf('request.queued'));
  },
  whereCalled,
);
row(
  'break-glass eight times at once for one review',
  emergencies,
  async (w) => {
    const answers = await Promise.all(eight.map(() => w.request('kim', { ...emergency, forMs: hour })));
    expect(new Set(answers.map(({ request }) => request?.id)).size).toBe(1);
    expect(await w.count('request.approved', 'grant.activating')).toEqual([1, 1]);
    // Each that made it last longer is on record, and is reviewed.
    expect((await w.count('request.broken-glass', 'request.extended')).reduce((broken, extended) => broken - extended)).toBe(1);
  },
  whereCalled,
);

let issuer: Issuer;
let postgres: Postgres | undefined;
beforeAll(async () => {
  [issuer, postgres] = await Promise.all([startIssuer(), noPostgres === undefined ? startPostgres() : undefined]);
}, 60_000);
afterAll(async () => {
  await Promise.all([issuer.stop(), postgres?.remove()]);
});

function table(
  names: readonly DoorName[],
  open: (rows: ReturnType<typeof named>) => Promise<{ readonly doors: readonly Door[]; stop(): Promise<void> }>,
): void {
  const here = named(rows, names);
  let opened: Awaited<ReturnType<typeof open>> | undefined;
  const doorOf = (name: DoorName): Door => {
    const found = opened?.doors.find((door) => door.name === name);
    if (found === undefined) throw new Error(`${name} is not open`);
    return found;
  };
  beforeAll(async () => {
    opened = await open(here);
    const [first] = opened.doors;
    // An exclusive group counts once a reading has found nobody in it whom nothing explains.
    for (let sweeps = 0; sweeps < 2; sweeps++) expect(await first?.sweep()).toMatchObject({ code: 'ok' });
  }, 60_000);
  afterAll(() => opened?.stop());
  for (const name of names)
    describe(`${name}: nothing begins by`, () => {
      for (const one of here.filter(({ door }) => door === name)) it(one.abuse, () => played(doorOf(name), one));
    });
}

describe('without a broker', () => {
  table(['CLI direct'], async (here) => {
    const { door, stop } = await direct(filesOf(here));
    return { doors: [door], stop };
  });
});
describe('through a broker', () => {
  table(['CLI through the broker', 'broker HTTP'], async (here) => {
    const broker: OpenBroker = await openBroker(filesOf(here), issuer);
    await broker.signIn();
    return { doors: [broker.http, broker.cli], stop: broker.stop };
  });
});
describe.skipIf(noPostgres !== undefined)(
  `through a broker on PostgreSQL${noPostgres === undefined ? '' : ` (skipped: ${noPostgres})`}`,
  () => {
    table(['broker HTTP on PostgreSQL'], async (here) => {
      const { http, stop } = await openBroker(filesOf(here), issuer, postgres);
      return { doors: [http], stop };
    });
  },
);
