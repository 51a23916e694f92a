/** `ledger copy`: from the ledger of the policy in use to that of another policy, by an admin of the first, on a host that can reach both. */

import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { CopyInput, LedgerCopy } from '../commands/command.ts';
import { OncallError } from '../errors.ts';
import { copyLedger as copy, look, requireRoom } from '../ledger/copy.ts';
import type { Database } from '../ledger/database.ts';
import { ledgerFacts } from '../ledger/facts.ts';
import type { Head } from '../lifecycle/events.ts';
import { requireSameAccounts } from '../operations/accounts.ts';
import { standing } from '../operations/anchor.ts';
import type { Anchor, Deps, LedgerFacts, Meter } from '../operations/deps.ts';
import { requireAdmin } from '../operations/rights.ts';
import type { Policy } from '../policy/types.ts';
import { anchorFile, fileAnchor } from './anchor.ts';
import { chosenBroker } from './broker.ts';
import { depsOf } from './deps.ts';
import { type Env, findPolicy } from './find-policy.ts';
import { isCourtesy } from './identity.ts';
import { type LedgerPlace, ledgerPlace } from './ledger-place.ts';
import { loadPolicy, readPolicyFile } from './load-policy.ts';
import { once } from './once.ts';
import { ledgerOf, type OnSuspend, openDatabase, openLedgerAt } from './open-ledger.ts';
import { sources } from './open-source.ts';
import { actorOf } from './sign-in.ts';

export type CopyOptions = {
  readonly policyPath?: string;
  readonly env: Env;
  readonly cwd: string;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly progress: Deps['progress'];
  readonly onSuspend?: OnSuspend;
  readonly meter?: Meter;
  readonly version?: string;
};

export async function copyLedger(options: CopyOptions, { to, dryRun }: CopyInput): Promise<LedgerCopy> {
  const { policy, place } = await policyInUse(options);
  const { deps, ledger, database } = await source(options, policy, place);
  try {
    const actor = await deps.actor();
    // Before the other policy is read: it may name a file to read and a program to run, and whoever is no admin does not choose those here.
    await requireAdmin(deps, actor, 'copy the ledger');
    const { target, places } = await policyNext(options, to, place);
    const heads = anchors(places, options);
    const facts = await ledgerFacts(database);
    await requireNothingLost(deps, heads, facts);
    // What was begun is finished, whatever the directories are.
    if (facts.closed === undefined) await requireSameDirectories(options, deps, target);
    const told = { from: places.from.name, to: places.to.name, policy: target.path };
    if (dryRun) return { ...told, ...(await rehearse(options, database, places.to)) };

    // Under its id from the first moment on: whoever opens it meanwhile must not write under another.
    const opened = await openLedgerAt(places.to, { ...options, mayMigrate: true }, ledger.id);
    try {
      const done = await copy({
        from: { database, name: told.from },
        to: { database: opened.database, name: told.to },
        now: ledger.now,
        actor,
        policyDigest: policy.digest,
        show: (rows, total) => options.meter?.show(rows, total),
        pause: () => pauseOf(options),
      });
      options.meter?.over();
      // Of both: the ledger that was left has gone as far as to its move, and a copy of before must not be taken for it.
      for (const { anchor } of [heads.to, heads.from]) await keepIfNewer(anchor, { ...done.head, at: ledger.now() });
      return { ...told, ...done };
    } finally {
      options.meter?.over();
      await opened.ledger.close();
    }
  } finally {
    await ledger.close();
  }
}

type Places = { readonly from: LedgerPlace; readonly to: LedgerPlace };

async function policyInUse(options: CopyOptions) {
  const { env, signal } = options;
  const broker = chosenBroker(options);
  if (broker !== undefined) {
    throw new OncallError('not-over-broker', 'a ledger is not copied over a broker', {
      exit: 2,
      why: `commands go to ${broker.origin}, and this has to read and write both ledgers itself`,
      next: 'on the host of the broker, as its user: oncall ledger copy --policy the policy in use --to the next one',
    });
  }
  const { policy } = await loadPolicy(readPolicyFile(findPolicy(options)), env);
  return { policy, place: await ledgerPlace(policy, { env, signal }) };
}

