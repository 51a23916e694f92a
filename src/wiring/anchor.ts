/**
 * Where the head of the ledger is kept outside the ledger: one small file of this user's for each ledger's place, so that a ledger
 * which was deleted and begun anew at that place is noticed as well as one that was put back from an older copy.
 */

import { createHash } from 'node:crypto';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { OncallError } from '../errors.ts';
import type { Head } from '../lifecycle/events.ts';
import type { Anchor } from '../operations/deps.ts';
import { type PrivateFolder, privateFolder } from '../private-file.ts';
import { type Env, userFolder } from './find-policy.ts';
import { throughSudo } from './identity.ts';
import { once } from './once.ts';

export type AnchorOf = {
  /** The ledger's place; that of a database is known only once its address was read. Two names of one server are two places, each with a head of its own: nothing is lost by that. */
  readonly ledger: string | (() => Promise<string>);
  readonly env: Env;
  readonly log: (line: string) => void;
};

/** Behind `sudo` the variables are the caller's, who must not choose which head is believed. */
export function anchorFile({ ledger, env }: { readonly ledger: string; readonly env: Env }): {
  readonly folder: string;
  readonly name: string;
} {
  const home = throughSudo(env) ? { HOME: ownHome() } : env;
  const name = `head-${createHash('sha256').update(ledger).digest('hex').slice(0, 32)}.json`;
  return { folder: userFolder(home, 'XDG_STATE_HOME', '.local/state'), name };
}

function ownHome(): string {
  try {
    return userInfo().homedir;
  } catch {
    // An id without an entry in the password file has no home; `/` is what login programs give it.
    return '/';
  }
}

/** How long one process waits for another that writes there. */
const patienceMs = 10_000;

export function fileAnchor(of: AnchorOf): Anchor {
  const { ledger } = of;
  if (typeof ledger === 'string') return anchorAt({ ...of, ledger });
  const anchor = once(async () => anchorAt({ ...of, ledger: await ledger() }));
  return { read: async () => (await anchor()).read(), keep: async (head) => (await anchor()).keep(head) };
}

function anchorAt(of: AnchorOf & { readonly ledger: string }): Anchor {
  // Nothing is left of such a ledger that could be put back.
  if (of.ledger === ':memory:') return { read: async () => undefined, keep: async () => undefined };
  const { folder, name } = anchorFile(of);
  const files = privateFolder(
    folder,
    (path, because, mend) => unusable(join(folder, name), `${path} ${because}`, `${mend}; then try again`),
    { what: 'the head of the ledger', variable: 'XDG_STATE_HOME' },
  );
  return {
    read: async () => read(files, folder, name),
    keep: async (head) => {
      try {
        files.make();
        const { lock } = await import('../lock.ts');
        const own = await lock(join(folder, `${name}.lock`), { ms: patienceMs, foreignMs: 60_000 });
        if (own === undefined) throw new Error('somebody else is writing there');
        try {
          // Of processes that end together the slower one must not put an older head over a newer one.
          if (!isNewer(readIfSound(files, folder, name), head)) files.write(name, JSON.stringify({ path: of.ledger, ...head }));
        } finally {
          await own.release();
        }
      } catch (error) {
        of.log(`the head of the ledger could not be kept in ${folder}: ${error instanceof Error ? error.message : error}`);
      }
    },
  };
}

/** By when it was read: after a recovery the number may be lower. */
function isNewer(kept: Head | undefined, head: Head): boolean {
  if (kept === undefined || kept.ledger !== head.ledger) return false;
  return kept.at > head.at || (kept.at === head.at && kept.seq > head.seq);
}

function readIfSound(files: PrivateFolder, folder: string, name: string): Head | undefined {
  try {
    return read(files, folder, name);
  } catch {
    return undefined;
  }
}

function read(files: PrivateFolder, folder: string, name: string): Head | undefined {
  const text = files.read(name);
  if (text === undefined) return undefined;
  const head = headIn(text);
  if (head !== undefined) return head;
  throw unusable(
    join(folder, name),
    'it is not what this program wrote there',
    'oncall ledger recover, which looks at every member and then writes it anew',
  );
}

function headIn(text: string): Head | undefined {
  try {
    const { ledger, seq, hash, at } = Object(JSON.parse(text)) as Partial<Record<keyof Head, unknown>>;
    if (typeof ledger !== 'string' || typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return undefined;
    if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1 || typeof at !== 'number') return undefined;
    return { ledger, seq, hash, at };
  } catch {
    return undefined;
  }
}

/** What cannot be known never allows. */
function unusable(file: string, why: string, next: string): OncallError {
  return new OncallError('anchor-unusable', `the head of the ledger kept in ${file} cannot be used, so nothing is granted`, { why, next });
}
