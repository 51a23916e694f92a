/** Notices leave this machine as everything else does: through the proxy that is named, which gets to see a host and nothing of what is told. */

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import slack from '../../src/notices/slack.ts';
import webhook from '../../src/notices/webhook.ts';
import { notice } from '../contracts/notices.ts';
import { type FakeProxy, startProxy } from '../fakes/proxy.ts';
import { open } from './http-world.ts';

const address = 'https://hooks.acme.test/services/CANARY-of-the-address';

describe('a channel over HTTP behind a proxy', () => {
  let proxy: FakeProxy;
  beforeAll(async () => {
    proxy = await startProxy({ route: () => undefined, user: { name: 'bob', password: 'CANARY-of-the-proxy' } });
  });
  afterAll(() => proxy.stop());
  afterEach(() => {
    vi.unstubAllEnvs();
    proxy.clear();
  });

  const senders = {
    slack: () => open(slack, { url: { env: 'ONCALL_TEST_PROXIED' }, timeout: '2s' }),
    webhook: () => open(webhook, { url: { env: 'ONCALL_TEST_PROXIED' }, secret: { env: 'ONCALL_TEST_PROXIED' }, timeout: '2s' }),
  };

  it.each(['slack', 'webhook'] as const)(
    '%s is told through it alone, and takes no answer of its for one of the receiver',
    async (kind) => {
      vi.stubEnv('ONCALL_TEST_PROXIED', address);
      vi.stubEnv('HTTPS_PROXY', proxy.url);
      vi.stubEnv('NO_PROXY', '');
      proxy.mood = { status: 403, body: 'ok' };
      const refused = await senders[kind]()
        .then((sender) => sender.send(notice(), {}))
        .catch((error: unknown) => error);
      expect(refused).toMatchObject({ name: 'ProviderError', message: expect.stringContaining(`through the proxy ${proxy.host}`) });
      expect(String(refused)).not.toContain('CANARY');
      expect([proxy.seen, proxy.plain]).toEqual([['hooks.acme.test:443'], []]);
      expect(proxy.read()).not.toContain('CANARY-of-the-address');
      expect(proxy.read()).not.toContain(notice().title);
    },
  );

  it('is left alone for what NO_PROXY names', async () => {
    vi.stubEnv('ONCALL_TEST_PROXIED', address);
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    vi.stubEnv('NO_PROXY', '.acme.test');
    const sender = await senders.slack();
    await expect(sender.send(notice(), {})).rejects.toMatchObject({ name: 'ProviderError' });
    expect(proxy.seen).toEqual([]);
  });
});
