/** Malformed HTTP by the thousand: no crash, no fault of the program, bounded memory, and nothing of the inside in any answer. `CASES` and `SEED` come from the environment. */

import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { malformed, randomFrom } from './malformed.ts';
import { type BrokerWorld, startBroker } from './world.ts';

const cases = Number(process.env.CASES ?? 1500);
const seed = Number(process.env.SEED ?? 1);
const atOnce = 40;

let world: BrokerWorld;
const printed: unknown[] = [];
const { error, warn } = console;

beforeAll(async () => {
  // Unlike in the other tests a flood is not recorded call by call.
  world = await startBroker({ settings: { limits: { recordedPerMinuteOfNobody: 60, headersMs: 2_000, requestMs: 3_000 } } });
  Object.assign(console, { error: (...words: unknown[]) => printed.push(words), warn: (...words: unknown[]) => printed.push(words) });
});
afterAll(async () => {
  Object.assign(console, { error, warn });
  await world.stop();
});

/** Everything that came back, until the other side ends it or has said nothing for a moment. */
function answerTo(pieces: readonly Buffer[]): Promise<string> {
  return new Promise((resolve) => {
    const got: Buffer[] = [];
    const socket = connect({ host: '127.0.0.1', port: world.port });
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(got).toString('latin1'));
    };
    let timer = setTimeout(done, 150);
    socket.on('data', (chunk: Buffer) => {
      got.push(chunk);
      clearTimeout(timer);
      timer = setTimeout(done, 25);
    });
    for (const ending of ['end', 'error', 'close']) socket.once(ending, done);
    for (const piece of pieces) socket.write(piece);
  });
}

const inside = /\n\s+at |node_modules|\.ts\b|\.c?js:|\/work\/|\/home\/|\/tmp\/|SQLITE|TypeError|RangeError|ZodError|eyJ/;

it(
  `survives ${cases} malformed requests`,
  async () => {
    const token = world.token('maria');
    const statuses = new Map<string, number>();
    const wrong: string[] = [];
    const rss: number[] = [];
    let next = 0;
    const work = async () => {
      while (next < cases) {
        const number = next++;
        const answer = await answerTo(malformed(randomFrom(seed * 1_000_003 + number), { port: world.port, token }));
        for (const [, status = ''] of answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (answer === '') statuses.set('none', (statuses.get('none') ?? 0) + 1);
        if (inside.test(answer) || /^HTTP\/1\.1 500/m.test(answer)) wrong.push(`case ${number}: ${answer.slice(0, 500)}`);
        if (number % Math.ceil(cases / 20) === 0) rss.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    if (process.env.CASES !== undefined)
      process.stdout.write(`${JSON.stringify(Object.fromEntries([...statuses].sort()))}\nRSS, MB: ${rss.join(' ')}\n`);
    expect(wrong).toEqual([]);
    expect(world.logged.filter((line) => line.includes('fault'))).toEqual([]);
    expect(printed).toEqual([]);
    // It got to the operations as well as to the parser.
    for (const status of ['200', '400', '401', '404', '405', '413', '415', '421'])
      expect([status, statuses.has(status)]).toEqual([status, true]);
    expect((await world.call('roles')).status).toBe(200);
    // What stays after the first tenth, with the garbage of the moment on top.
    expect((rss.at(-1) ?? 0) - (rss[2] ?? 0)).toBeLessThan(200);
    expect((await world.events()).filter(({ type }) => type === 'call.refused').length).toBeLessThan(1000);
  },
  Math.max(120_000, cases * 20),
);
