/** Somebody's machine without a browser, and brokers that answer as they are told: for tests of what is typed there. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { main } from '../../src/cli.ts';
import { type Answer, json, type Raw, startRaw } from '../broker/client-world.ts';
import { fakeIo } from '../fakes/io.ts';
import { newPerson } from '../fakes/person.ts';
import { scratch } from './scratch.ts';

type Run = { readonly exit: number; readonly out: string; readonly err: string };

/** A home of its own, and a browser elsewhere for whoever is told to open a page and enter a code. */
export function laptop(home = scratch()) {
  const folder = join(home, '.config/oncall/sign-in');
  let ahead = 0;
  const run = async (argv: readonly string[], env: Record<string, string> = {}): Promise<Run> => {
    const io = fakeIo();
    let isEntered = false;
    const stderr = {
      ...io.stderr,
      write: (text: string): void => {
        io.stderr.write(text);
        const [page, code] = [/^open\s+(https?:\/\/\S+)/m.exec(io.err())?.[1], /^enter\s+(\S+)/m.exec(io.err())?.[1]];
        if (isEntered || page === undefined || code === undefined) return;
        isEntered = true;
        void newPerson().enterCode(page, code, { login: 'maria@acme.dev' });
      },
    };
    const exit = await main(argv, { HOME: home, ...env }, { ...io, stderr, now: () => Date.now() + ahead });
    return { exit, out: io.out(), err: io.err() };
  };
  const tokens = () =>
    readdirSync(folder)
      .filter((name) => /^tokens-.*\.json$/.test(name))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  return {
    ...{ home, folder, run, tokens },
    login: (origin: string, ...more: string[]) => run(['login', origin, '--device', ...more]),
    brokers: () => JSON.parse(readFileSync(join(folder, 'brokers.json'), 'utf8')).brokers.map(({ origin }: { origin: string }) => origin),
    pass: (ms: number) => {
      ahead += ms;
    },
  };
}

/** Keeps what it was sent; `answer` is to every call. */
export const recordingBroker = (
  identities: (origin: string) => unknown[],
  answer: Answer = json(200, { schema: 1, result: [] }),
): Promise<Raw> =>
  startRaw((origin) => (response, seen) => {
    const metadata = { resource: origin, oncall: { api: 1, version: '0.1.0', identities: identities(origin) } };
    (seen.method === 'GET' ? json(200, metadata) : answer)(response, seen);
  });
