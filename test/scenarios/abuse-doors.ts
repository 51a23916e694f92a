/**
 * One company and the doors into it, for the table of abuses: `main()` that holds everything itself; `main()` of people who are signed in to a
 * broker; and whoever speaks HTTP to that broker with a token of their own making. The broker is in this process, without its limits on calls.
 */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../../src/broker/server.ts';
import { main } from '../../src/cli.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { RecordedEvent } from '../../src/lifecycle/events.ts';
import type { Policy } from '../../src/policy/types.ts';
import { takingTurns } from '../../src/wiring/background.ts';
import { type Env, findPolicy } from '../../src/wiring/find-policy.ts';
import { loadPolicy, readPolicyFile } from '../../src/wiring/load-policy.ts';
import { ledgerOf } from '../../src/wiring/open-ledger.ts';
import { hostOf, makeKeysFolder } from '../../src/wiring/serve-host.ts';
import { send, unlimited } from '../broker/world.ts';
import { freePort } from '../fakes/broker-seat.ts';
import { fakeIo } from '../fakes/io.ts';
import type { Issuer } from '../fakes/issuer.ts';
import { newPerson } from '../fakes/person.ts';
import type { Postgres } from '../fakes/postgres.ts';
import { newForge } from '../sign-in/forged.ts';
import { filesIn, type Json, newFolder, type Run, stage, typing } from './stage.ts';

export type DoorName = 'CLI direct' | 'CLI through the broker' | 'broker HTTP' | 'broker HTTP on PostgreSQL';

export type Wish = {
  readonly forMs?: number;
  readonly untilMs?: number;
  readonly reason?: string;
  readonly queue?: true;
  readonly breakGlass?: true;
  /** What the command line asks for besides; the broker asks nobody. */
  readonly unconfirmed?: true;
  readonly despiteLateSweep?: true;
};

/** `code`: of the error, or `ok`. `status`: the exit code, or that of HTTP. */
export type Answer = {
  readonly code: string;
  readonly status: number;
  readonly request?: { readonly id: string; readonly state: string; readonly expiresAt?: number };
  /** For what only one door says. */
  readonly text: string;
};

export type Door = {
  readonly name: DoorName;
  readonly isBroker: boolean;
  request(who: string, role: string, wish: Wish): Promise<Answer>;
  /** Of `approve`, `deny`, `release`, `revoke`. */
  act(who: string, verb: Verb, id: string, seen?: string): Promise<Answer>;
  /** Digests of what waits for them, by id. */
  waiting(who: string): Promise<ReadonlyMap<string, string>>;
  /** All that happened since that event. */
  audit(after: number): Promise<readonly RecordedEvent[]>;
  /** Ids of those who stand in line for the role. */
  line(role: string): Promise<readonly string[]>;
  sweep(): Promise<Answer>;
  pass(ms: number): Promise<void>;
  now(): number;
  read(name: string): string;
  write(name: string, text: string): void;
  /** The policy as it is from now on. */
  decree(policy: string): Promise<void>;
  /** `POST /v1/…` as it is written; where the door is the broker's. */
  post(who: string | undefined, operation: string, input: object, headers?: Readonly<Record<string, string>>): Promise<Answer>;
};
/** A review says so, and a yes may. */
const inOrder = 'all in order';
type Verb = 'approve' | 'deny' | 'release' | 'revoke';

/** Sign-ins: whose e-mail, spelled as the issuer spells it, and which subject. A second one of somebody is somebody else to the issuer. */
export const signIns: Readonly<Record<string, { readonly email: string; readonly uid: string }>> = {
  ...Object.fromEntries(
    ['boss', 'cron', 'maria', 'sam', 'ana', 'kim', 'eve', 'former'].map((name) => [name, { email: `${name}@acme.dev`, uid: `00u${name}` }]),
  ),
  MARIA: { email: 'MARIA@acme.dev', uid: '00uSecondOfMaria' },
  SAM: { email: 'SAM@acme.dev', uid: '00uSecondOfSam' },
  'maria, renamed': { email: 'm.silva@acme.dev', uid: '00umaria' },
  'sam, renamed': { email: 's.novak@acme.dev', uid: '00usam' },
};
/** Who has no sign-in of their own is taken at their word, where anybody is. */
const emailOf = (who: string): string => signIns[who]?.email ?? `${who}@acme.dev`;

type Files = (door: { readonly identity: string; readonly ledger: string }) => Readonly<Record<string, string>>;

