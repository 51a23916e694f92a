/** A webhook: its signature as somebody else checks it, where it may be sent to, and the contract. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import webhook from '../../src/notices/webhook.ts';
import { notice, noticesContract } from '../contracts/notices.ts';
import { type Receiver, startReceiver } from '../fakes/receiver.ts';
import { at, channelOverHttp, open } from './http-world.ts';

const key = 'CANARY-signing-key-0123456789';
process.env.ONCALL_TEST_SIGNING_KEY = key;
const secret = { env: 'ONCALL_TEST_SIGNING_KEY' };

noticesContract(
  'webhook',
  () =>
    channelOverHttp(
      (url) => open(webhook, { url, secret, timeout: '1s' }),
      (url) => open(webhook, { url, secret: { env: 'ONCALL_TEST_NOT_SET' } }),
    ),
  { events: true },
);

describe('what a webhook gets', () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.stop());

  /** The receiver's side as docs/notices.md has it, in another language. */
  const page = readFileSync(join(import.meta.dirname, '../../docs/notices.md'), 'utf8');
  const verifier = /```python\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const python = spawnSync('python3', ['--version']).status === 0;
  const verified = (body: string, header: string, now: number, secret = key): boolean => {
    const script = `${verifier}\nimport sys, json\nbody, header, now, secret = json.load(sys.stdin)\nprint(is_from_oncall(secret.encode(), header, body.encode(), now))\n`;
    const { stdout, stderr } = spawnSync('python3', ['-c', script], {
      input: JSON.stringify([body, header, now, secret]),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    return stdout.trim() === 'True';
  };

  it('is JSON that the same event makes the same way, under an id by which doubles are dropped', async () => {
    const sender = await open(webhook, { url: `${receiver.url}/hook?a=1`, secret });
    await sender.send(notice(), {});
    await sender.send(notice(), {});
    const [first, second] = receiver.got;
    expect(first?.path).toBe('/hook?a=1');
    expect(first?.headers).toMatchObject({ 'content-type': 'application/json', 'oncall-id': 'ledger-1/17', 'user-agent': 'oncall' });
    expect(second?.body).toBe(first?.body);
    expect(JSON.parse(first?.body ?? '')).toEqual({
      schema: 1,
      id: 'ledger-1/17',
      kind: 'waiting',
      at: '2026-11-22T03:00:00.000Z',
      until: '2026-11-22T04:00:00.000Z',
      title: 'maria@acme.dev asks for db-admin',
      lines: ['reason: replica lag', 'it waits until: 2026-11-22T04:00:00.000Z'],
      commands: ['oncall approve k7m2xq'],
      to: [{ email: 'boss@acme.dev', slack: 'U012AB3CD' }],
      request: 'k7m2xq',
      role: 'db-admin',
      holder: 'maria@acme.dev',
    });
  });

  it.skipIf(!python)('is signed: the check of the page takes it, and nothing that was changed, is old, or is of another key', async () => {
    receiver.clear();
    const sender = await open(webhook, { url: receiver.url, secret });
    await sender.send(notice({ title: 'Grüße 🎉' }), {});
    const { body = '', headers } = receiver.got[0] ?? {};
    const header = String(headers?.['oncall-signature']);
    const now = at / 1000;
    expect(header).toMatch(/^t=1795316400,v1=[0-9a-f]{64}$/);
    expect(verified(body, header, now + 299)).toBe(true);
    expect(verified(body.replace('Grüße', 'Gruesse'), header, now)).toBe(false);
    expect(verified(body, header.replace('t=1795316400', 't=1795316401'), now)).toBe(false);
    expect(verified(body, header, now + 301)).toBe(false);
    expect(verified(body, header, now - 301)).toBe(false);
    expect(verified(body, header, now, `${key}x`)).toBe(false);
    for (const odd of ['', 't=1', 'v1=00', 't=x,v1=00', `${header},v1=00`.replace(/v1=[0-9a-f]{64}/, 'v1=0')])
      expect(verified(body, odd, now)).toBe(false);
  });

  it.each([
    ['http:// to another machine', 'http://alerts.acme.dev/x'],
    ['a password in the address', 'https://user:CANARY@alerts.acme.dev/x'],
    ['another scheme', 'file:///etc/passwd'],
    ['no address', 'alerts.acme.dev'],
  ])('does not go to %s', async (_, url) => {
    await expect(async () => open(webhook, { url, secret })).rejects.toThrow('must be an https:// address');
    process.env.ONCALL_TEST_ADDRESS = url;
    const sender = await open(webhook, { url: { env: 'ONCALL_TEST_ADDRESS' }, secret });
    await expect(sender.send(notice(), {})).rejects.toMatchObject({
      fault: 'credentials',
      applied: 'no',
      message: expect.not.stringContaining(url),
    });
  });

  it('is not signed with a key that somebody could guess', async () => {
    receiver.clear();
    process.env.ONCALL_TEST_SHORT = 'CANARY-short';
    const sender = await open(webhook, { url: receiver.url, secret: { env: 'ONCALL_TEST_SHORT' } });
    await expect(sender.send(notice(), {})).rejects.toMatchObject({
      fault: 'credentials',
      message: expect.stringContaining('fewer than 16'),
    });
    expect(receiver.got).toEqual([]);
  });
});
