/** From an event of the audit trail to a notice, or to none. Pure. */

import type { LedgerEvent, RecordedEvent } from '../lifecycle/events.ts';
import type { Notice } from '../lifecycle/notice.ts';
import { nameOf } from '../policy/iam-role.ts';
import { slackName } from '../policy/notices.ts';
import { type Around, type Data, type Event, tells } from './notice-words.ts';

/** Whether there may be something to tell of it, so that its request is looked up. */
export const isTold = ({ type }: Pick<LedgerEvent, 'type'>): boolean => Object.hasOwn(tells, type);

export function noticeOf(event: RecordedEvent, around: Around): Notice | undefined {
  const { request, policy } = around;
  const role = event.role ?? request?.role ?? '';
  const holder = event.holder ?? request?.requester.email ?? '';
  const id = event.requestId ?? '';
  const data = typeof event.data === 'object' && event.data !== null ? { data: event.data as Data } : {};
  const told = tells[event.type]?.({ ...event, ...data } as Event, { ...around, role, holder, id });
  if (told === undefined) return undefined;
  const { kind, title, lines = [], commands = [], to = [], until } = told;
  return {
    id: `${event.ledger}/${event.seq}`,
    kind,
    at: event.at,
    title: oneLine(title),
    lines: lines.flatMap((line) => (line === undefined ? [] : [oneLine(line)])),
    commands: commands.map(oneLine),
    to: [...new Set(to)].map((email) => {
      const slack = Object.hasOwn(policy.people, email) ? policy.people[email]?.[slackName] : undefined;
      return { email, ...(slack === undefined ? {} : { slack }) };
    }),
    ...(id === '' ? {} : { request: id }),
    ...(role === '' ? {} : { role }),
    ...(holder === '' ? {} : { holder: oneLine(holder) }),
    ...(event.target === undefined ? {} : { target: oneLine(nameOf(event.target)) }),
    ...(until === undefined ? {} : { until }),
  };
}

/** After notices that could not be delivered in time. */
export const missedNotice = (ledger: string, seq: number, at: number, many: number): Notice => ({
  id: `${ledger}/${seq}-missed`,
  kind: 'missed',
  at,
  title: many === 1 ? 'a notice before this one was not delivered here' : `${many} notices before this one were not delivered here`,
  lines: ['what happened meanwhile is in the audit trail:'],
  commands: ['oncall audit list'],
  to: [],
});

const longest = 500;

/** Nobody's words make a second line, turn the reading direction, or hide what follows. */
const oneLine = (said: string): string => {
  const plain = said
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '')
    .trim();
  return plain.length <= longest ? plain : `${plain.slice(0, longest).toWellFormed()}…`;
};
