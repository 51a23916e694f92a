/** What a row of the table of abuses plays with: a role of its own in a company that all rows share, and how it is told that nothing began. */

import { expect } from 'vitest';
import type { RecordedEvent } from '../../src/lifecycle/events.ts';
import type { Answer, Door, DoorName, Wish } from './abuse-doors.ts';

/** What a refusal is to who types, and to who calls. */
const refusals: Readonly<Record<string, readonly [exit: number, http: number]>> = {
  'own-request': [3, 403],
  forbidden: [3, 403],
  denied: [3, 403],
  blocked: [3, 403],
  'not-yours': [3, 403],
  'not-your-turn': [3, 403],
  'no-break-glass': [3, 403],
  'review-overdue': [3, 403],
  'said-yes-already': [8, 409],
  taken: [8, 409],
  'not-pending': [1, 409],
  'not-as-seen': [1, 409],
  'another-sign-in': [1, 409],
  undecided: [1, 503],
  'reason-needed': [2, 400],
  usage: [2, 400],
  'bad-input': [2, 400],
  'token-refused': [4, 401],
  'not-signed-in': [4, 401],
};
/** docs/architecture.md: a broker writes down what it refuses, but for what is only not yet or too late; a request that the policy refuses is an event of its own. */
const isCallRefused = (code: string): boolean => ![409, 503].includes(refusals[code]?.[1] ?? 0) && code !== 'denied';
/** What may be written down where nothing is to begin. */
const harmless = ['call.refused', 'request.refused', 'request.expired'];

export type World = Pick<Door, 'act' | 'waiting' | 'sweep' | 'pass' | 'now' | 'write' | 'read' | 'post'> & {
  readonly door: DoorName;
  /** The row's own role, and its group's name as well. */
  readonly role: string;
  request(who: string, wish?: Wish): Promise<Answer>;
  /** As it should be; the id of what was asked for. */
  asks(who: string, wish?: Wish): Promise<string>;
  /** As it should be. */
  does(who: string, verb: 'approve' | 'deny' | 'release', id: string): Promise<void>;
  /** Who is in the role's group, by first name. */
  members(): readonly string[];
  line(): Promise<readonly string[]>;
  /** Of the role. */
  trail(): Promise<readonly RecordedEvent[]>;
  /** How many events of each type. */
  count(...types: readonly string[]): Promise<readonly number[]>;
  /** It is refused, told so, and nothing begins. */
  refused(code: string | Coded, act: () => Promise<Answer>): Promise<Answer>;
  /** It is answered, and nothing begins by it, but for what is named. */
  /** Where people sign in, another subject or e-mail than what is open is for; typed on the host itself, only another spelling. */
  ofAnotherSignIn(act: () => Promise<Answer>): Promise<Answer>;
  inVain(act: () => Promise<Answer>, ...events: readonly string[]): Promise<Answer>;
  /** The policy is another one from now on, for this row. */
  edit(from: string | RegExp, to: string): Promise<void>;
};
/** Where people who type are told by another name than who calls. */
type Coded = { readonly typed: string; readonly called: string };

export type Row = {
  readonly abuse: string;
  /** The keys of its role in the policy. */
  readonly keys: string;
  readonly at: readonly DoorName[];
  readonly play: (w: World) => Promise<void>;
};

const people = ['maria', 'm.silva', 'sam', 's.novak', 'ana', 'kim', 'eve', 'former', 'boss', 'lead'].map((name) => `${name}@acme.dev`);

type Named = Row & { readonly role: string };
/** Each row has a role at each door, so that none is in another's way. */
export const named = (rows: readonly Row[], doors: readonly DoorName[]): readonly (Named & { readonly door: DoorName })[] =>
  doors.flatMap((door) =>
    rows.flatMap((row, index) =>
      row.at.includes(door) ? [{ ...row, door, role: `row-${index}-${door.replaceAll(/\W/g, '-').toLowerCase()}` }] : [],
    ),
  );

const isCounted = ({ keys }: Row): boolean => keys.includes('maxHolders');

