/** A channel over HTTP before a fake receiver, for the contract. */

import { z } from 'zod/mini';
import type { NoticesKind, Sender } from '../../src/notices/notice.ts';
import type { ArrangedChannel, Trouble } from '../contracts/notices.ts';
import { type ReceiverFault, startReceiver } from '../fakes/receiver.ts';

export const at = Date.parse('2026-11-22T03:00:00Z');

export const open = (kind: NoticesKind<unknown>, settings: object, baseDir = '/'): Promise<Sender> =>
  kind.open(z.parse(kind.settings, settings), { name: 'ours', now: () => at, baseDir });

/** Whatever it was sent, it may say again. */
const echo = 'CANARY-of-the-address CANARY-signing-key-0123456789';
const faults: Readonly<Record<Trouble, ReceiverFault>> = {
  down: { status: 503, body: echo },
  silent: { hang: true },
  refusing: { status: 400, body: echo },
  forbidding: { status: 403, body: echo },
  gone: { status: 404, body: echo },
  limiting: { status: 429, headers: { 'retry-after': '30' }, body: echo },
  redirecting: { status: 302, headers: { location: 'http://127.0.0.2/' }, body: echo },
  cutting: { cut: true },
};

export async function channelOverHttp(
  make: (url: string) => Promise<Sender>,
  withoutSecret: (url: string) => Promise<Sender>,
): Promise<ArrangedChannel> {
  const receiver = await startReceiver();
  const url = `${receiver.url}/CANARY-of-the-address`;
  return {
    sender: await make(url),
    got: () => receiver.got.map(({ body }) => body),
    clear: () => receiver.clear(),
    be: (trouble) => receiver.failAlways(faults[trouble]),
    troubles: {
      down: 'unavailable',
      silent: 'timeout',
      refusing: 'refused',
      forbidding: 'forbidden',
      gone: 'not-found',
      limiting: 'rate-limited',
      redirecting: 'forbidden',
      cutting: 'unavailable',
    },
    withoutSecret: () => withoutSecret(url),
    secrets: ['CANARY-of-the-address', 'CANARY-signing-key'],
    stop: () => receiver.stop(),
  };
}
