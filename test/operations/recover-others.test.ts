/** A recovery by an admin counts for everybody whose head is older than it, and for nobody whose head is younger. */

import { describe, expect, it } from 'vitest';
import type { Operations } from '../../src/operations/types.ts';
import { type MemoryAnchor, memoryAnchor } from '../fakes/anchor.ts';
import { type Lost, putBack } from './lost.ts';
import { granted, hour, minute } from './world.ts';

const ask = { role: 'db-admin', asked: { forMs: hour } } as const;

/** Everybody keeps a head of their own, in a home of their own. ana's is lost with what came after the copy. */
async function lost(): Promise<Lost & { readonly head: (name: string) => MemoryAnchor; readonly at: (name: string) => Operations }> {
  const heads = new Map<string, MemoryAnchor>();
  const head = (name: string): MemoryAnchor => {
    const known = heads.get(name) ?? memoryAnchor();
    heads.set(name, known);
    return known;
  };
  const world = await putBack(
    { members: { db: ['standing@acme.dev'] } },
    async (w) => {
      granted(await w.as('sam', { anchor: head('sam') }).request(ask));
      w.now += 2 * minute;
    },
    async (w) => {
      granted(await w.as('ana', { anchor: head('ana') }).request(ask));
      await w.as('boss', { anchor: head('boss') }).sweep({});
      w.now += 2 * minute;
    },
  );
  return Object.assign(world, { head, at: (name: string) => world.on(name, { anchor: head(name) }) });
}

async function recover(operations: Operations, stays: (holder: string) => boolean): Promise<void> {
  const { uncovered } = await operations.recover({});
  const ids = (kept: boolean) => uncovered.filter(({ holder }) => stays(holder) === kept).map(({ id }) => id);
  await operations.recover({ decided: { end: ids(false), keep: ids(true) } });
}

describe('a recovery by an admin', () => {
  it('lets in those who keep a head that was lost, and their head moves on', async () => {
    const world = await lost();
    await expect(world.at('ana').request(ask)).rejects.toMatchObject({ code: 'ledger-behind' });
    await recover(world.at('boss'), (holder) => holder === 'standing@acme.dev');
    const before = world.head('ana').kept;
    expect((await world.at('ana').status({})).faults).toEqual([]);
    expect(world.head('ana').kept).toBe(before);
    granted(await world.at('ana').request(ask));
    const { hash } = await world.older.read((q) => q.head());
    expect(world.head('ana').kept?.hash).toBe(hash);
  });

  it('is told by audit verify to those who keep one', async () => {
    const world = await lost();
    expect((await world.at('ana').verify({})).breach).toMatchObject({ kind: 'truncation' });
    await recover(world.at('boss'), () => true);
    const found = await world.at('ana').verify({});
    expect([found.breach, found.recovered]).toEqual([undefined, expect.objectContaining({ by: 'boss@acme.dev' })]);
    expect((await world.at('boss').verify({})).recovered).toBeUndefined();
  });

  it('says nothing about what was seen since it began to read', async () => {
    const world = await lost();
    const late = world.head('ana');
    late.kept = { ledger: 'test', seq: 9999, hash: 'a'.repeat(64), at: world.now };
    await recover(world.at('boss'), () => true);
    await expect(world.at('ana').request(ask)).rejects.toMatchObject({ code: 'ledger-behind' });
    expect((await world.at('ana').verify({})).breach).toMatchObject({ kind: 'truncation' });
  });

  it('is known to the next admin: whom the first one kept is not asked about as if nothing were known', async () => {
    const world = await lost();
    await world.at('cron').sweep({});
    await recover(world.at('boss'), () => true);
    world.now += minute;
    const { fault, uncovered } = await world.on('boss', { anchor: world.head('ana') }).recover({});
    expect([fault, uncovered.map(({ holder, known }) => [holder, known])]).toEqual([
      undefined,
      [
        ['ana@acme.dev', 'before'],
        ['standing@acme.dev', 'before'],
      ],
    ]);
  });
});
