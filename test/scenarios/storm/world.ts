/** Two brokers of one company on one PostgreSQL, one of which is killed again and again, and what was down when. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Broker, type BrokerSeat, brokerSeat, freePort, startBroker } from '../../fakes/broker-seat.ts';
import { audience, clientId, startIssuer } from '../../fakes/issuer.ts';
import { startPostgres } from '../../fakes/postgres.ts';
import { newForge } from '../../sign-in/forged.ts';

export const peopleOf = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `p${index}@acme.dev`);
export const boss = 'boss@acme.dev';
export const groups = ['viewers', 'migrators', 'guards'] as const;

const policy = (issuer: string): string => `version: 1
ledger: { postgres: { file: ./database-url } }
identity: [ { kind: oidc, issuer: ${issuer}, clientId: ${clientId}, audience: ${audience}, domains: [acme.dev] } ]
admins: [ { user: ${boss} } ]
directories:
  local: { path: ./groups.json, exclusive: [migrators] }
roles:
  viewer:
    targets: { local: viewers }
    allow: [ { member: local/everybody } ]
  migration:
    targets: { local: migrators }
    maxHolders: 1
    allow: [ { member: local/everybody } ]
  guarded:
    targets: { local: guards }
    ask: [ { member: local/everybody } ]
    approvers: [ { member: local/everybody } ]
`;

export type StormWorld = Awaited<ReturnType<typeof startStormWorld>>;

export async function startStormWorld(people: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'oncall-storm-'));
  const [issuer, postgres, seat] = await Promise.all([startIssuer(), startPostgres({ fsync: true }), brokerSeat(folder)]);
  const forge = await newForge(issuer);
  const database = await postgres.createDatabase();
  const put = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });
  put('oncall.yaml', policy(issuer.url));
  put('database-url', `${postgres.url(database)}\n`);
  const empty = Object.fromEntries(groups.map((name) => [name, [] as string[]]));
  put('groups.json', JSON.stringify({ users: people, groups: { ...empty, everybody: people } }));

  // Behind one name, as a balancer would have them.
  const seats: readonly BrokerSeat[] = [seat, { ...seat, port: await freePort() }];
  const brokers: (Broker | undefined)[] = [];
  const logs: string[] = [];
  const down = new Set<string>();
  let [aheadMs, lastDown] = [0, 0];
  const goesDown = (name: string): void => void down.add(name);
  const comesUp = (name: string): void => {
    down.delete(name);
    lastDown = performance.now();
  };
  const startOne = async (index: number): Promise<void> => {
    const home = join(folder, `host-${index}`);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const at = seats[index] as BrokerSeat;
    // It starts only where the database answers, which it may not just now.
    for (let tries = 1; brokers[index] === undefined; tries++) {
      brokers[index] = await startBroker({ seat: at, folder, env: { HOME: home }, sweepEvery: '2s', aheadMs }).catch((error: Error) => {
        if (tries === 20) throw error;
        logs.push(error.message);
        return undefined;
      });
    }
  };
  const endOne = async (index: number, signal: NodeJS.Signals): Promise<void> => {
    const broker = brokers[index];
    brokers[index] = undefined;
    if (broker === undefined) return;
    await broker.end(signal);
    logs.push(broker.log());
  };
  await Promise.all(seats.map((_, index) => startOne(index)));

  const tokens = new Map<string, string>();
  return {
    seats,
    ca: seat.certificate.cert,
    postgres,
    database,
    token: (email: string): string => {
      const known = tokens.get(email) ?? forge.access({ sub: email, uid: `00u-${email.split('@')[0]}` });
      tokens.set(email, known);
      return known;
    },
    /** Whether anything was down at some time since then, or up again for less than it takes to be noticed. */
    wasDown: (since: number): boolean => down.size > 0 || lastDown + 3_000 > since,
    killOne: async (): Promise<void> => {
      goesDown('a broker');
      await endOne(1, 'SIGKILL');
      await startOne(1);
      comesUp('a broker');
    },
    restartPostgres: async (how: 'fast' | 'immediate'): Promise<void> => {
      goesDown('PostgreSQL');
      if (how === 'fast') await postgres.stop();
      else await postgres.stopHard();
      await sleep(500);
      await postgres.start();
      comesUp('PostgreSQL');
    },
    /** For brokers and database alike: the brokers are started anew. */
    pass: async (ms: number): Promise<void> => {
      await Promise.all(seats.map((_, index) => endOne(index, 'SIGTERM')));
      aheadMs += ms;
      await postgres.shiftClock(database, aheadMs);
      await Promise.all(seats.map((_, index) => startOne(index)));
    },
    members: (): Readonly<Record<string, readonly string[]>> => JSON.parse(readFileSync(join(folder, 'groups.json'), 'utf8')).groups,
    /** Of all brokers there were. */
    logs: (): string => [...logs, ...brokers.map((broker) => broker?.log() ?? '')].join('\n'),
    stop: async (): Promise<void> => {
      await Promise.all(seats.map((_, index) => endOne(index, 'SIGKILL')));
      await Promise.all([issuer.stop(), postgres.remove()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
