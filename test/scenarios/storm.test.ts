/**
 * Two brokers on one PostgreSQL behind many connections, one of them killed with -9 and started again and again, the database restarted
 * twice: nothing is lost, nothing is done twice, everything ends. STORM=all (`npm run storm`): 200 connections for a minute.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { noPostgres } from '../fakes/postgres.ts';
import { connection, newTally } from './storm/connection.ts';
import { load, newDone } from './storm/load.ts';
import { verdict } from './storm/verdict.ts';
import { boss, peopleOf, startStormWorld } from './storm/world.ts';

const all = process.env.STORM === 'all';
const [connections, ms] = all ? [200, 60_000] : [20, 4_000];
/** No person calls more often than a broker takes from one. */
const peopleEach = 3;
const minute = 60_000;

it.skipIf(noPostgres !== undefined)(
  `${connections} connections for ${ms / 1000} s, a broker killed again and again, PostgreSQL restarted twice: nothing is lost, doubled or left${noPostgres === undefined ? '' : ` (skipped: ${noPostgres})`}`,
  async () => {
    const people = peopleOf(connections * peopleEach);
    const world = await startStormWorld([...people, boss]);
    try {
      const [tally, done] = [newTally(), newDone()];
      const first = connection(world, tally, 0);
      expect((await first.call(boss, 'sweep')).answered?.status).toBe(200);
      first.close();
      const end = performance.now() + ms;
      const isOver = (): boolean => performance.now() > end;
      const callers = Array.from({ length: connections }, (_, index) =>
        load(world, tally, done, { people: people.slice(index * peopleEach, (index + 1) * peopleEach), index, isOver }),
      );
      let kills = 0;
      const killing = (async () => {
        for (; !isOver(); kills++) {
          await sleep(500 + Math.random() * 2_500);
          await world.killOne();
        }
      })();
      const restarting = (async () => {
        await sleep(ms / 3);
        await world.restartPostgres('fast');
        await sleep(ms / 3);
        await world.restartPostgres('immediate');
      })();
      await Promise.all([...callers, killing, restarting]);
      const overAt = performance.now();
      const { faults, events, repeated } = await verdict(world, done, tally.failedRequests);
      const statuses = [...tally.statuses].sort().map(([status, times]) => `${status}: ${times}`);
      console.info(
        [
          `${connections} connections for ${ms / 1000} s: ${tally.calls} calls (${statuses.join(', ')}), ${done.granted.length} granted,`,
          `${done.refused} refused, ${tally.retried} retried, ${done.open.length} left open, ${repeated} asked again and told the same; ${kills} kills, 2 restarts of PostgreSQL; ${events} events`,
        ].join(' '),
      );
      if (faults.length > 0)
        console.info(
          world
            .logs()
            .split('\n')
            .filter((line) => /^\S+Z (?:error|warning)/.test(line))
            .slice(0, 20)
            .join('\n'),
        );
      console.info(
        `the last answer came ${Math.round(overAt - end)} ms after the end, all was settled ${Math.round(performance.now() - overAt)} ms later`,
      );
      console.info(`storm: ${faults.length + tally.wrong.length} faults`);
      expect([...faults, ...tally.wrong].slice(0, 20)).toEqual([]);
      expect(done.granted.length).toBeGreaterThan(0);
      expect(kills).toBeGreaterThan(all ? 10 : 0);
    } finally {
      await world.stop();
    }
  },
  (all ? 15 : 3) * minute,
);
