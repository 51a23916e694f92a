/**
 * Slack, by an incoming webhook. Whoever knows its address may write there, so it is a secret.
 * Everything is sent as elements of rich text: in these a text is a text, and nobody's words can become a mention, a link or a format.
 */

import * as z from 'zod/mini';
import type { Notice } from '../lifecycle/notice.ts';
import { secretRef } from '../secrets.ts';
import { defineNotices, type NoticeCall } from './notice.ts';
import { post, type Refusal, requireSecure, secretOf } from './post.ts';
import { timeout, timeoutMs } from './timeout.ts';

const settings = z.strictObject({ url: secretRef, timeout });

export default defineNotices({
  settings,
  isLocal: () => false,
  takesEvents: false,
  open: async ({ url, timeout }, context) => {
    const { name } = context;
    const address = async (call: NoticeCall): Promise<URL> =>
      requireSecure(
        await secretOf(url, 'url', context, call),
        name,
        'copy the Webhook URL of the Slack app whole: https://hooks.slack.com/services/…',
      );
    return {
      ready: async (call) => (await address(call)).host,
      send: async (notice, call) =>
        post(await address(call), context, call, {
          body: JSON.stringify(message(notice)),
          timeoutMs: timeoutMs(timeout),
          accepts: (answer) => answer.trim() === 'ok',
          explain,
        }),
    };
  },
});

/** https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks; `no_service` and `no_team` are those of a webhook that was taken away. */
const anew = 'make a new webhook in Slack, and put its address where the policy says';
const refusals: Readonly<Record<string, Refusal>> = {
  no_service: { fault: 'not-found', because: 'the webhook was taken away', next: anew },
  no_service_id: { fault: 'not-found', because: 'that is no address of a webhook', next: anew },
  no_team: { fault: 'not-found', because: 'the workspace is gone', next: anew },
  team_disabled: { fault: 'not-found', because: 'the workspace is gone', next: anew },
  invalid_token: { fault: 'credentials', because: 'the address is not the right one', next: anew },
  channel_not_found: { fault: 'not-found', because: 'the channel is gone', next: anew },
  channel_is_archived: {
    fault: 'not-found',
    because: 'the channel is archived',
    next: 'restore it in Slack, or make a webhook for another one',
  },
  action_prohibited: { fault: 'forbidden', because: 'an admin of Slack does not let webhooks post there', next: 'ask an admin of Slack' },
  posting_to_general_channel_denied: { fault: 'forbidden', because: 'only some people may post there', next: 'ask an admin of Slack' },
};

/** Slack says it in one word. Whatever else comes is not repeated. */
const explain = (_status: number, answer: string): Refusal | undefined =>
  Object.hasOwn(refusals, answer.trim()) ? refusals[answer.trim()] : undefined;

type Style = { readonly bold?: true; readonly code?: true };
type Element =
  | { readonly type: 'text'; readonly text: string; readonly style?: Style }
  | { readonly type: 'user'; readonly user_id: string }
  | { readonly type: 'date'; readonly timestamp: number; readonly format: string; readonly fallback: string };

/** Slack takes 3,000 characters in one text. */
const mostCharacters = 2_900;

export function message({ title, lines, commands, to }: Notice): object {
  const mentions = to.flatMap(({ slack }) => (slack === undefined ? [] : [slack]));
  const elements: Element[] = [...withTimes(title, { bold: true })];
  for (const id of [...new Set(mentions)].slice(0, 20)) elements.push(plain(' '), { type: 'user', user_id: id });
  for (const line of lines) elements.push(plain('\n'), ...withTimes(line));
  for (const command of commands) elements.push(plain('\n'), plain(command, { code: true }));
  return {
    // Where a client shows no blocks: in a notification.
    text: escaped(title),
    mrkdwn: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements: atMost(mostCharacters, elements) }] }],
  };
}

const plain = (text: string, style?: Style): Element => ({ type: 'text', text, ...(style === undefined ? {} : { style }) });

/** Everybody sees an instant in their own time zone. */
function withTimes(text: string, style?: Style): readonly Element[] {
  return text.split(/(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z)/).flatMap((part, index): readonly Element[] => {
    if (part === '') return [];
    const ms = index % 2 === 1 ? Date.parse(part) : Number.NaN;
    if (Number.isNaN(ms)) return [plain(part, style)];
    const fallback = `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    return [{ type: 'date', timestamp: Math.floor(ms / 1000), format: '{date_short_pretty} {time}', fallback }];
  });
}

function atMost(most: number, elements: readonly Element[]): readonly Element[] {
  const kept: Element[] = [];
  let left = most;
  for (const element of elements) {
    const length = element.type === 'text' ? element.text.length : 30;
    if (length > left) {
      kept.push(element.type === 'text' ? { ...element, text: `${element.text.slice(0, left).toWellFormed()}…` } : plain('…'));
      return kept;
    }
    kept.push(element);
    left -= length;
  }
  return kept;
}

/** Slack's three control characters (https://api.slack.com/reference/surfaces/formatting#escaping): what is left has no `<!channel>` and no `<@…>`. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
