/** The certificate of a broker, renewed while it runs. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LogEntry } from '../../src/commands/command.ts';
import { keyPairs } from '../../src/wiring/serve-tls.ts';
import { makeCertificate } from '../fakes/certificate.ts';
import { scratch } from './scratch.ts';

it('is replaced by a sound pair only, one that is half written is said once, and one that was not taken is tried again', async () => {
  const folder = scratch();
  const put = ({ cert, key }: { cert?: string; key?: string }) => {
    if (cert !== undefined) writeFileSync(join(folder, 'c.pem'), cert);
    if (key !== undefined) writeFileSync(join(folder, 'k.pem'), key, { mode: 0o600 });
  };
  const [first, second] = [makeCertificate(['localhost']), makeCertificate(['localhost'])];
  put(first);
  const told: LogEntry[] = [];
  const nexts: unknown[] = [];
  const events = () =>
    told.splice(0).map(({ event, details }) => {
      nexts.push(details);
      return event;
    });
  const pairs = keyPairs({ tls: { cert: 'c.pem', key: 'k.pem' }, cwd: folder, tell: (entry) => void told.push(entry) });
  const taken: string[] = [];
  const take = async () => void taken.push(pairs.current().cert);

  await pairs.look(take);
  expect([events(), taken]).toEqual([[], []]);
  put({ key: second.key });
  await pairs.look(take);
  await pairs.look(take);
  expect([events(), taken, pairs.current().cert]).toEqual([['tls.rejected'], [], first.cert]);
  expect(nexts).toEqual([{ next: 'name the two that belong together, in PEM' }]);
  await pairs.look(take, true);
  expect(events()).toEqual(['tls.rejected']);
  put({ cert: second.cert });
  await pairs.look(async () => {
    throw new Error('not now');
  });
  expect([events(), pairs.current().cert]).toEqual([['tls.rejected'], first.cert]);
  await pairs.look(take);
  expect([events(), taken, pairs.current().cert]).toEqual([['tls.loaded'], [second.cert], second.cert]);
  await pairs.look(take, true);
  expect([events(), taken]).toEqual([['tls.unchanged'], [second.cert]]);
});
