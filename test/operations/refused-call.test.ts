/** The event of a refused call: who, what and why, in bounded text, part of the chain like any other. */

import { expect, it } from 'vitest';
import { recordRefusedCall } from '../../src/operations/refused-call.ts';
import { company } from './world.ts';

const maria = { issuer: 'https://acme.okta.com', subject: '00u1maria', email: 'maria@acme.dev' };

it('names the person where one was proved, and nobody where none was', async () => {
  const { ledger, as } = await company();
  const call = { operation: 'revoke', code: 'forbidden', why: 'you may not', address: '192.0.2.7' };
  await recordRefusedCall(ledger, { ...call, actor: maria });
  await recordRefusedCall(ledger, { ...call, count: 40 });
  const [first, second] = await ledger.read((q) => q.lastEvents(2));
  expect(first).toMatchObject({ type: 'call.refused', actor: maria, data: call });
  expect(second).toMatchObject({ type: 'call.refused', actor: 'nobody', data: { ...call, count: 40 } });
  expect((await as('boss').verify({})).breach).toBeUndefined();
});

it('holds no more than a line of what came from outside', async () => {
  const { ledger } = await company();
  const long = `a\u0000b\n\u202e${'x'.repeat(100_000)}`;
  await recordRefusedCall(ledger, { operation: long, code: long, why: long, address: long });
  const [event] = await ledger.read((q) => q.lastEvents(1));
  expect(event?.body.length).toBeLessThan(1_000);
  expect(event?.body).not.toMatch(/\\u0000|\\n|\u202e/);
});