async function policyNext({ env, signal, cwd }: CopyOptions, to: string, from: LedgerPlace) {
  const { policy: target } = await loadPolicy(
    readPolicyFile({ path: resolve(cwd, to), why: 'named by --to', fromWorkingFolder: false }),
    env,
  );
  const places: Places = { from, to: await ledgerPlace(target, { env, signal }) };
  if (places.from.name === places.to.name) {
    throw new OncallError('same-ledger', `both policies name the ledger ${places.from.name}`, {
      exit: 2,
      next: `name under \`ledger\` in ${target.path} the one that is to be used from now on`,
    });
  }
  return { target, places };
}

async function source(options: CopyOptions, policy: Policy, place: LedgerPlace) {
  const { env, now, signal, log, progress } = options;
  const around = ledgerOf(policy, options);
  if (!around.ledgerExists()) {
    throw new OncallError('no-ledger', `there is no ledger ${place.name} to copy`, {
      exit: 2,
      next: 'a new team needs no copy: name the other ledger in the policy, then: oncall sweep',
    });
  }
  const { ledger, database } = await openLedgerAt(place, options);
  const actor = once(() => actorOf(policy, options));
  const deps = depsOf({
    ...around,
    ...{ policy, actor, now, signal, log, progress, ledger: async () => ledger, courtesy: isCourtesy(env) },
  });
  // So that what is asked about rights goes by the ledger's clock.
  await deps.ledger();
  return { deps, ledger, database };
}

function anchors(places: Places, { env, log }: CopyOptions) {
  const at = ({ name }: LedgerPlace) => {
    const { folder, name: file } = anchorFile({ ledger: name, env });
    return { anchor: fileAnchor({ ledger: name, env, log }), file: join(folder, file) };
  };
  return { from: at(places.from), to: at(places.to) };
}

/** What a ledger has forgotten, its copy would not know either, and the head that tells of it would be written over. */
async function requireNothingLost(deps: Deps, { from, to }: ReturnType<typeof anchors>, { closed }: LedgerFacts): Promise<void> {
  const ledger = await deps.ledger();
  const [here, there] = await ledger.read(async (q, now) => [await standing(from.anchor, q, now), await standing(to.anchor, q, now)]);
  if (here?.fault !== undefined) {
    throw new OncallError('ledger-behind', 'nothing was copied: the ledger has lost what it knew', {
      why: here.fault,
      next: 'first decide who stays: oncall ledger recover',
    });
  }
  // What was moved before has gone on there.
  if (there?.fault === undefined || closed !== undefined) return;
  throw new OncallError('ledger-behind', 'nothing was copied: another ledger was seen in the place that it would go to', {
    why: there.fault,
    next: `name another database or file; or where nobody was let in by that ledger: rm ${to.file}`,
  });
}

/** Another file or org behind a name that the ledger knows: the broker would let nobody in, and that must not be found out after the move. */
async function requireSameDirectories({ now, log, signal, progress }: CopyOptions, { ledger }: Deps, target: Policy): Promise<void> {
  const known = await (await ledger()).read((q) => q.directories());
  const { directory } = sources(target, { now, log, onServerDate: () => undefined, baseDir: dirname(target.path) });
  const unknown = await requireSameAccounts(target, known, directory, signal);
  for (const name of unknown) progress(`${name} did not tell whether it is the account that this ledger knows`, { alsoOffTerminal: true });
}

/** What was copied before has gone on since. */
async function keepIfNewer(anchor: Anchor, head: Head): Promise<void> {
  const kept = await anchor.read().catch(() => undefined);
  if (kept?.ledger !== head.ledger || kept.seq < head.seq) await anchor.keep(head);
}

/** Changes nothing, and makes no file. */
async function rehearse(options: CopyOptions, from: Database, place: LedgerPlace) {
  const found = await from.read(look);
  if (!('sqlite' in place) || existsSync(place.sqlite)) {
    const { database: to, over } = await openDatabase(place, options);
    try {
      await to.read(async (t) => {
        if ((await to.schemaVersion.read(t)) > 0) await from.read((s) => requireRoom(s, t, place.name));
      });
    } finally {
      await to.close();
      over();
    }
  }
  return { result: 'would-copy' as const, ...found };
}

/** Lets an interrupt be seen. */
async function pauseOf({ signal }: CopyOptions): Promise<void> {
  await turn();
  if (!signal.aborted) return;
  throw new OncallError('interrupted', 'interrupted', {
    exit: 130,
    why: 'stopped by Ctrl-C or a signal; nothing was copied',
    next: 'the same command again',
  });
}
