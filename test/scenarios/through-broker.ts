/** The doors that lead through a broker: what people type runs as a process of its own that is signed in to `oncall serve` over TLS and holds nothing else. */

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Broker, type BrokerSeat, brokerSeat, startBroker } from '../fakes/broker-seat.ts';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { newPerson } from '../fakes/person.ts';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';
import { clock, type Door, filesIn, newFolder, type Stage, spawnCli, stage, typing } from './stage.ts';

export type BrokerDoor = Extract<Door, `a broker${string}`>;
export const brokerDoors: readonly BrokerDoor[] = ['a broker on SQLite', 'a broker on PostgreSQL'];

export const cannotOpen = (door: Door): string | undefined => (door === 'a broker on PostgreSQL' ? noPostgres : undefined);
/** For the title of what is skipped. */
export const skippedAt = (door: Door): string => (cannotOpen(door) === undefined ? '' : ` (skipped: ${cannotOpen(door)})`);
export const isBrokerDoor = (door: Door): door is BrokerDoor => (brokerDoors as readonly Door[]).includes(door);

const everybody = ['boss', 'maria', 'sam', 'ana', 'cron'];

export type BrokerStage = Stage & {
  /** The broker is told to look at its files; resolves when it has said that. */
  reload(says: RegExp): Promise<void>;
  /** How the broker has ended, once it has. */
  ended(): Promise<unknown>;
  /** The broker is killed, and started again afterwards; with its environment as it is then. */
  whileDown(work: (ledger: BrokerLedger, folder: string) => Promise<void>): Promise<void>;
};

/** What the brokers of a test file share: one address, one issuer, one PostgreSQL, and people who have signed in once. */
export type Brokers = {
  start(): Promise<void>;
  /** Fails where one of the brokers has said what none should. */
  stop(): Promise<void>;
  /**
   * The same policy, with its identities proved, its ledger where the door says, and cron among the admins: through a broker only they sweep.
   * One at a time: all have the same address.
   */
  open(
    door: BrokerDoor,
    files: Readonly<Record<string, string>>,
    env?: Readonly<Record<string, string>>,
    beforeStart?: (folder: string) => void,
  ): Promise<BrokerStage>;
  readonly issuer: () => Issuer;
  readonly seat: () => BrokerSeat;
};

export type Opening = {
  /** For doors that lead through a broker. */
  readonly through?: Brokers | undefined;
  /** Of whoever holds the directories' keys. */
  readonly env?: Readonly<Record<string, string>>;
  /** For the other doors: as `stage` has it. */
  readonly signedIn?: (user: string) => string | undefined;
};

export async function openStage(door: Door, files: Readonly<Record<string, string>>, opening: Opening = {}): Promise<Stage> {
  const { through, env = {}, signedIn } = opening;
  if (!isBrokerDoor(door)) return stage(door, files, env, signedIn);
  if (through === undefined) throw new Error(`nothing leads through ${door} here`);
  return through.open(door, files, env);
}

export function brokers(also: readonly string[] = []): Brokers {
  let [issuer, postgres]: [Issuer | undefined, Postgres | undefined] = [undefined, undefined];
  let seat: BrokerSeat | undefined;
  let home = '';
  let last: Promise<unknown> = Promise.resolve();
  const complaints: string[] = [];
  const started = <T>(what: T | undefined): T => {
    if (what === undefined) throw new Error('not started');
    return what;
  };

  const open: Brokers['open'] = async (door, files, env = {}, beforeStart = () => undefined) => {
    const isOnPostgres = door === 'a broker on PostgreSQL';
    const ledger = isOnPostgres ? await postgresLedger(started(postgres)) : fileLedger();
    const policy = served(files['oncall.yaml'] ?? '', started(issuer), ledger.policy);
    const folder = newFolder({ ...files, ...ledger.files, 'oncall.yaml': policy });
    beforeStart(folder);
    let ahead = 0;
    const start = async (): Promise<Broker> => {
      // All have the same address.
      await last;
      const serving = await startBroker({ seat: started(seat), folder, env, aheadMs: ahead });
      last = serving.ended;
      return serving;
    };
    let broker = await start().catch((error: unknown) => {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    });
    const envOf = (user: string): Record<string, string> => ({
      PATH: process.env.PATH ?? '',
      HOME: join(home, 'laptop'),
      XDG_CONFIG_HOME: join(home, user),
      XDG_CACHE_HOME: join(home, 'laptop/cache'),
      TZ: 'UTC',
      NODE_EXTRA_CA_CERTS: started(seat).caFile,
      ...(ahead === 0 ? {} : { NODE_OPTIONS: `--require ${clock}`, CLOCK_AHEAD_MS: String(ahead) }),
    });
    const end = async (): Promise<void> => {
      complaints.push(...unseemly(broker.log()));
      await broker.end('SIGKILL');
    };
    const inFolder = filesIn(folder);
    return {
      ...typing((user, args, onErr) => spawnCli(args, envOf(user), join(home, 'laptop'), onErr)),
      ...inFolder,
      env: envOf,
      pass: async (ms) => {
        ahead += ms;
        await ledger.shiftClock(ahead);
        broker.setAhead(ahead);
      },
      now: () => Date.now() + ahead,
      reload: async (says) => {
        process.kill(broker.pid, 'SIGHUP');
        while (!says.test(broker.log())) await sleep(20);
      },
      ended: () => broker.ended,
      whileDown: async (work) => {
        await end();
        await work(ledger, folder);
        broker = await start();
      },
      remove: () => {
        void end();
        inFolder.remove();
      },
    };
  };

  return {
    issuer: () => started(issuer),
    seat: () => started(seat),
    start: async () => {
      home = mkdtempSync(join(tmpdir(), 'oncall-signed-in-'));
      mkdirSync(join(home, 'laptop'));
      [issuer, postgres, seat] = await Promise.all([
        startIssuer(),
        noPostgres === undefined ? startPostgres() : undefined,
        brokerSeat(home),
      ]);
      // Weeks pass in some scenarios; renewing is tested elsewhere.
      Object.assign(issuer.knobs, { interval: 1, tokenTtlS: 30 * 24 * 3600 });
      const people = [...everybody, ...also];
      for (const name of people) issuer.accounts[`${name}@acme.dev`] = { id: `00u${name}`, email: `${name}@acme.dev`, verified: true };
      const first = await open('a broker on SQLite', { 'oncall.yaml': emptyPolicy, 'groups.json': '{ "users": [], "groups": {} }' });
      try {
        const { origin } = seat;
        await Promise.all(people.map((name) => signIn(first, name, origin)));
      } finally {
        first.remove();
      }
    },
    open,
    stop: async () => {
      await last;
      await Promise.all([issuer?.stop(), postgres?.remove()]);
      rmSync(home, { recursive: true, force: true });
      if (complaints.length > 0) throw new Error(`a broker has said: ${complaints.join('\n')}`);
    },
  };
}