export const filesOf =
  (rows: readonly Named[]) =>
  ({ identity, ledger }: { readonly identity: string; readonly ledger: string }): Readonly<Record<string, string>> => ({
    'oncall.yaml': `version: 1
ledger: ${ledger}
identity: [ ${identity} ]
admins: [ { user: [boss@acme.dev, cron@acme.dev] } ]
sweep: { refuseWhenLate: 300d }
directories:
  local: { path: ./groups.json, exclusive: [${rows.filter(isCounted).map(({ role }) => role)}] }
rosters:
  file: { path: ./schedule.yaml }
blocked: [ former@acme.dev ]
delegate:
  lead@acme.dev: { to: [maria@acme.dev, ana@acme.dev, kim@acme.dev], until: 2099-12-31 }
roles:
${rows.map(({ role, keys }) => `  ${role}:\n    targets: { local: ${role} }\n    ${keys}`).join('\n')}
`,
    'groups.json': JSON.stringify({
      users: people,
      groups: Object.fromEntries([...rows.map(({ role }) => role), 'else'].map((role) => [role, []])),
    }),
    'schedule.yaml': 'schedules: { db: [ { user: sam@acme.dev } ] }\n',
  });

export async function played(door: Door, { role, play }: Named): Promise<void> {
  const [policy, schedule] = [door.read('oncall.yaml'), door.read('schedule.yaml')];
  const groups = (): Readonly<Record<string, readonly string[]>> => JSON.parse(door.read('groups.json')).groups;
  const isTyped = door.name.startsWith('CLI');
  const watched = async (act: () => Promise<Answer>): Promise<{ readonly answer: Answer; readonly since: readonly RecordedEvent[] }> => {
    const before = { groups: groups(), seq: (await door.audit(0)).at(-1)?.seq ?? 0 };
    const answer = await act();
    const since = await door.audit(before.seq);
    expect(groups(), answer.text).toEqual(before.groups);
    return { answer, since };
  };
  const trail = async () => (await door.audit(0)).filter((event) => event.role === role);
  const begun = (since: readonly RecordedEvent[], ...meant: readonly string[]): readonly string[] =>
    since.map(({ type }) => type).filter((type) => ![...harmless, ...meant].includes(type));
  const w: World = {
    ...{ ...door, door: door.name, role },
    request: (who, wish = {}) => door.request(who, role, wish),
    asks: async (who, wish = {}) => {
      const { code, request, text } = await door.request(who, role, wish);
      expect([code, request !== undefined], text).toEqual(['ok', true]);
      return request?.id ?? '';
    },
    does: async (who, verb, id) => {
      const { code, text } = await door.act(who, verb, id);
      expect(code, text).toBe('ok');
    },
    members: () => (groups()[role] ?? []).map((email) => email.split('@')[0] ?? ''),
    line: () => door.line(role),
    trail,
    count: async (...types) => {
      const events = await trail();
      return types.map((type) => events.filter((event) => event.type === type).length);
    },
    refused: async (told, act) => {
      const code = typeof told === 'string' ? told : isTyped ? told.typed : told.called;
      const { answer, since } = await watched(act);
      expect([answer.code, answer.status], answer.text).toEqual([code, refusals[code]?.[isTyped ? 0 : 1]]);
      expect(begun(since)).toEqual([]);
      const types = since.map(({ type }) => type);
      // What the command line refuses by itself never gets to the broker.
      if (door.isBroker && isCallRefused(code) && !(isTyped && code === 'usage')) expect(types).toContain('call.refused');
      if (code === 'denied') expect(types).toContain('request.refused');
      return answer;
    },
    ofAnotherSignIn: (act) => (door.name === 'CLI direct' ? w.inVain(act) : w.refused('another-sign-in', act)),
    inVain: async (act, ...events) => {
      const { answer, since } = await watched(act);
      expect(answer.code, answer.text).toBe('ok');
      expect(begun(since, ...events)).toEqual([]);
      return answer;
    },
    edit: async (from, to) => {
      const now = door.read('oncall.yaml');
      const changed = now.replace(from, to);
      expect(changed).not.toBe(now);
      await door.decree(changed);
    },
  };
  try {
    await play(w);
  } finally {
    if (door.read('oncall.yaml') !== policy) await door.decree(policy);
    if (door.read('schedule.yaml') !== schedule) door.write('schedule.yaml', schedule);
  }
}
