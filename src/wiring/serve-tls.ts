/** The certificate of a broker: read again when its files change, and only a sound pair takes the place of the one in use. */

import type { LogEntry, ServeInput } from '../commands/command.ts';
import { isOncallError } from '../errors.ts';
import { type KeyPair, readKeyPair } from './serve-address.ts';

export type KeyPairs = {
  readonly current: () => KeyPair;
  /** `told`: says so too where nothing has changed. Never throws. */
  readonly look: (reload: () => Promise<void>, told?: boolean) => Promise<void>;
};

export type KeyPairsOf = { readonly tls: NonNullable<ServeInput['tls']>; readonly cwd: string; readonly tell: (entry: LogEntry) => void };

export function keyPairs({ tls, cwd, tell }: KeyPairsOf): KeyPairs {
  let current = readKeyPair(tls, cwd);
  let rejected = '';
  const look = async (reload: () => Promise<void>, told: boolean): Promise<void> => {
    const before = current;
    try {
      const found = readKeyPair(tls, cwd);
      const isNew = found.cert !== current.cert || found.key !== current.key;
      rejected = '';
      if (isNew) {
        current = found;
        await reload();
      }
      if (isNew || told) tell({ level: 'info', event: isNew ? 'tls.loaded' : 'tls.unchanged', message: lineOf(current, isNew) });
    } catch (error) {
      current = before;
      const why = error instanceof Error ? error.message + (isOncallError(error) && error.why ? `: ${error.why}` : '') : String(error);
      const message = `the certificate is not replaced, the one before it stays in use: ${why}`;
      // While one of the two files is written already they do not fit; that passes.
      const details = isOncallError(error) && error.next !== undefined ? { details: { next: error.next } } : {};
      if (told || why !== rejected) tell({ level: 'error', event: 'tls.rejected', message, ...details });
      rejected = why;
    }
  };
  return { current: () => current, look: (reload, told = false) => look(reload, told) };
}

export const untilOf = ({ validTo }: KeyPair): string => new Date(validTo).toISOString().slice(0, 10);

const lineOf = (pair: KeyPair, isNew: boolean): string =>
  `the certificate ${isNew ? 'is in use for connections from now on' : 'has not changed'}, valid until ${untilOf(pair)}`;
