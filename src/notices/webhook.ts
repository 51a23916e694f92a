/** Any receiver of JSON over HTTPS. Each document is signed, so that nobody else can say what it says. */

import { createHmac } from 'node:crypto';
import * as z from 'zod/mini';
import { ProviderError } from '../errors.ts';
import { isLoopback } from '../http.ts';
import { secretRef } from '../secrets.ts';
import { type Document, eventsDocument, noticeDocument } from './document.ts';
import { defineNotices, type NoticeCall } from './notice.ts';
import { isPostable, post, requireSecure, secretOf } from './post.ts';
import { timeout, timeoutMs } from './timeout.ts';

/** As long as a key that nobody guesses: half of SHA-256. */
const shortestSecret = 16;

const address = z
  .string()
  .check(
    z.refine(isPostable, 'must be an https:// address without a name and a password in it, or { file: … } where it is itself a secret'),
  );

const settings = z.strictObject({ url: z.union([address, secretRef]), secret: secretRef, timeout });

export default defineNotices({
  settings,
  isLocal: ({ url }) => typeof url === 'string' && isLoopback(url),
  takesEvents: true,
  open: async ({ url: written, secret, timeout }, context) => {
    const access = async (call: NoticeCall): Promise<{ readonly url: URL; readonly key: string }> => {
      const url = typeof written === 'string' ? written : await secretOf(written, 'url', context, call);
      const key = await secretOf(secret, 'secret', context, call);
      if (key.length >= shortestSecret) return { url: requireSecure(url, context.name, 'put its whole address there'), key };
      throw new ProviderError(
        context.name,
        'credentials',
        `the secret of notify.${context.name} has fewer than ${shortestSecret} characters`,
        {
          applied: 'no',
          next: 'make one that nobody guesses, here and there: openssl rand -hex 32',
        },
      );
    };
    const sendDocument = async ({ id, text }: Document, call: NoticeCall): Promise<void> => {
      const { url, key } = await access(call);
      const headers = { 'oncall-id': id, 'oncall-signature': signature(key, text, context.now()) };
      await post(url, context, call, { headers, body: text, timeoutMs: timeoutMs(timeout) });
    };
    return {
      ready: async (call) => (await access(call)).url.host,
      send: (notice, call) => sendDocument(noticeDocument(notice), call),
      stream: (batch, call) => sendDocument(eventsDocument(batch), call),
    };
  },
});

/** The time is signed too, so that an old document cannot be sent again later. */
function signature(key: string, text: string, nowMs: number): string {
  const t = Math.floor(nowMs / 1000);
  return `t=${t},v1=${createHmac('sha256', key).update(`${t}.${text}`).digest('hex')}`;
}
