/** `notify` in the policy: the channels by which people, and programs, are told what has happened. */

import * as z from 'zod/mini';
import { listOf, text } from './fields.ts';
import type { Report } from './issue.ts';
import { suggest } from './nearest.ts';
import type { Role, Source } from './types.ts';

/** What there is to tell. */
export const noticeKinds = [
  'waiting',
  'granted',
  'denied',
  'expiring',
  'ended',
  'stuck',
  'break-glass',
  'review',
  'your-turn',
  'rotation',
  'ledger',
] as const;
export type NoticeKind = (typeof noticeKinds)[number];

/** `settings` has passed the schema of its kind and is read by that adapter only. */
export type Channel = Source & {
  /** Left out: everything there is to tell. */
  readonly about?: readonly NoticeKind[];
  /** In place of notices every event of the audit trail, as it was recorded. */
  readonly events?: 'all';
};

export const channel = z.looseObject({
  kind: z.exactOptional(text),
  about: z.exactOptional(listOf(z.enum(noticeKinds))),
  events: z.exactOptional(z.literal('all')),
});
export type WrittenChannel = z.infer<typeof channel>;

/** The key under `people` by which somebody is mentioned. */
export const slackName = 'slack';

export type NoticesCheck = {
  readonly keysAt: (path: readonly (string | number)[]) => readonly string[];
  readonly people: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly roles: readonly Role[];
  readonly defaults: readonly string[] | undefined;
  readonly report: Report;
};

export function noticeFaults({ keysAt, people, roles, defaults, report }: NoticesCheck): void {
  const channels = keysAt(['notify']);
  const undeclared = (names: readonly string[] | undefined, owner: readonly string[]): void => {
    for (const [index, name] of (names ?? []).entries()) {
      if (channels.includes(name)) continue;
      const hint = suggest(name, channels) ?? 'declare it under "notify" at the top of the file';
      report({ code: 'undeclared-channel', message: `there is no channel "${name}"`, hint, path: [...owner, 'notify', index] });
    }
  };
  undeclared(defaults, ['defaults']);
  for (const role of roles) {
    const at = ['roles', role.family?.name ?? role.name];
    if (keysAt(at).includes('notify')) undeclared(role.notify, at);
  }
  for (const [person, names] of Object.entries(people)) {
    const id = names[slackName];
    if (id === undefined || keysAt(['directories']).includes(slackName) || keysAt(['rosters']).includes(slackName)) continue;
    if (/^[UW][A-Z0-9]{5,20}$/.test(id)) continue;
    report({
      code: 'bad-value',
      message: 'is not the id of a Slack member, such as U012AB3CD',
      hint: 'their profile in Slack has it: Copy member ID',
      path: ['people', person, slackName],
    });
  }
}
