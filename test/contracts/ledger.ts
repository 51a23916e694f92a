/** What a ledger promises, on whatever database: its transactions, its indexes, its chain, its time. */

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/ledger/database.ts';
import { type EventsWanted, eventHash, firstPrev } from '../../src/ledger/events.ts';
import { type Ledger, type LedgerWorld, openLedger, type Queries } from '../../src/ledger/ledger.ts';
import type { Actor, Grant, Origin, Request } from '../../src/lifecycle/types.ts';

export type LedgerUnderTest = {
  readonly title: string;
  readonly skip?: string | undefined;
  readonly start?: () => Promise<void>;
  readonly stop?: () => Promise<void>;
  /** Where there is no ledger yet. */
  place(): Promise<string>;
  /** As another process would open it. */
  connect(place: string): Promise<Database>;
  /** From now on the clock that the ledger at this place goes by is so far ahead of the true time. Whoever has it open may lose it. */
  setClock(place: string, aheadMs: number): Promise<void>;
  /** The clock of a process that opens it. */
  now(place: string): number;
};

export const maria = { issuer: 'local', subject: 'maria@acme.dev', email: 'maria@acme.dev' };

export const request = (id: string, over: Partial<Request> = {}): Request => ({
  id,
  requester: maria,
  origin: 'asked',
  role: 'db-admin',
  targets: [{ directory: 'okta', group: 'db' }],
  asked: { byDefault: true },
  state: 'approved',
  requestedAt: 1000,
  decision: { outcome: 'allow', heldBy: [], endsWith: [], undecided: false, approvers: [], findings: [], policyDigest: 'd' },
  approvals: [],
  version: 1,
  ...over,
});

const pin = { account: 'acme', userId: 'u1', userName: 'maria', groupId: 'g1', groupName: 'db' };

const grant = (id: string, requestId: string, over: Partial<Grant> = {}): Grant => ({
  id,
  requestId,
  membershipId: 'm1',
  target: { directory: 'okta', group: 'db' },
  state: 'activating',
  attempts: 0,
  nextAttemptAt: 5000,
  createdAt: 1000,
  version: 1,
  ...over,
});

/** Walks the chain by hand, as docs/lifecycle.md gives it; returns how many events there are. */
export async function checkChain(database: Database): Promise<number> {
  const rows = await database.read((connection) => connection.all('SELECT * FROM events ORDER BY seq', []));
  let prev = firstPrev;
  for (const [index, row] of rows.entries()) {
    const body = String(row.body);
    const inner = createHash('sha256').update(body, 'utf8').digest('hex');
    const hash = createHash('sha256').update(`oncall.audit.v1\n${prev}\n${inner}`).digest('hex');
    expect({ seq: row.seq, prev: row.prev, hash: row.hash }).toEqual({ seq: index + 1, prev, hash });
    expect(eventHash(prev, body)).toBe(hash);
    expect(body.isWellFormed()).toBe(true);
    const keys = Object.keys(JSON.parse(body));
    expect(keys).toEqual([...keys].sort());
    prev = hash;
  }
  return rows.length;
}

