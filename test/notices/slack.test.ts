/** Slack: that nobody's words become a mention, a link or a format, and the contract. */

import { describe, expect, it } from 'vitest';
import slack, { message } from '../../src/notices/slack.ts';
import { notice, noticesContract } from '../contracts/notices.ts';
import { startReceiver } from '../fakes/receiver.ts';
import { channelOverHttp, open } from './http-world.ts';

const withAddress = (url: string) => {
  process.env.ONCALL_TEST_SLACK = url;
  return open(slack, { url: { env: 'ONCALL_TEST_SLACK' }, timeout: '1s' });
};

noticesContract('slack', () => channelOverHttp(withAddress, () => open(slack, { url: { env: 'ONCALL_TEST_NOT_SET' } })), { events: false });

type Element = { readonly type: string; readonly text?: string };
type Message = {
  readonly text: string;
  readonly mrkdwn: boolean;
  readonly unfurl_links: boolean;
  readonly unfurl_media: boolean;
  readonly blocks: readonly {
    readonly type: string;
    readonly elements: readonly { readonly type: string; readonly elements: readonly Element[] }[];
  }[];
};
const made = (over: Parameters<typeof notice>[0]): Message => message(notice(over)) as Message;
const elementsOf = ({ blocks }: Message): readonly Element[] => blocks[0]?.elements[0]?.elements ?? [];

describe('a message', () => {
  it("mentions who is meant, by member id, and shows times in the reader's zone", () => {
    expect(elementsOf(made({}))).toEqual([
      { type: 'text', text: 'maria@acme.dev asks for db-admin', style: { bold: true } },
      { type: 'text', text: ' ' },
      { type: 'user', user_id: 'U012AB3CD' },
      { type: 'text', text: '\n' },
      { type: 'text', text: 'reason: replica lag' },
      { type: 'text', text: '\n' },
      { type: 'text', text: 'it waits until: ' },
      { type: 'date', timestamp: 1795320000, format: '{date_short_pretty} {time}', fallback: '2026-11-22 04:00 UTC' },
      { type: 'text', text: '\n' },
      { type: 'text', text: 'oncall approve k7m2xq', style: { code: true } },
    ]);
  });

  it.each([
    '<!channel>',
    '<!here|here>',
    '<!everyone>',
    '<@U012AB3CD>',
    '<#C024BE7LR>',
    '<!subteam^SAZ94GDB8>',
    '<https://evil.example|reset your password>',
    '<!date^0^{date}^https://evil.example|x>',
    '&lt;!channel&gt;',
    '*bold* _italic_ ~strike~ `code` ```block```',
    '> quote',
    '@channel @here @everyone',
    'https://evil.example/a?b=<c>',
    ':rotating_light:',
    '","type":"broadcast","range":"channel"',
  ])('has %s as a text among texts, wherever somebody wrote it', (said) => {
    const all = made({ title: said, lines: [`reason: ${said}`], commands: [said], to: [] });
    const elements = elementsOf(all);
    // The only other element there could be is a time.
    expect(new Set(elements.map(({ type }) => type))).toEqual(new Set(['text']));
    expect(elements.map(({ text }) => text).join('')).toBe(`${said}\nreason: ${said}\n${said}`);
    expect(all.text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    expect(all).toMatchObject({ mrkdwn: false, unfurl_links: false, unfurl_media: false });
    expect(all.blocks.map(({ type, elements: inner }) => [type, inner.map((one) => one.type)])).toEqual([
      ['rich_text', ['rich_text_section']],
    ]);
  });

  it('is cut before Slack refuses it, also through a pair of surrogates', () => {
    for (const shift of ['', 'x']) {
      const elements = elementsOf(made({ title: 't', lines: Array.from({ length: 20 }, () => `${shift}${'🎉'.repeat(250)}`), to: [] }));
      const text = elements.map((one) => one.text).join('');
      expect(text.length).toBeLessThanOrEqual(3000);
      expect(text.isWellFormed()).toBe(true);
      expect(text.endsWith('…')).toBe(true);
    }
  });
});

describe('what Slack answers', () => {
  it.each([
    [404, 'no_service', 'not-found', 'the webhook was taken away'],
    [410, 'channel_is_archived', 'not-found', 'the channel is archived'],
    [403, 'action_prohibited', 'forbidden', 'an admin of Slack'],
    [403, 'invalid_token', 'credentials', 'the address is not the right one'],
    [400, 'invalid_payload', 'refused', 'it refused this one'],
    [500, 'rollup_error', 'unavailable', 'it is not available'],
    [200, '<html>sign in to the network</html>', 'malformed', 'does not say that it took it'],
    [200, '', 'malformed', 'does not say that it took it'],
  ])('%i %s is told as %s', async (status, body, fault, because) => {
    const receiver = await startReceiver();
    try {
      receiver.failAlways({ status, body });
      const sender = await withAddress(receiver.url);
      await expect(sender.send(notice(), {})).rejects.toMatchObject({ fault, message: expect.stringContaining(because) });
    } finally {
      await receiver.stop();
    }
  });

  it('comes over https alone, and an address that is none is not repeated', async () => {
    const sender = await withAddress('http://hooks.slack.com/services/CANARY');
    await expect(sender.send(notice(), {})).rejects.toMatchObject({ fault: 'credentials', message: expect.not.stringContaining('CANARY') });
  });
});