/** Works the commands: the same words whether they go to a broker or not. */
function byCommands(
  json: (user: string, ...args: readonly string[]) => Promise<{ readonly exit: number; readonly document: Json }>,
): Pick<Door, 'request' | 'act' | 'waiting' | 'line' | 'sweep'> {
  const run = async (who: string, args: readonly string[]): Promise<Answer & { readonly document: Json }> => {
    const { exit, document } = await json(who, ...args);
    const { error, request } = document as { error?: { code: string }; request?: { id: string; state: string; expiresAt?: string } };
    const expiresAt = request?.expiresAt === undefined ? {} : { expiresAt: Date.parse(request.expiresAt) };
    return {
      ...{ code: error?.code ?? 'ok', status: exit, text: JSON.stringify(document), document },
      ...(request ? { request: { id: request.id, state: request.state, ...expiresAt } } : {}),
    };
  };
  return {
    request: (who, role, wish) => {
      const { forMs, untilMs, reason, queue, breakGlass, unconfirmed, despiteLateSweep } = wish;
      return run(who, [
        ...['request', role],
        ...(forMs === undefined ? [] : ['--for', `${forMs / 1000}s`]),
        ...(untilMs === undefined ? [] : ['--until', new Date(untilMs).toISOString()]),
        ...(reason === undefined ? [] : ['--reason', reason]),
        ...(queue ? ['--queue'] : []),
        ...(breakGlass ? ['--break-glass', ...(unconfirmed ? [] : ['--yes'])] : []),
        ...(despiteLateSweep ? ['--despite-late-sweep'] : []),
      ]);
    },
    act: (who, verb, id, seen) =>
      run(who, [verb, id, ...(verb === 'approve' ? ['--reason', inOrder] : []), ...(seen === undefined ? [] : ['--seen', seen])]),
    waiting: async (who) => digestsOf((await run(who, ['approve'])).document),
    line: async (role) => waitingIn(role, (await run('boss', ['status', role])).document.requests),
    sweep: () => run('cron', ['sweep']),
  };
}

const digestsOf = (waiting: Json): ReadonlyMap<string, string> =>
  new Map(([waiting.requests, waiting.reviews].flat() as readonly { id: string; digest: string }[]).map(({ id, digest }) => [id, digest]));
const waitingIn = (role: string, requests: unknown): readonly string[] =>
  (requests as readonly { id: string; role: string; state: string }[])
    .filter((one) => one.role === role && one.state === 'queued')
    .map(({ id }) => id);

const policyIn = async (folder: string, env: Env): Promise<Policy> =>
  (await loadPolicy(readPolicyFile(findPolicy({ policyPath: join(folder, 'oncall.yaml'), env, cwd: folder })), env)).policy;

async function remembering(folder: string, env: Env, now: () => number) {
  const policy = await policyIn(folder, env);
  const { signal } = new AbortController();
  const remembers = ledgerOf(policy, { env, now, signal, log: () => undefined, mayMigrate: true });
  return { policy, remembers, ledger: await remembers.ledger() };
}

/** As it was written, whoever may read what of it: no row should take the time of three. */
const auditOf =
  (ledger: Ledger): Door['audit'] =>
  async (after) =>
    (await ledger.read((q) => q.lastEvents(100))).filter(({ seq }) => seq > after);

export async function direct(files: Files): Promise<{ readonly door: Door; stop(): Promise<void> }> {
  const s = stage('main()', files({ identity: '{ kind: local }', ledger: './oncall.db' }));
  const { ledger } = await remembering(s.folder, { HOME: s.folder }, s.now);
  const door: Door = {
    ...{ name: 'CLI direct', isBroker: false, audit: auditOf(ledger) },
    ...byCommands((who, ...args) => s.json(emailOf(who), ...args)),
    ...{ pass: s.pass, now: s.now, read: s.read, write: s.write },
    decree: async (policy) => s.write('oncall.yaml', policy),
    post: async () => Promise.reject(new Error('there is no broker here')),
  };
  return {
    door,
    stop: async () => {
      await ledger.close();
      s.remove();
    },
  };
}

export type OpenBroker = {
  readonly cli: Door;
  readonly http: Door;
  /** Everybody who types is signed in. */
  signIn(): Promise<void>;
  stop(): Promise<void>;
};

