/** The composition root of a broker: one ledger for as long as it runs, one policy in force, and for each call what a command would have. */

import { setTimeout as delay } from 'node:timers/promises';
import { serve as listen } from '../broker/server.ts';
import type { LogEntry, ServeInput } from '../commands/command.ts';
import { isOncallError, OncallError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerEvent } from '../lifecycle/events.ts';
import { formatDuration } from '../policy/duration.ts';
import type { Policy } from '../policy/types.ts';
import { takingTurns } from './background.ts';
import { random } from './deps.ts';
import { type Env, findPolicy } from './find-policy.ts';
import { readPolicyFile } from './load-policy.ts';
import { ledgerOf, type OnSuspend } from './open-ledger.ts';
import { addressOf, readKeyPair, requireServable } from './serve-address.ts';
import { type HostOf, hostOf, makeKeysFolder, operationsOn } from './serve-host.ts';
import { type InForce, inForce, judge, loaded } from './serve-policy.ts';
import { sweepRegularly } from './serve-sweeps.ts';
import { keyPairs } from './serve-tls.ts';
import { startEntry, tellLoss } from './serve-told.ts';

export type ServeOptions = {
  readonly policyPath?: string;
  readonly env: Env;
  readonly cwd: string;
  readonly version: string;
  readonly now: () => number;
  /** Aborted where it is to stop. */
  readonly signal: AbortSignal;
  readonly input: ServeInput;
  readonly tell: (entry: LogEntry) => void;
  readonly onReload: (listener: () => void) => () => void;
  readonly onSuspend?: OnSuspend;
};

const lookEveryMs = 5_000;
/** For what runs when it is told to stop. */
const graceMs = 30_000;
const pruneEveryMs = 10 * 60_000;
/** Far longer than anybody repeats a call. */
const keepAnswersMs = 24 * 3_600_000;

/** Resolves when it has stopped. */
export async function serve(options: ServeOptions): Promise<void> {
  const { env, now, tell, signal } = options;
  // Until there is something to look at it means nothing, and must not end the process either.
  const ignored = options.onReload(() => undefined);
  const found = await started(async () => {
    const address = addressOf(options.input);
    if (options.input.tls !== undefined) readKeyPair(options.input.tls, options.cwd);
    const place = findPolicy(options);
    const file = readPolicyFile(place);
    const judged = judge(env, (policy) => requireServable(policy, address));
    const policy = await judged(file);
    requireOftenEnough(options.input, policy);
    makeKeysFolder(env);
    const log = (message: string): void => tell({ level: 'info', event: 'ledger', message });
    const remembers = ledgerOf(policy, { ...options, log, mayMigrate: true });
    return { address, place, file, judged, policy, remembers, ledger: await remembers.ledger() };
  });
  const { ledger, policy, remembers } = found;
  try {
    await started(() => record(ledger, loaded(policy)));
    const policies = inForce({
      found: found.place,
      first: { file: found.file, policy },
      judge: found.judged,
      record: (event) => record(ledger, event),
      tell,
    });
    const stopped = new AbortController();
    const besides = takingTurns(signal);
    const host: HostOf = {
      ...{
        version: options.version,
        origin: found.address.origin,
        policy: policies.current,
        rejected: policies.rejected,
        ledger,
        remembers,
        env,
        now,
        tell,
      },
      stopped: stopped.signal,
      background: besides.run,
    };
    if (!signal.aborted) await run(options, host, policies);
    stopped.abort();
    await besides.over();
  } finally {
    ignored();
    await ledger.close();
  }
}

async function run(options: ServeOptions, host: HostOf, policies: InForce): Promise<void> {
  const { input, cwd, tell, signal } = options;
  const tls = input.tls && keyPairs({ tls: input.tls, cwd, tell });
  const { listen: at, behindProxy } = input;
  await tellLoss(host);
  const running = await started(() =>
    listen(hostOf(host), { listen: at, ...(tls && { tls: tls.current }), ...(behindProxy && { behindProxy }) }).catch((error) => {
      throw notListening(at, error);
    }),
  );
  tell(await startEntry(host, { input, address: running.address, certificate: tls?.current() }));

  const look = async (told: boolean): Promise<void> => {
    await policies.look(told);
    await tls?.look(running.reloadTls, told);
  };
  const stopReloading = options.onReload(() => void look(true));
  const sweep = (stop: AbortSignal) => operationsOn(host, { actor: nobody, signal: stop }).sweep({});
  const work = [
    every(lookEveryMs, signal, () => look(false)),
    prune(host).then(() => every(pruneEveryMs, signal, () => prune(host))),
    ...(input.sweepEveryMs === undefined ? [] : [sweepRegularly({ everyMs: input.sweepEveryMs, sweep, tell, random, signal })]),
  ];

  await aborted(signal);
  tell({ level: 'info', event: 'stopping', message: `stopping: what runs may end within ${formatDuration(graceMs)} (again: at once)` });
  await Promise.all([running.stop(graceMs), ...work]);
  stopReloading();
  tell({ level: 'info', event: 'stopped', message: 'stopped' });
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

async function every(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (;;) {
    await delay(ms, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await work();
  }
}

const record = (ledger: Ledger, event: LedgerEvent): Promise<void> => ledger.write((q) => q.record(event));

async function prune({ ledger, tell }: HostOf): Promise<void> {
  await ledger
    .write((q, now) => q.pruneAnswers(now - keepAnswersMs))
    .catch((error: Error) =>
      tell({ level: 'warning', event: 'answers.kept', message: `old answers were not forgotten: ${error.message}` }),
    );
}

const nobody = async (): Promise<never> => {
  throw new Error('a sweep acts for nobody');
};

const reasons: Readonly<Record<string, readonly [why: string, next: string]>> = {
  EADDRINUSE: ['something listens there already', 'stop that, or give another --listen'],
  EACCES: ['this user may not listen there', 'give a port from 1024 on, or the right to lower ones (CAP_NET_BIND_SERVICE)'],
  EADDRNOTAVAIL: ['this host does not have that address', 'give an address of this host, or 0.0.0.0, to --listen'],
  ENOTFOUND: ['that name is not known here', 'give an address of this host to --listen'],
};

function notListening({ host, port }: ServeInput['listen'], error: NodeJS.ErrnoException): unknown {
  const [why, next] = reasons[error.code ?? ''] ?? [];
  return why === undefined || next === undefined
    ? error
    : new OncallError('not-listening', `it cannot listen on ${host}, port ${port}`, { exit: 2, why, next, cause: error });
}

/** Whatever keeps it from starting is for somebody to change: exit 2. */
async function started<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isOncallError(error)) throw error;
    const { code, message, why, next } = error;
    const more = { ...(why === undefined ? {} : { why }), ...(next === undefined ? {} : { next }) };
    throw new OncallError(code, message, { exit: 2, ...more, cause: error });
  }
}

function requireOftenEnough({ sweepEveryMs = 0 }: ServeInput, { sweep }: Policy): void {
  if (sweepEveryMs < sweep.refuseWhenLateMs) return;
  throw new OncallError('usage', `--sweep-every: ${formatDuration(sweepEveryMs)} is too seldom`, {
    why: `the policy grants nothing when the sweep is ${formatDuration(sweep.refuseWhenLateMs)} late (refuseWhenLate)`,
    next: 'sweep more often',
  });
}
