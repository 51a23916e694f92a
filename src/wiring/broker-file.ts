/** Remembers and forgets the brokers that somebody signed in to. Loaded by `login` and `logout` alone: conf takes longer to load than a command to run. */

import { join } from 'node:path';
import Conf from 'conf';
import { isOncallError, OncallError } from '../errors.ts';
import { lock } from '../lock.ts';
import { signInFiles } from '../sign-in/context.ts';
import { brokersFolder, brokersName, type KnownBroker, knownBrokers } from './broker.ts';
import type { Env } from './find-policy.ts';

/** It becomes the one that commands go to. */
export const rememberBroker = (env: Env, broker: KnownBroker): Promise<void> =>
  change(env, (known) => [...known.filter(({ origin }) => origin !== broker.origin), broker]);

export const forgetBroker = (env: Env, origin: string): Promise<void> =>
  change(env, (known) => known.filter((one) => one.origin !== origin));

async function change(env: Env, changed: (known: readonly KnownBroker[]) => readonly KnownBroker[]): Promise<void> {
  const folder = brokersFolder(env);
  signInFiles(folder).make();
  const held = await lock(join(folder, `${brokersName}.lock`), { ms: 10_000, foreignMs: 60_000 });
  if (held === undefined) throw new OncallError('sign-in-busy', 'the broker cannot be remembered now', { next: 'try again' });
  try {
    const known = soundIn(env);
    const file = new Conf({
      projectName: 'oncall',
      cwd: folder,
      configName: brokersName,
      configFileMode: 0o600,
      // What is in it was read by `knownBrokers`.
      clearInvalidConfig: true,
      accessPropertiesByDotNotation: false,
    });
    file.store = { brokers: changed(known) };
  } finally {
    await held.release();
  }
}

/** A login is the way out of a file that cannot be read; one that others could have written has to be looked at first. */
function soundIn(env: Env): readonly KnownBroker[] {
  try {
    return knownBrokers(env);
  } catch (error) {
    if (isOncallError(error) && error.code === 'broker-file-broken') return [];
    throw error;
  }
}