export function ledgerContract(under: LedgerUnderTest): void {
  const title = `the ledger on ${under.title}${under.skip === undefined ? '' : ` (skipped: ${under.skip})`}`;
  describe.skipIf(under.skip !== undefined)(title, () => {
    const opened: { close(): Promise<void> }[] = [];
    beforeAll(async () => under.start?.());
    afterAll(async () => {
      for (const one of opened) await one.close();
      await under.stop?.();
    });
    const connect = async (place: string): Promise<Database> => {
      const database = await under.connect(place);
      opened.push(database);
      return database;
    };
    const open = async (place?: string, over: Partial<LedgerWorld> = {}): Promise<Ledger> =>
      openLedger(await connect(place ?? (await under.place())), { now: () => 1000, id: `ledger-${place}`, mayMigrate: true, ...over });

    it('keeps its name when it is opened again', async () => {
      const place = await under.place();
      const first = await open(place, { id: 'first' });
      expect(first.id).toBe('first');
      expect((await open(place, { id: 'second', mayMigrate: false })).id).toBe('first');
    });

    it('gives back a request as it was put in, without keys for what is not there', async () => {
      const ledger = await open();
      const whole = request('k7m2xq', {
        reason: 'why "not" \\ ü\u{1f600}',
        incident: 'INC-1',
        startsAt: 1,
        expiresAt: 2,
        asked: { forMs: 5 },
      });
      await ledger.write((q) => q.insertRequest(whole));
      await ledger.write((q) => q.insertRequest(request('abcdef', { role: 'other', pendingUntil: 8.64e15 })));
      expect(await ledger.read((q) => q.request('k7m2xq'))).toEqual(whole);
      expect(await ledger.read((q) => q.request('abcdef'))).toEqual(request('abcdef', { role: 'other', pendingUntil: 8.64e15 }));
      expect(await ledger.read((q) => q.request('nobody'))).toBeUndefined();
    });

    it('stores no U+0000, which not every database has, and is not stopped by one', async () => {
      const ledger = await open();
      await ledger.write(async (q) => {
        await q.insertRequest(request('aaaaaa', { reason: 'a\0b', role: 'r\0' }));
        await q.record({ type: 'request.approved', actor: maria, reason: 'a\0b' });
      });
      expect(await ledger.read((q) => q.request('aaaaaa'))).toMatchObject({ reason: 'a\ufffdb' });
      expect(await ledger.read((q) => q.openRequest(maria, 'r\0'))).toMatchObject({ id: 'aaaaaa' });
      // In JSON it is written otherwise.
      expect((await ledger.read((q) => q.lastEvents(1)))[0]).toMatchObject({ reason: 'a\0b' });
    });

    it('holds one open request per person and role, by an index', async () => {
      const ledger = await open();
      await ledger.write((q) => q.insertRequest(request('aaaaaa')));
      await expect(ledger.write((q) => q.insertRequest(request('bbbbbb')))).rejects.toThrow(/unique/i);
      await ledger.write((q) => q.insertRequest(request('cccccc', { requester: { ...maria, subject: 'sam' } })));
    });

    it('holds another one beside it that the person has not asked for, and finds what they asked for first', async () => {
      const ledger = await open();
      const byPolicy = { issuer: 'policy', subject: maria.email, email: maria.email };
      await ledger.write(async (q) => {
        await q.insertRequest(request('aaaaaa', { requester: byPolicy, origin: 'rotation', requestedAt: 1 }));
        await q.insertRequest(request('bbbbbb', { origin: 'break-glass', requestedAt: 2 }));
        await q.insertRequest(request('cccccc', { requestedAt: 3 }));
      });
      await expect(ledger.write((q) => q.insertRequest(request('dddddd', { requester: byPolicy, origin: 'rotation' })))).rejects.toThrow(
        /unique/i,
      );
      expect(await ledger.read((q) => q.openRequest(maria, 'db-admin'))).toMatchObject({ id: 'cccccc', origin: 'asked' });
      expect(await ledger.read((q) => q.openRequest(byPolicy, 'db-admin', 'rotation'))).toMatchObject({ id: 'aaaaaa' });
      const found = await ledger.read((q) => q.openRequestsOf(maria.email, 'db-admin'));
      expect(found.map(({ id }) => id)).toEqual(['cccccc', 'aaaaaa', 'bbbbbb']);
    });

    it('gives one place to one request, by an index, and frees it only when every grant has ended', async () => {
      const ledger = await open();
      await ledger.write(async (q) => {
        await q.insertRequest(request('aaaaaa'));
        await q.insertMembership('m1', 'okta', 'maria@acme.dev', pin);
        await q.insertMembership('m2', 'okta', 'maria@acme.dev', { ...pin, groupId: 'g2' });
        await q.insertGrant(grant('aaaaaa.1', 'aaaaaa'));
        await q.insertGrant(grant('aaaaaa.2', 'aaaaaa', { membershipId: 'm2' }));
        await q.takePlace('db-admin', 1, 'aaaaaa');
      });
      await expect(ledger.write((q) => q.takePlace('db-admin', 1, 'aaaaaa'))).rejects.toThrow(/unique/i);
      const end = (id: string) =>
        ledger.write(async (q) => {
          const live = await q.grant(id);
          if (!live) throw new Error('gone');
          await q.changeGrant(await q.changeGrant(live, { state: 'revoking', endReason: 'released' }), { state: 'ended', endedAt: 2000 });
          return q.closeRequest('aaaaaa');
        });
      expect(await end('aaaaaa.1')).toBe(false);
      expect(await ledger.read((q) => q.placesTaken('db-admin'))).toEqual([{ place: 1, requestId: 'aaaaaa' }]);
      expect(await end('aaaaaa.2')).toBe(true);
      expect(await ledger.read((q) => q.placesTaken('db-admin'))).toEqual([]);
    });

    it('finds what the policy gives, the last for each person, and keeps what was told until it is told otherwise', async () => {
      const ledger = await open();
      const given = { requester: { issuer: 'policy', subject: 'maria@acme.dev', email: 'maria@acme.dev' }, origin: 'standing' } as const;
      await ledger.write(async (q) => {
        await q.insertRequest(request('aaaaaa', { ...given, requestedAt: 1 }));
        await q.closeRequest('aaaaaa');
        await q.insertRequest(request('bbbbbb', { ...given, requestedAt: 2 }));
        await q.insertRequest(request('cccccc', { ...given, role: 'other', requestedAt: 3 }));
        await q.insertRequest(request('dddddd', { ...given, origin: 'rotation', requestedAt: 4 }));
        await q.insertRequest(request('eeeeee', { requestedAt: 5 }));
      });
      expect((await ledger.read((q) => q.openByPolicy('standing'))).map(({ id }) => id)).toEqual(['bbbbbb', 'cccccc']);
      const last = (role: string) => ledger.read((q) => q.lastByPolicy('maria@acme.dev', role, 'standing'));
      expect((await last('db-admin'))?.id).toBe('bbbbbb');
      await ledger.write((q) => q.closeRequest('bbbbbb'));
      expect((await last('db-admin'))?.id).toBe('bbbbbb');
      expect(await last('nothing')).toBeUndefined();

      const told = () => ledger.read((q) => q.toldOf('topic'));
      await ledger.write(async (q) => {
        for (const [subject, what] of [
          ['a', 'one'],
          ['b', 'two'],
          ['a', 'three'],
        ] as const)
          await q.tell({ topic: 'topic', subject, what, at: 7 });
        await q.tell({ topic: 'another', subject: 'a', what: 'four', at: 7 });
        await q.untell('topic', 'b');
        await q.untell('topic', 'never');
      });
      expect(await told()).toEqual([{ topic: 'topic', subject: 'a', what: 'three', at: 7 }]);
    });

    it('finds what somebody has open by the subject, and else by the e-mail', async () => {
      const ledger = await open();
      await ledger.write(async (q) => {
        await q.insertRequest(request('bbbbbb', { requester: { ...maria, subject: 'before' } }));
        await q.insertRequest(request('cccccc', { requester: { ...maria, email: 'm.silva@acme.dev' } }));
        await q.insertRequest(request('dddddd', { requester: { ...maria, subject: 'after' }, origin: 'break-glass' }));
      });
      const found = (who: Partial<Actor>, origin?: Origin) =>
        ledger.read(async (q) => (await q.openRequest({ ...maria, ...who }, 'db-admin', origin))?.id);
      expect(await found({})).toBe('cccccc');
      expect(await found({ subject: 'another' })).toBe('bbbbbb');
      expect(await found({ subject: 'another' }, 'break-glass')).toBe('dddddd');
      expect(await found({ subject: 'another', email: 'sam@acme.dev' })).toBeUndefined();
    });

    it('keeps those who wait for a place in the order in which they came, whatever the clock says, and gives nobody a number twice', async () => {
      const ledger = await open();
      const one = (id: string, over: Partial<Request> = {}) =>
        request(id, { requester: { ...maria, subject: id, email: `${id}@acme.dev` }, state: 'queued', ...over });
      const change = (id: string, state: Request['state']) =>
        ledger.write(async (q) => {
          const seen = await q.request(id);
          if (seen) await q.changeRequest(seen, { state });
        });
      const line = async (role = 'db-admin') => (await ledger.read((q) => q.lineOf(role))).map(({ id, state }) => `${id} ${state}`);
      await ledger.write(async (q) => {
        await q.insertRequest(one('zzzzzz', { requestedAt: 3 }));
        await q.insertRequest(one('bbbbbb', { requestedAt: 1 }));
        await q.insertRequest(one('cccccc', { state: 'pending', requestedAt: 2 }));
        await q.insertRequest(one('dddddd', { role: 'other', requestedAt: 0 }));
        await q.insertRequest(one('eeeeee', { state: 'approved', startsAt: 5 }));
      });
      expect(await line()).toEqual(['zzzzzz queued', 'bbbbbb queued']);
      // As by a yes: last, however long ago it was asked for.
      await change('cccccc', 'queued');
      await change('zzzzzz', 'offered');
      expect(await line()).toEqual(['zzzzzz offered', 'bbbbbb queued', 'cccccc queued']);
      expect(await line('other')).toEqual(['dddddd queued']);
      expect(await ledger.read((q) => q.rolesInLine())).toEqual(['db-admin', 'other']);
      expect((await ledger.read((q) => q.openHolders('db-admin'))).map(({ id }) => id)).toEqual(['eeeeee', 'zzzzzz']);
      expect(await ledger.read((q) => q.pendingPast(0))).toEqual([]);
      // An offer that cannot stand leaves them where they were; whoever leaves has no number any more, and comes back as the last.
      await change('zzzzzz', 'queued');
      expect(await line()).toEqual(['zzzzzz queued', 'bbbbbb queued', 'cccccc queued']);
      await change('zzzzzz', 'pending');
      await change('zzzzzz', 'queued');
      await change('bbbbbb', 'expired');
      expect(await line()).toEqual(['cccccc queued', 'zzzzzz queued']);
      expect(await ledger.read((q) => q.openRequest({ ...maria, subject: 'bbbbbb' }, 'db-admin'))).toBeUndefined();
      await change('cccccc', 'approved');
      expect(await ledger.read((q) => q.request('cccccc'))).toMatchObject({ state: 'approved' });
      expect(await line()).toEqual(['zzzzzz queued']);
    });

    it('refuses a change of a row that somebody else has changed since, and undoes the rest of that transaction', async () => {
      const place = await under.place();
      const [ledger, other] = [await open(place), await open(place)];
      await ledger.write(async (q) => {
        await q.insertRequest(request('aaaaaa'));
        await q.insertMembership('m1', 'okta', 'maria@acme.dev', pin);
        await q.insertGrant(grant('aaaaaa.1', 'aaaaaa'));
      });
      const [seenGrant, seenRow, seenRequest] = await ledger.read(
        async (q) => [await q.grant('aaaaaa.1'), await q.membership('m1'), await q.request('aaaaaa')] as const,
      );
      if (!seenGrant || !seenRow || !seenRequest) throw new Error('missing');
      await other.write(async (q) => {
        await q.changeGrant(seenGrant, { nextAttemptAt: 1 });
        await q.changeMembership(seenRow, { busyUntil: 1 });
        await q.changeRequest(seenRequest, { expiresAt: 1 });
      });
      const stale = { code: 'changed-meanwhile' };
      await expect(ledger.write((q) => q.changeGrant(seenGrant, { nextAttemptAt: 2 }))).rejects.toMatchObject(stale);
      await expect(ledger.write((q) => q.changeMembership(seenRow, { busyUntil: 2 }))).rejects.toMatchObject(stale);
      await expect(
        ledger.write(async (q) => {
          await q.takePlace('db-admin', 1, 'aaaaaa');
          await q.changeRequest(seenRequest, { expiresAt: 2 });
        }),
      ).rejects.toMatchObject(stale);
      expect(await ledger.read((q) => q.placesTaken('db-admin'))).toEqual([]);
    });

    it('unsets ownership only when told to', async () => {
      const ledger = await open();
      await ledger.write(async (q) =>
        q.changeMembership(await q.insertMembership('m1', 'okta', 'm', pin), { owned: true, addBy: 7, unansweredUntil: 9 }),
      );
      const row = await ledger.read((q) => q.membership('m1'));
      expect(row).toMatchObject({ owned: true, addBy: 7, unansweredUntil: 9 });
      if (!row) throw new Error('gone');
      const kept = await ledger.write((q) => q.changeMembership(row, { busyUntil: 9 }));
      expect(kept.owned).toBe(true);
      await ledger.write((q) => q.changeMembership(kept, { owned: null }));
      expect(await ledger.read((q) => q.membership('m1'))).not.toHaveProperty('owned');
    });

    it('knows the memberships whose directory was not told the end that holds', async () => {
      const ledger = await open();
      const untold = () => ledger.read((q) => q.untoldEnds());
      const change = (id: string, changes: Parameters<Queries['changeMembership']>[1]) =>
        ledger.write(async (q) => {
          const row = await q.membership(id);
          return row && q.changeMembership(row, changes);
        });
      await ledger.write(async (q) => {
        for (const [name, expiresAt] of [
          ['aaaaaa', 5],
          ['bbbbbb', 9],
          ['cccccc', 20],
        ] as const) {
          await q.insertRequest(request(name, { role: name, state: 'approved', expiresAt }));
          if (name === 'aaaaaa') await q.insertMembership('m1', 'okta', 'm', pin);
          await q.insertGrant(grant(`${name}.1`, name));
          const made = await q.grant(`${name}.1`);
          if (made && name !== 'cccccc') await q.changeGrant(made, { state: 'active' });
        }
      });
      expect(await untold()).toEqual([]);
      // The last one does not stand yet.
      expect(await change('m1', { owned: true, toldUntil: 0 })).toMatchObject({ toldUntil: 0 });
      expect(await untold()).toEqual(['m1']);
      await change('m1', { toldUntil: 5 });
      expect(await untold()).toEqual(['m1']);
      await change('m1', { toldUntil: 9 });
      expect(await untold()).toEqual([]);
      await change('m1', { toldUntil: 20, owned: false });
      expect(await untold()).toEqual([]);
      await change('m1', { owned: null, toldUntil: null });
      expect(await ledger.read((q) => q.membership('m1'))).not.toHaveProperty('toldUntil');
    });

    it('finds what is due, live, in use or left over, in one order everywhere', async () => {
      const ledger = await open();
      const ids = ['b', 'B', 'ä', 'a', 'Z', '-'];
      await ledger.write(async (q) => {
        for (const [index, id] of ids.entries()) {
          await q.insertRequest(request(id, { role: id, state: index === 0 ? 'pending' : 'approved', pendingUntil: 5, expiresAt: 9 }));
          await q.insertMembership(id, 'okta', 'maria@acme.dev', { ...pin, userId: id, groupId: index < 4 ? 'g1' : 'g2' });
          await q.insertGrant(grant(`${id}.1`, id, { membershipId: id, nextAttemptAt: 10 }));
        }
        const gone = await q.grant('a.1');
        if (gone) await q.changeGrant(await q.changeGrant(gone, { state: 'revoking' }), { state: 'ended' });
        await q.addStranger({ directory: 'okta', groupId: 'g1', userId: 'x', userName: 'x', kind: 'drift', seenAt: 1 });
        await q.insertManagedGroup({ directory: 'okta', groupId: 'g1', groupName: 'db', firstReadAt: 1 });
        for (const at of [7, 8]) await q.markClean('okta', 'g1', at);
        await q.pinDirectory('okta', 'acme');
        await q.beat('okta', 3, true);
        await q.beat('okta', 4, false);
      });
      await ledger.read(async (q) => {
        const sorted = ['-.1', 'B.1', 'Z.1', 'b.1', 'ä.1'];
        expect((await q.dueGrants(10, 9)).map(({ id }) => id)).toEqual(sorted);
        expect((await q.dueGrants(10, 2, 'okta')).map(({ id }) => id)).toEqual(sorted.slice(0, 2));
        expect([await q.dueGrants(9, 9), await q.dueGrants(10, 9, 'aws')]).toEqual([[], []]);
        expect((await q.liveGrants()).map(({ id }) => id)).toEqual(sorted);
        expect(await q.dueByDirectory(10)).toEqual([{ directory: 'okta', due: 5 }]);
        expect(await q.countGrantsOfRequest('a')).toBe(1);
        expect((await q.membershipsOfGroup('okta', 'g1')).map(({ id, live }) => [id, live])).toEqual([
          ['B', true],
          ['a', false],
          ['b', true],
          ['ä', true],
        ]);
        expect(await q.groupsInUse(1)).toEqual(
          ['g1', 'g2'].map((groupId) => ({ unanswered: false, directory: 'okta', account: 'acme', groupId, groupName: 'db' })),
        );
        expect((await q.groupsEverUsed()).map(({ groupId }) => groupId).sort()).toEqual(['g1', 'g2']);
        expect((await q.pendingPast(5)).map(({ id }) => id)).toEqual(['b']);
        expect((await q.lastRequestOfMembership('Z'))?.id).toBe('Z');
        expect(await q.strangers()).toHaveLength(1);
        expect(await q.strangers('okta', 'g1')).toHaveLength(1);
        expect(await q.strangers('okta', 'g2')).toEqual([]);
        expect(await q.managedGroup('okta', 'g1')).toMatchObject({ cleanAt: 7 });
        expect(await q.directories()).toEqual([{ name: 'okta', account: 'acme', heartbeatAt: 4, reconciledAt: 3 }]);
      });
      await ledger.write(async (q) => {
        const row = await q.membership('a');
        if (row) await q.changeMembership(row, { unansweredUntil: 50 });
        await q.reopenRequest(request('a', { role: 'a' }));
        await q.markUnheld('a', 3);
        await q.removeStranger('okta', 'g1', 'x');
      });
      const inUse = await ledger.read((q) => q.groupsInUse(49));
      expect(inUse.map(({ groupId, unanswered }) => [groupId, unanswered])).toEqual([
        ['g1', true],
        ['g2', false],
      ]);
    });

    it('takes turns between transactions of one process whose bodies await', async () => {
      const ledger = await open();
      await ledger.write((q) => q.insertRequest(request('aaaaaa', { expiresAt: 0 })));
      await Promise.all(Array.from({ length: 20 }, () => ledger.write((q) => countUp(q))));
      expect(await ledger.read((q) => q.request('aaaaaa'))).toMatchObject({ expiresAt: 20 });
    });

    it('lets no two writers of several processes run at once, loses and doubles nothing, and keeps its chain', {
      timeout: 120_000,
    }, async () => {
      const place = await under.place();
      const ledgers = [await open(place), await open(place), await open(place)];
      await ledgers[0]?.write((q) => q.insertRequest(request('aaaaaa', { expiresAt: 0 })));
      const writers = Array.from({ length: 20 }, async (_, index) => {
        for (let round = 0; round < 5; round++) {
          await ledgers[index % 3]?.write(async (q) => {
            await countUp(q, Promise.resolve());
            await q.record({ type: 'request.extended', actor: maria, requestId: 'aaaaaa', data: { index, round } });
          });
        }
      });
      await Promise.all(writers);
      expect(await ledgers[1]?.read((q) => q.request('aaaaaa'))).toMatchObject({ expiresAt: 100 });
      expect(await checkChain(await connect(place))).toBe(100);
      const chain = await ledgers[2]?.verifyChain({}, async () => undefined);
      expect(chain).toMatchObject({ rows: 100 });
      expect(chain?.breach).toBeUndefined();
    });

    it('undoes what fails beside others, and that alone', async () => {
      const ledger = await open();
      const insert = (id: string, fault?: Error) =>
        ledger.write(async (q) => {
          await q.insertRequest(request(id, { role: id }));
          if (fault) throw fault;
          return id;
        });
      const results = await Promise.allSettled([insert('a'), insert('b', new Error('changed my mind')), insert('a'), insert('c')]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
      await expect(insert('d', new Error('alone'))).rejects.toThrow('alone');
      expect((await ledger.read((q) => q.openRequests())).map(({ id }) => id)).toEqual(['a', 'c']);
    });

    it('shows a reader one instant, whatever others write meanwhile', async () => {
      const place = await under.place();
      const [ledger, other] = [await open(place), await open(place)];
      await ledger.write((q) => q.insertRequest(request('aaaaaa', { expiresAt: 1 })));
      const seen = await ledger.read(async (q) => {
        const before = await q.request('aaaaaa');
        await other.write((q) => countUp(q));
        return [before?.expiresAt, (await q.request('aaaaaa'))?.expiresAt];
      });
      expect(seen).toEqual([1, 1]);
      expect(await ledger.read((q) => q.request('aaaaaa'))).toMatchObject({ expiresAt: 2 });
    });

    it('never goes back in time, whatever its clock does, and tells how far that is behind', async () => {
      const place = await under.place();
      await under.setClock(place, 60_000);
      const now = () => under.now(place);
      const first = await open(place, { now });
      const before = await first.write(async (_q, at) => at);
      await first.close();
      await under.setClock(place, -60_000);
      const ledger = await open(place, { now });
      const [at, behind] = await ledger.write(async (q, time) => [time, q.clockBehindMs]);
      expect(at).toBeGreaterThanOrEqual(before);
      expect(behind).toBeGreaterThan(60_000);
      expect(behind).toBeLessThanOrEqual(120_000);
      expect(ledger.now()).toBeGreaterThanOrEqual(at as number);
      expect(Math.abs(ledger.now() - now() - ledger.offsetMs())).toBeLessThan(10_000);
      const later = await ledger.read(async (_q, time) => time);
      expect(later).toBeGreaterThanOrEqual(at as number);
      await under.setClock(place, 0);
    });

    it('hashes each canonical body with the hash before it, without gaps', async () => {
      const place = await under.place();
      const ledger = await open(place);
      for (const reason of ['first', 'second ü "x"', 'lone \ud800 surrogate', 'nul \0'])
        await ledger.write((q) =>
          q.record({ type: 'request.pending', actor: maria, reason, requestId: 'r1', data: { z: 1, a: undefined } }),
        );
      expect(await checkChain(await connect(place))).toBe(4);
      expect(await ledger.read((q) => q.lastEvents(undefined))).toHaveLength(4);
      expect((await ledger.read((q) => q.lastEvents(1)))[0]?.seq).toBe(4);
      expect((await ledger.read((q) => q.lastEventOf('r1', ['request.pending'])))?.seq).toBe(4);
      expect(await ledger.read((q) => q.lastRecovery())).toBeUndefined();
      expect((await ledger.read((q) => q.eventHash(4))) ?? '').toBe((await ledger.read((q) => q.head())).hash);
    });

    it('checks the chain in pieces, so that others write meanwhile, as far as it came when the check began', {
      timeout: 60_000,
    }, async () => {
      const ledger = await open();
      const record = (many: number) =>
        ledger.write(async (q) => {
          for (let n = 0; n < many; n++) await q.record({ type: 'request.pending', actor: 'sweep' });
        });
      await record(2_500);
      let written = 0;
      const chain = await ledger.verifyChain({}, async () => {
        await record(1);
        written += 1;
      });
      expect(written).toBeGreaterThan(1);
      expect(chain).toMatchObject({ rows: 2_500, head: { seq: 2_500 } });
      expect(chain.breach).toBeUndefined();
      expect(await ledger.verifyChain({}, async () => undefined)).toMatchObject({ rows: 2_500 + written });
    });

    it('finds events by what stands in them, the last ones first', async () => {
      const ledger = await open();
      for (const requestId of ['a', 'b', 'a', 'c', 'a'])
        await ledger.write((q) => q.record({ type: 'request.pending', actor: maria, requestId }));
      const found = (wanted: Partial<EventsWanted>) =>
        ledger.read(async (q) => (await q.eventsWith({ before: 99, from: 1, limit: 99, texts: [], ...wanted })).map(({ seq }) => seq));
      expect(await found({})).toEqual([5, 4, 3, 2, 1]);
      expect(await found({ texts: ['"requestId":"a"'] })).toEqual([5, 3, 1]);
      expect(await found({ texts: ['"requestId":"a"', '"requestId":"b"'], limit: 3 })).toEqual([5, 3, 2]);
      expect(await found({ texts: ['"requestId":"a"'], before: 5, from: 2 })).toEqual([3]);
      expect(await ledger.read((q) => q.requestsNamed(['a']))).toEqual([]);
      expect(await ledger.read((q) => q.alsoHeldAs('maria@acme.dev'))).toEqual([]);
    });

    it('cannot be edited or shortened through SQL', async () => {
      const place = await under.place();
      const ledger = await open(place);
      await ledger.write((q) => q.record({ type: 'request.pending', actor: 'sweep' }));
      const database = await connect(place);
      await expect(database.write((connection) => connection.run("UPDATE events SET body = '{}'", []))).rejects.toThrow(/append-only/);
      await expect(database.write((connection) => connection.run('DELETE FROM events', []))).rejects.toThrow(/append-only/);
    });

    it('does not record what is not done', async () => {
      const ledger = await open();
      await expect(
        ledger.write(async (q) => {
          await q.record({ type: 'request.pending', actor: 'sweep' });
          throw new Error('on purpose');
        }),
      ).rejects.toThrow('on purpose');
      expect(await ledger.read((q) => q.lastEvents(10))).toEqual([]);
    });

    it('gives a call to one of those who make it at once, and its answer to all later ones', async () => {
      const place = await under.place();
      const [one, other] = [await open(place), await open(place)];
      const claims = await Promise.all(
        Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? one : other).write((q) => q.claimAnswer(maria, 'key', 'digest'))),
      );
      expect(claims.map(({ state }) => state).sort()).toEqual(['new', ...Array(7).fill('running')]);
      expect(await other.write((q) => q.claimAnswer(maria, 'key', 'another'))).toEqual({ state: 'other' });
      expect(await other.write((q) => q.claimAnswer({ ...maria, subject: 'sam' }, 'key', 'digest'))).toEqual({ state: 'new' });
      await one.write((q) => q.keepAnswer(maria, 'key', { status: 200, body: '{"a":"\\u0000"}' }));
      const done = { state: 'done', status: 200, body: '{"a":"\\u0000"}' };
      expect(await other.write((q) => q.claimAnswer(maria, 'key', 'digest'))).toEqual(done);
      await one.write((q) => q.dropAnswer(maria, 'key'));
      expect(await other.write((q) => q.claimAnswer(maria, 'key', 'digest'))).toEqual(done);
      await one.write((q) => q.dropAnswer({ ...maria, subject: 'sam' }, 'key'));
      expect(await other.write((q) => q.claimAnswer({ ...maria, subject: 'sam' }, 'key', 'digest'))).toEqual({ state: 'new' });
      expect(await one.write((q, now) => q.pruneAnswers(now + 1))).toBe(2);
      expect(await other.write((q) => q.claimAnswer(maria, 'key', 'digest'))).toEqual({ state: 'new' });
    });

    it('gives a call anew whose caller has been silent for two minutes', async () => {
      const place = await under.place();
      const now = () => under.now(place);
      const ledger = await open(place, { now });
      await ledger.write((q) => q.claimAnswer(maria, 'key', 'digest'));
      await ledger.close();
      await under.setClock(place, 110_000);
      const soon = await open(place, { now });
      expect(await soon.write((q) => q.claimAnswer(maria, 'key', 'digest'))).toEqual({ state: 'running' });
      await soon.close();
      await under.setClock(place, 130_000);
      const later = await open(place, { now });
      expect(await later.write((q) => q.claimAnswer(maria, 'key', 'other'))).toEqual({ state: 'other' });
      expect(await later.write((q) => q.claimAnswer(maria, 'key', 'digest'))).toEqual({ state: 'new' });
      expect(await later.write((q) => q.claimAnswer(maria, 'key', 'digest'))).toEqual({ state: 'running' });
      await under.setClock(place, 0);
    });

    it('is upgraded by one of two who find it old at once', async () => {
      const place = await under.place();
      const ledgers = await Promise.all(['one', 'other'].map((id) => open(place, { id, host: `host-${id}`, program: '1.2.3' })));
      expect(ledgers[0]?.id).toBe(ledgers[1]?.id);
      const database = await connect(place);
      const upgrades = await database.read((c) => c.all('SELECT version, host, program FROM upgrades', []));
      expect(upgrades).toEqual([{ version: 4, host: `host-${ledgers[0]?.id}`, program: '1.2.3' }]);
    });

    it('says of a newer one who made it so, also to who was there before', async () => {
      const place = await under.place();
      const ledger = await open(place);
      const database = await connect(place);
      await database.write(async (c) => {
        await c.run('INSERT INTO upgrades (version, at, host, program) VALUES (?, ?, ?, ?)', [99, 1, 'broker-1', '9.9.0']);
        await c.run('UPDATE ledger SET schema = ?', [99]);
        await database.schemaVersion.set(c, 99);
      });
      const newer = { code: 'ledger-newer', why: expect.stringMatching(/9\.9\.0 on broker-1/), next: expect.stringContaining('9.9.0') };
      await expect(open(place)).rejects.toMatchObject(newer);
      await expect(ledger.read((q) => q.openRequests())).rejects.toMatchObject(newer);
      await expect(ledger.write((q) => q.insertRequest(request('aaaaaa')))).rejects.toMatchObject(newer);
    });

    it('is read, but not written any more, once it was moved elsewhere', async () => {
      const place = await under.place();
      const ledger = await open(place);
      await ledger.write((q) => q.insertRequest(request('aaaaaa')));
      const database = await connect(place);
      await database.write((c) => c.run('UPDATE ledger SET moved_to = ?', ['db.acme.dev/oncall']));
      const fault = await ledger.write((q) => countUp(q)).catch((error: unknown) => error);
      expect(fault).toMatchObject({ code: 'ledger-moved' });
      expect(JSON.stringify([String(fault), fault])).toContain('db.acme.dev/oncall');
      expect(await ledger.read((q) => q.request('aaaaaa'))).toMatchObject({ id: 'aaaaaa' });
      expect(await (await open(place)).read((q) => q.openRequests())).toHaveLength(1);
    });

    it('keeps of a rotation what came of its last answer', async () => {
      const ledger = await open(await under.place());
      expect(await ledger.read((q) => q.rotation('support'))).toEqual({ role: 'support', answeredAt: 0 });
      const refused = { since: 2, goes: ['maria@acme.dev'], of: 1, isEmpty: true };
      const kept = { role: 'support', answeredAt: 1, unanswered: { since: 2, because: 'no answer' }, refused };
      await ledger.write((q) => q.keepRotation(kept));
      expect(await ledger.read((q) => q.rotation('support'))).toEqual(kept);
      await ledger.write((q) => q.keepRotation({ role: 'support', answeredAt: 3 }));
      expect(await ledger.read((q) => q.rotations())).toEqual([{ role: 'support', answeredAt: 3 }]);
      await ledger.write((q) => q.forgetRotation('support'));
      expect(await ledger.read((q) => q.rotations())).toEqual([]);
    });

    it('goes on after a fault, one at a time and together', async () => {
      const database = await connect(await under.place());
      await database.write((c) => c.script('CREATE TABLE t (n INTEGER PRIMARY KEY)'));
      const put = (n: number) => database.write((c) => c.run('INSERT INTO t (n) VALUES (?)', [n]));
      const all = () => database.read(async (c) => (await c.all('SELECT n FROM t ORDER BY n', [])).map(({ n }) => n));
      await expect(database.write(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
      await expect(database.read(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
      await Promise.all([put(1), put(2), all()]);
      expect(await all()).toEqual([1, 2]);
    });
  });
}

/** What loses an update wherever another writer comes between. Waiting for a file's lock SQLite holds up its whole process, also whoever has the lock. */
async function countUp(q: Queries, meanwhile: Promise<unknown> = new Promise((resolve) => setImmediate(resolve))): Promise<void> {
  const seen = await q.request('aaaaaa');
  await meanwhile;
  if (seen) await q.changeRequest(seen, { expiresAt: (seen.expiresAt ?? 0) + 1 });
}