/** Where a broker's ledger is, and how an administrator of that place takes a copy and puts it back. Nobody may be using it. */
export type BrokerLedger = {
  /** For the policy; left out: as it says. */
  readonly policy?: string;
  readonly files: Readonly<Record<string, string>>;
  shiftClock(ms: number): Promise<void>;
  copy(folder: string): Promise<void>;
  putBack(folder: string): Promise<void>;
};

function fileLedger(): BrokerLedger {
  const filesOf = (folder: string): string[] => readdirSync(folder).filter((name) => /^oncall\.db(-|$)/.test(name));
  return {
    files: {},
    shiftClock: async () => undefined,
    copy: async (folder) => {
      mkdirSync(join(folder, 'copy'));
      for (const name of filesOf(folder)) cpSync(join(folder, name), join(folder, 'copy', name));
    },
    putBack: async (folder) => {
      for (const name of filesOf(folder)) rmSync(join(folder, name));
      for (const name of filesOf(join(folder, 'copy'))) cpSync(join(folder, 'copy', name), join(folder, name));
    },
  };
}

async function postgresLedger(postgres: Postgres): Promise<BrokerLedger> {
  const database = await postgres.createDatabase();
  const replace = async (to: string, from: string): Promise<void> => {
    await postgres.query('postgres', `DROP DATABASE IF EXISTS ${to}`);
    await postgres.query('postgres', `CREATE DATABASE ${to} OWNER oncall TEMPLATE ${from}`);
  };
  return {
    policy: 'ledger: { postgres: { file: ./database-url } }',
    files: { 'database-url': `${postgres.url(database)}\n` },
    shiftClock: (ms) => postgres.shiftClock(database, ms),
    copy: () => replace(`${database}_copy`, database),
    putBack: () => replace(database, `${database}_copy`),
  };
}

const emptyPolicy = `version: 1
ledger: ./oncall.db
directories:
  local: { path: ./groups.json }
roles:
  any: { targets: { local: any }, allow: [ { user: maria@acme.dev } ] }
`;

function served(policy: string, issuer: Issuer, ledger: string | undefined): string {
  const { clientId, audience } = issuer.identity();
  const identity = `identity: [ { kind: oidc, issuer: ${issuer.url}, clientId: ${clientId}, audience: ${audience}, domains: [acme.dev] } ]\n`;
  const inOneLine = /^admins: *\[(.*)\]$/m.exec(policy)?.[1]?.trim() ?? '';
  const byLine = (/^admins:\n((?: +- .*\n)*)/m.exec(policy)?.[1] ?? '').matchAll(/- (.*)\n/g);
  const others = [inOneLine, ...[...byLine].map((line) => line[1])].map((admin) => (admin === '' ? '' : `, ${admin}`)).join('');
  const rest = policy.replace(/^(?:identity|admins):.*\n(?: +- .*\n)*/gm, '');
  return `${rest.replace(/^ledger: .*$/m, ledger ?? '$&')}${identity}admins: [ { user: cron@acme.dev }${others} ]\n`;
}

async function signIn(at: Stage, name: string, origin: string): Promise<void> {
  const { exit, err } = await at.runWatched(name, ['login', origin, '--device'], async (shown) => {
    const page = /https?:\/\/\S+\/activate\S*/.exec(shown)?.[0];
    const code = /\b[A-Z]{4}-[A-Z]{4}\b/.exec(shown)?.[0];
    if (page === undefined || code === undefined) return false;
    await newPerson().enterCode(page.replace(/[.,]$/, ''), code, { login: `${name}@acme.dev` });
    return true;
  });
  if (exit !== 0) throw new Error(`${name} is not signed in: ${err}`);
}

/** No stack trace and no secret belongs in a log. */
const unseemly = (log: string): readonly string[] => log.split('\n').filter((line) => /^\s+at |CANARY|node:internal/.test(line));
