/** A row of the ledger that cannot be read: an edit by hand, a bad block. Everything ends all the same, that row's access too. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import { company, granted, hour } from './world.ts';

describe('a row that cannot be read', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'oncall-unreadable-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['the target of a grant', "UPDATE grants SET target = '{' WHERE request_id = ?"],
    ['the targets of a request', "UPDATE requests SET targets = '' WHERE id = ?"],
    ['the decision of a request', "UPDATE requests SET decision = '{' WHERE id = ?"],
    ['what a request asked for', "UPDATE requests SET asked = 'x' WHERE id = ?"],
    ['the approvals of a request', "UPDATE requests SET approvals = '[' WHERE id = ?"],
  ])('keeps nobody in: %s', async (_, damage) => {
    const database = join(folder, 'oncall.db');
    const world = await company({ database });
    const { request } = granted(await world.as('ana').request({ role: 'db-admin', asked: { forMs: hour } }));
    for (const name of ['maria', 'sam']) await world.as(name).request({ role: 'db-admin', asked: { forMs: hour } });
    const byHand = await openSqlite(database);
    await byHand.write((connection) => connection.run(damage, [request.id]));
    await byHand.close();
    expect((await world.as('boss').status({})).grants.map(({ target }) => target.group)).toEqual(['db', 'db', 'db']);
    await world.sweepAfter(hour);
    expect(world.okta.in('db')).toEqual([]);
    expect((await world.as('boss').status({})).grants).toEqual([]);
  });

  it('does not keep the brake from holding', async () => {
    const database = join(folder, 'oncall.db');
    const world = await company({ database });
    const { request } = granted(await world.as('ana').request({ role: 'db-admin', asked: { forMs: hour } }));
    await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } });
    const byHand = await openSqlite(database);
    await byHand.write((connection) => connection.run("UPDATE requests SET decision = '{', targets = '' WHERE id = ?", [request.id]));
    await byHand.close();
    expect(await world.as('boss').revoke({ all: true })).toMatchObject({ ended: 2, left: 0 });
    expect(world.okta.in('db')).toEqual([]);
  });
});