export async function openBroker(files: Files, issuer: Issuer, postgres?: Postgres): Promise<OpenBroker> {
  const database = await postgres?.createDatabase();
  const { clientId, audience } = issuer.identity();
  const folder = newFolder({
    ...files({
      identity: `{ kind: oidc, issuer: ${issuer.url}, clientId: ${clientId}, audience: ${audience}, domains: [acme.dev] }`,
      ledger: database === undefined ? './oncall.db' : '{ postgres: { file: ./database-url } }',
    }),
    ...(postgres && database !== undefined ? { 'database-url': `${postgres.url(database)}\n` } : {}),
  });
  const inFolder = filesIn(folder);
  let ahead = 0;
  const now = (): number => Date.now() + ahead;
  const env = { HOME: folder, PATH: process.env.PATH ?? '' };
  const stopped = new AbortController();
  const { signal } = stopped;
  const found = await remembering(folder, env, now);
  const { ledger, remembers } = found;
  let { policy } = found;
  makeKeysFolder(env);
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const host = hostOf({
    ...{ version: '9.8.7', origin, policy: () => policy, rejected: () => undefined, ledger, remembers, env, now },
    ...{ tell: () => undefined, stopped: signal, background: takingTurns(signal).run },
  });
  const running = await serve(host, { listen: { host: '127.0.0.1', port }, limits: unlimited });

  const typed = async (who: string, args: readonly string[], onErr: (shown: string) => void = () => undefined): Promise<Run> => {
    const io = fakeIo();
    const write = (text: string): void => {
      io.stderr.write(text);
      onErr(io.err());
    };
    const home = { ...env, HOME: join(folder, 'laptop'), XDG_CONFIG_HOME: join(folder, who), TZ: 'UTC' };
    const stderr = { ...io.stderr, write };
    const exit = await main(args, home, { ...io, stderr, now, cwd: folder, sleep: async (ms) => void (await sleep(Math.min(ms, 20))) });
    return { exit, out: io.out(), err: io.err() };
  };

  const post: Door['post'] = async (who, operation, input, headers = {}) => {
    const { email, uid } = signIns[who ?? ''] ?? { email: emailOf(who ?? ''), uid: `00uForged${who}` };
    const token = (await newForge(issuer, now())).access({ sub: email, uid });
    const { status, body, text } = await send(port, {
      method: 'POST',
      path: `/v1/${operation}`,
      headers: {
        host: `localhost:${port}`,
        'content-type': 'application/json',
        ...(who === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: JSON.stringify(input),
    });
    const { result, error } = body;
    const { code } = error ?? result?.error ?? { code: 'ok' };
    return { code, status, text, ...(result?.request ? { request: result.request } : {}) };
  };
  const resultOf = async (who: string, operation: string, input: object) => JSON.parse((await post(who, operation, input)).text).result;

  const common = {
    ...{ isBroker: true, now, read: inFolder.read, write: inFolder.write, post },
    pass: async (ms: number) => {
      ahead += ms;
      if (database !== undefined) await postgres?.shiftClock(database, ahead);
    },
    decree: async (text: string) => {
      inFolder.write('oncall.yaml', text);
      policy = await policyIn(folder, env);
    },
    audit: auditOf(ledger),
  };
  return {
    cli: {
      ...byCommands(typing(typed).json),
      ...common,
      name: 'CLI through the broker',
    },
    http: {
      ...common,
      name: database === undefined ? 'broker HTTP' : 'broker HTTP on PostgreSQL',
      request: (who, role, { forMs, untilMs, unconfirmed: _, ...rest }) => {
        const asked = forMs !== undefined ? { forMs } : untilMs !== undefined ? { untilMs } : { byDefault: true };
        return post(who, 'request', { role, asked, ...rest });
      },
      act: (who, verb, id, seen) =>
        post(who, verb, { id, ...(verb === 'approve' ? { reason: inOrder } : {}), ...(seen === undefined ? {} : { seen }) }),
      waiting: async (who) => digestsOf(await resultOf(who, 'waiting', {})),
      line: async (role) => waitingIn(role, (await resultOf('boss', 'status', { of: role })).requests),
      sweep: () => post('cron', 'sweep', {}),
    },
    signIn: async () => {
      // Days pass in the table; renewing is tested elsewhere.
      Object.assign(issuer.knobs, { interval: 1, tokenTtlS: 100 * 24 * 3600 });
      for (const { email, uid } of Object.values(signIns)) issuer.accounts[email] = { id: uid, email, verified: true };
      await Promise.all(
        Object.entries(signIns).map(async ([who, { email }]) => {
          if (who === 'former') return;
          let isEntered = false;
          const { exit, err } = await typed(who, ['login', origin, '--device'], (shown) => {
            const [page, code] = [/^open\s+(https?:\/\/\S+)/m.exec(shown)?.[1], /^enter\s+(\S+)/m.exec(shown)?.[1]];
            if (isEntered || page === undefined || code === undefined) return;
            isEntered = true;
            void newPerson().enterCode(page, code, { login: email });
          });
          if (exit !== 0) throw new Error(`${who} is not signed in: ${err}`);
        }),
      );
    },
    stop: async () => {
      await running.stop(0);
      stopped.abort();
      await ledger.close();
      inFolder.remove();
    },
  };
}
