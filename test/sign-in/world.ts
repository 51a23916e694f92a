/** A person's folder and the surroundings of a sign-in, for the tests of this folder. */

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SignInContext } from '../../src/sign-in/context.ts';
import { type LoginInput, login } from '../../src/sign-in/login.ts';
import type { OidcIdentity } from '../../src/sign-in/settings.ts';
import { newPerson } from '../fakes/person.ts';

export type World = {
  readonly context: SignInContext;
  readonly logged: string[];
  /** Moves this program's clock; the issuer keeps its own. */
  advance(ms: number): void;
  /** What is kept, by the kind of file. */
  kept(prefix: 'tokens' | 'keys'): Record<string, unknown>[];
  remove(): void;
};

export function newWorld(changes: Partial<SignInContext> = {}): World {
  const home = mkdtempSync(join(tmpdir(), 'oncall-sign-in-'));
  const folder = join(home, '.config', 'oncall', 'sign-in');
  const logged: string[] = [];
  let ahead = 0;
  return {
    context: {
      folder,
      origin: 'direct',
      now: () => Date.now() + ahead,
      signal: new AbortController().signal,
      log: (line) => void logged.push(line),
      ...changes,
    },
    logged,
    advance: (ms) => {
      ahead += ms;
    },
    kept: (prefix) =>
      readdirSync(folder)
        .filter((name) => name.startsWith(prefix) && name.endsWith('.json'))
        .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8'))),
    remove: () => {
      chmodSync(home, 0o700);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Signs in as somebody whose browser does what it is told. */
export function signInAs(
  who: string,
  identity: OidcIdentity,
  context: SignInContext,
  changes: Partial<LoginInput> = {},
): ReturnType<typeof login> {
  const openBrowser = async (url: string) => {
    void newPerson().signIn(url, who);
    return true;
  };
  return login({ identity, device: false, env: { DISPLAY: ':0' }, io: { say: () => undefined, openBrowser }, ...changes }, context);
}

/** The refusal itself, so that a test can look at all three parts of it. */
export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ code: string; exit: number; message: string; why: string; next: string }> {
  const error = await work.then(
    (value) => {
      throw new Error(`it was accepted: ${JSON.stringify(value)}`);
    },
    (thrown) => thrown,
  );
  return { code: error.code, exit: error.exit, message: error.message, why: error.why ?? '', next: error.next ?? '' };
}
