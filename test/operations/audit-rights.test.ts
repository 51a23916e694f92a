/** Who may read what of the audit, and that what is read can be checked. */

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { OncallError } from '../../src/errors.ts';
import { company, granted, onCall, role, rule, user } from './world.ts';

const ask = { role: 'db-admin', asked: { byDefault: true } } as const;
const other = { ...ask, role: 'web', reason: 'page 4711' };

async function busy() {
  const web = role('web', { targets: [{ directory: 'okta', group: 'web' }], approvers: [rule(user('ana'))] });
  const guarded = role('guarded', { allow: [rule(onCall, { name: 'guarded.allow[0]' })] });
  const world = await company({ roles: [role('db-admin'), web, guarded], members: { db: ['standing@acme.dev'] } });
  const { request } = granted(await world.as('maria').request(ask));
  const { request: webs } = granted(await world.as('sam').request(other));
  await world.as('maria').request({ ...ask, role: 'guarded' });
  await world.as('boss').revoke({ id: request.id, reason: 'lost laptop' });
  return { world, request, webs };
}

describe('the audit', () => {
  it('is read whole by admins alone', async () => {
    const { world } = await busy();
    const all = await world.as('boss').audit({});
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
    expect(await world.as('boss').audit({ limit: 2 })).toEqual(all.slice(-2));
  });

  it('shows everybody what concerns themselves, whoever did it, and nothing else', async () => {
    const { world, request } = await busy();
    const said: string[] = [];
    const hers = await world.as('maria', { progress: (line) => said.push(line) }).audit({});
    expect(new Set(hers.map(({ requestId, type }) => requestId ?? type))).toEqual(new Set([request.id, 'request.refused']));
    expect(hers.at(-1)).toMatchObject({ type: 'grant.ended', endReason: 'revoked' });
    expect(await world.as('maria').audit({ limit: 1 })).toEqual(hers.slice(-1));
    expect(said).toEqual([expect.stringContaining('admins read all of it')]);
    expect(await world.as('standing').audit({})).toEqual([]);
  });

  it('shows them also what was done under an e-mail that they had before', async () => {
    const allow = [rule({ kind: 'any', conditions: ['maria', 'renamed'].map(user) })];
    const world = await company({ roles: [role('db-admin', { allow })] });
    const policy = { ...world.policy, people: { 'renamed@acme.dev': { okta: 'maria@acme.dev' } } };
    const { request } = granted(await world.as('maria', { policy }).request(ask));
    await world.as('maria', { policy }).release({ id: request.id });
    const { request: later } = granted(await world.as('renamed', { policy }).request(ask));
    const hers = await world.as('renamed', { policy }).audit({});
    expect(new Set(hers.map(({ requestId }) => requestId))).toEqual(new Set([later.id]));
    expect(hers.at(-1)).toMatchObject({ type: 'grant.active', holder: 'maria@acme.dev' });
  });

  it('is given in pages that leave nothing out, to whoever reads it', async () => {
    const { world, request } = await busy();
    // Longer than what is looked through at once, and in between what concerns others.
    for (let i = 0; i < 25; i++)
      await world.ledger.write(async (q) => {
        for (let n = 0; n < 100; n++) {
          const holder = n === 50 ? 'maria@acme.dev' : 'sam@acme.dev';
          await q.record({ type: 'member.drift', actor: 'sweep', holder, data: { because: '"email":"maria@acme.dev"' } });
        }
      });
    for (const [name, of] of [['boss'], ['maria'], ['ana'], ['boss', request.id]] as const) {
      const input = of === undefined ? {} : { of };
      const whole = await world.as(name).audit({ ...input, limit: 5_000 });
      const pages = [];
      for (let before: number | undefined; ; ) {
        const page = await world.as(name).audit({ ...input, limit: 7, ...(before === undefined ? {} : { before }) });
        pages.unshift(...page);
        if (page.length < 7) break;
        before = page[0]?.seq;
      }
      expect([name, pages]).toEqual([name, whole]);
    }
    expect(await world.as('maria').audit({ limit: 5_000 })).toHaveLength(
      25 + (await world.as('maria').audit({ of: request.id })).length + 1,
    );
    expect(await world.as('boss').audit({})).toHaveLength(500);
  });

  it('reads no event of the trail before it is known who may read what', async () => {
    const { world, request } = await busy();
    let reads = 0;
    const ledger = async () => ({
      ...world.ledger,
      read: ((work) =>
        world.ledger.read((q, now) =>
          work(
            {
              ...q,
              eventsWith: (wanted) => {
                reads += 1;
                return q.eventsWith(wanted);
              },
              lastEvents: () => Promise.reject(new Error('all of it')),
            },
            now,
          ),
        )) as typeof world.ledger.read,
    });
    await expect(world.as('sam', { ledger }).audit({ of: request.id })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(world.as('boss', { ledger }).audit({ of: 'nope' })).rejects.toMatchObject({ code: 'unknown-request' });
    expect(reads).toBe(0);
    expect(await world.as('boss', { ledger }).audit({ limit: 1 })).toHaveLength(1);
    expect(reads).toBe(1);
  });

  it('shows approvers what concerns their roles', async () => {
    const { world, webs } = await busy();
    expect(new Set((await world.as('ana').audit({})).map(({ requestId }) => requestId))).toEqual(new Set([webs.id]));
  });

  it('of one request is for whose it is, who approves it, and admins', async () => {
    const { world, request, webs } = await busy();
    for (const [name, id] of [
      ['maria', request.id],
      ['boss', request.id],
      ['ana', webs.id],
    ] as const)
      expect((await world.as(name).audit({ of: id })).length, name).toBeGreaterThan(3);
    for (const [name, id] of [
      ['sam', request.id],
      ['ana', request.id],
      ['maria', webs.id],
    ] as const)
      await expect(world.as(name).audit({ of: id }), name).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
  });

  it('is for nobody who is not signed in', async () => {
    const { world, request } = await busy();
    const actor = () => Promise.reject(new OncallError('not-signed-in', 'you are not signed in', { exit: 4 }));
    for (const input of [{}, { of: request.id }]) await expect(world.as('boss', { actor }).audit(input)).rejects.toMatchObject({ exit: 4 });
    expect((await world.as('boss', { actor }).verify({})).breach).toBeUndefined();
  });

  it('does not come out shorter because a source cannot be asked', async () => {
    const { world, request } = await busy();
    world.shifts = new Error('down');
    const policy = { ...world.policy, admins: [rule(onCall, { name: 'admins[0]' })] };
    const roster = () => Promise.reject(new OncallError('no-roster', 'down'));
    await expect(world.as('maria', { policy, roster }).audit({})).rejects.toMatchObject({ code: 'undecided', exit: 1 });
    expect((await world.as('maria', { policy, roster }).audit({ of: request.id })).length).toBeGreaterThan(3);
  });

  it('says what was in the way of a refused request', async () => {
    const { world } = await busy();
    const refused = (await world.as('boss').audit({})).find(({ type }) => type === 'request.refused');
    expect(refused?.why).toContain('PDB');
  });

  it('gives what every hash can be computed from', async () => {
    const { world } = await busy();
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    let before = '0'.repeat(64);
    for (const { body, prev, hash, type } of await world.as('boss').audit({})) {
      expect([prev, hash]).toEqual([before, sha256(`oncall.audit.v1\n${prev}\n${sha256(body)}`)]);
      expect(JSON.parse(body)).toMatchObject({ type, ledger: 'test' });
      before = hash;
    }
  });
});
