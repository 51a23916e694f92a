/** Addresses of PostgreSQL ledgers: none by which the database, or somebody in between, would be trusted unseen. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOncallError } from '../../src/errors.ts';
import { openPostgres } from '../../src/ledger/postgres.ts';
import { readUrl } from '../../src/ledger/postgres-url.ts';
import { makeCertificate } from '../fakes/certificate.ts';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';

const remote = 'postgres://oncall:CANARY%40p%25w@db.acme.dev/oncall';

describe('the address of a ledger', () => {
  it('is read whole, and named without user and password', () => {
    expect(readUrl(`${remote}?options=-c%20search_path%3Doncall`)).toEqual({
      ...{ host: 'db.acme.dev', port: 5432, database: 'oncall', user: 'oncall', password: 'CANARY@p%w' },
      ...{ tls: {}, options: '-c search_path=oncall', name: 'db.acme.dev:5432/oncall' },
    });
    expect(readUrl('postgresql://[::1]:6543/a%20b\n')).toMatchObject({
      host: '::1',
      port: 6543,
      database: 'a b',
      tls: false,
      name: '[::1]:6543/a b',
    });
    for (const socket of [
      'postgres://me@/db?host=/run/pg',
      'postgres:///db?host=/run/pg',
      'postgres://me@%2Frun%2Fpg/db?sslmode=verify-full',
    ])
      expect(readUrl(socket)).toMatchObject({ host: '/run/pg', database: 'db', tls: false, name: '/run/pg/db' });
  });

  it('off this host always means a checked certificate', () => {
    for (const url of [remote, `${remote}?sslmode=verify-full`, `${remote}?sslmode=verify-full&sslrootcert=system`])
      expect(readUrl(url).tls).toEqual({});
    for (const mode of ['disable', 'allow', 'prefer', 'require', 'verify-ca']) {
      const error = thrown(`${remote}?sslmode=${mode}`);
      expect(error).toMatchObject({ code: 'ledger-tls', why: expect.stringContaining(mode), next: expect.stringContaining('verify-full') });
    }
    // Not this host, whatever they look like.
    for (const host of ['127.0.0.1.acme.dev', 'localhost.acme.dev', '10.0.0.1', '0.0.0.0', '::ffff:10.0.0.1'])
      expect(readUrl(`postgres://a@${host.includes(':') ? `[${host}]` : host}/b`).tls).toEqual({});
  });

  it('on this host means none, unless it says so', () => {
    for (const mode of ['', '?sslmode=disable', '?sslmode=prefer']) expect(readUrl(`postgres://a@localhost/b${mode}`).tls).toBe(false);
    for (const mode of ['require', 'verify-ca', 'verify-full']) expect(readUrl(`postgres://a@127.0.0.1/b?sslmode=${mode}`).tls).toEqual({});
  });

  it('is refused where it is none, or says what this program does not know, without being shown', () => {
    const bad = [
      ...['', 'CANARY', 'mysql://a:CANARY@b/c', 'postgres://a:CANARY@b', 'postgres://a:CANARY@/c', 'postgres://a:CANARY@b:99999/c'],
      ...['postgres://a:CANARY@b:0/c', 'postgres://a:CANARY@b,c/d', 'postgres://a:CANARY%zz@b/c', 'postgres://a:CANARY/@b:x/c'],
      ...[`${remote}?sslmode=CANARY`, `${remote}?channel_binding=require`, `${remote}?sslmode=verify-full&sslmode=disable`],
      ...[`${remote}?host=/run/pg&host=other`, `${remote}?port=CANARY`],
    ];
    for (const url of bad) expect(thrown(url)).toMatchObject({ code: 'ledger-url', exit: 2 });
    expect(thrown(`${remote}?sslrootcert=/nowhere`)).toMatchObject({ code: 'ledger-tls', why: 'ENOENT' });
  });
});

function thrown(url: string): unknown {
  try {
    readUrl(url);
  } catch (error) {
    const { message, why, next, cause } = error as { message: string; why?: string; next?: string; cause?: unknown };
    expect(isOncallError(error)).toBe(true);
    expect([message, why, next].join()).not.toContain('CANARY');
    expect(cause).toBeUndefined();
    return error;
  }
  throw new Error(`${url} was taken`);
}

describe.skipIf(noPostgres !== undefined)(
  `a server with a certificate${noPostgres === undefined ? '' : ` (skipped: ${noPostgres})`}`,
  () => {
    let server: Postgres;
    let folder: string;
    let name: string;
    beforeAll(async () => {
      const certificate = makeCertificate(['localhost']);
      server = await startPostgres({ tls: certificate });
      folder = mkdtempSync(join(tmpdir(), 'oncall-tls-'));
      writeFileSync(join(folder, 'right.pem'), certificate.cert);
      writeFileSync(join(folder, 'wrong.pem'), makeCertificate(['localhost']).cert);
      name = await server.createDatabase();
    });
    afterAll(async () => {
      await server?.remove();
      rmSync(folder, { recursive: true, force: true });
    });
    const ask = async (host: string, query: string) => {
      const database = await openPostgres(`${server.url(name).replace('127.0.0.1', host)}?${query}`, { patienceMs: 500 });
      try {
        return await database.read((c) => c.all('SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl', []));
      } finally {
        await database.close();
      }
    };

    it('is spoken to where the certificate is its own, and by somebody who is trusted', async () => {
      expect(await ask('localhost', `sslmode=verify-full&sslrootcert=${folder}/right.pem`)).toEqual([
        { version: expect.stringMatching(/^TLSv1\.[23]$/) },
      ]);
      expect(await ask('localhost', `sslmode=require&sslrootcert=${folder}/right.pem`)).toHaveLength(1);
    });

    it('is told nothing where it is another name’s, or nobody trusted has signed it', async () => {
      const tls = { code: 'ledger-tls', next: expect.stringContaining('certificate') };
      await expect(ask('127.0.0.1', `sslmode=verify-full&sslrootcert=${folder}/right.pem`)).rejects.toMatchObject(tls);
      await expect(ask('localhost', `sslmode=verify-full&sslrootcert=${folder}/wrong.pem`)).rejects.toMatchObject(tls);
      await expect(ask('localhost', 'sslmode=verify-full')).rejects.toMatchObject(tls);
      await expect(ask('localhost', 'sslmode=require')).rejects.toMatchObject(tls);
    });

    it('and without one is told nothing either', async () => {
      const plain = await startPostgres();
      const url = `${plain.url('postgres').replace('127.0.0.1', 'localhost')}?sslmode=verify-full`;
      await expect(openPostgres(url, { patienceMs: 500 })).rejects.toMatchObject({ code: 'ledger-tls' });
      await plain.remove();
    });
  },
);
