/** The policy that a broker goes by: a changed file counts only when it is sound in every way; until then the one before it stays, and it is said. */

import { setTimeout as delay } from 'node:timers/promises';
import type { LogEntry } from '../commands/command.ts';
import { isOncallError, OncallError } from '../errors.ts';
import type { LedgerEvent } from '../lifecycle/events.ts';
import type { Policy } from '../policy/types.ts';
import type { Env, FoundPolicy } from './find-policy.ts';
import { checkFile, loadPolicy, type PolicyFile, readPolicyFile, refuseUntrusted } from './load-policy.ts';

const remindMs = 10 * 60_000;

export type Judge = (file: PolicyFile) => Promise<Policy>;

/** A broker asks more of a file than a command does, as others rest on what it lets in: it is trusted or refused, whatever it names. */
export const judge =
  (env: Env, servable: (policy: Policy) => void): Judge =>
  async (file) => {
    refuseUntrusted(file);
    const { policy } = await loadPolicy(file, env);
    servable(policy);
    return policy;
  };

export type InForce = {
  readonly current: () => Policy;
  /** Why the file as it is now does not count; one line. */
  readonly rejected: () => string | undefined;
  /** Looks whether the file has changed. `told`: says so too where it has not. Never throws. */
  readonly look: (told?: boolean) => Promise<void>;
};

export type InForceOf = {
  readonly found: FoundPolicy;
  readonly first: { readonly file: PolicyFile; readonly policy: Policy };
  readonly judge: Judge;
  readonly record: (event: LedgerEvent) => Promise<void>;
  readonly tell: (entry: LogEntry) => void;
  /** How long a file has to stay as it is before it is judged. */
  readonly settleMs?: number;
};

export const loaded = ({ path, digest }: Policy): LedgerEvent => ({
  type: 'policy.loaded',
  actor: 'oncall',
  policyDigest: digest,
  data: { path },
});

export function inForce({ found, first, judge: judged, record, tell, settleMs = 500 }: InForceOf): InForce {
  let current = first.policy;
  let rejected: string | undefined;
  let known = keyOf(first.file);
  let toldAt = 0;
  let turn: Promise<void> = Promise.resolve();

  const lookOnce = async (told: boolean): Promise<void> => {
    const seen = await settled(found, known, settleMs);
    // Where somebody writes at it still, the next look finds it.
    if (seen === undefined) return;
    if (seen.key === known) {
      if (rejected !== undefined && (told || performance.now() - toldAt > remindMs)) sayRejected(rejected);
      else if (told) tell({ level: 'info', event: 'policy.unchanged', message: 'the policy has not changed' });
      return;
    }
    const verdict = await accept(seen).catch(asVerdict);
    if (isOncallError(verdict)) {
      await reject(seen, verdict);
    } else {
      // In the audit first: what nobody could see there later lets nobody in.
      if (verdict.digest !== current.digest) await record(loaded(verdict));
      [current, rejected] = [verdict, undefined];
      tell({ level: 'info', event: 'policy.loaded', message: `the policy ${verdict.path} is in force, SHA-256 ${verdict.digest}` });
    }
    // Only now: what could not be recorded is looked at again.
    known = seen.key;
  };

  const accept = async ({ file, error }: Seen): Promise<Policy> => {
    if (file === undefined) throw error;
    const policy = await judged(file);
    if (JSON.stringify(policy.ledger) === JSON.stringify(current.ledger)) return policy;
    throw new OncallError('ledger-other', 'the policy names another ledger', {
      why: 'what runs now goes on in the ledger that it began with',
      next: 'restart the broker; to take along what the old one knows: docs/operations.md',
    });
  };

  const reject = async ({ file }: Seen, error: OncallError): Promise<void> => {
    rejected = line(error);
    sayRejected(rejected, { event: 'policy.rejected', details: detailsOf(error) });
    const faults = await faultsOf(file, error);
    const digest = file === undefined ? {} : { policyDigest: file.digest };
    await record({ type: 'policy.rejected', actor: 'oncall', ...digest, data: { path: found.path, inForce: current.digest, faults } });
  };

  const sayRejected = (because: string, more: Partial<LogEntry> = {}): void => {
    toldAt = performance.now();
    const message = `the policy file is not used, the policy before it stays in force: ${because}`;
    tell({ level: 'error', event: 'policy.stays', message, ...more });
  };

  const failed = (error: unknown): void => {
    tell({
      level: 'error',
      event: 'policy.not-looked-at',
      message: `the policy could not be looked at, and is again soon: ${error instanceof Error ? error.message : error}`,
    });
  };
  return {
    current: () => current,
    rejected: () => rejected,
    look: (told = false) => (turn = turn.then(() => lookOnce(told)).catch(failed)),
  };
}

/** A file as it was found, or why it could not be read; `key` differs where either does. */
type Seen = { readonly key: string; readonly file?: PolicyFile; readonly error?: OncallError };

function see(found: FoundPolicy): Seen {
  try {
    const file = readPolicyFile(found);
    return { file, key: keyOf(file) };
  } catch (error) {
    if (!isOncallError(error)) throw error;
    return { error, key: line(error) };
  }
}

const keyOf = ({ digest, faults }: PolicyFile): string => [digest, ...faults.map(({ because }) => because)].join('\n');

/** What is half written may be sound too, with half of its rules. */
async function settled(found: FoundPolicy, known: string, settleMs: number): Promise<Seen | undefined> {
  const seen = see(found);
  if (seen.key === known) return seen;
  await delay(settleMs);
  return see(found).key === seen.key ? seen : undefined;
}

const line = ({ message, why }: OncallError): string => (why === undefined || why.includes('\n') ? message : `${message}: ${why}`);

function asVerdict(error: unknown): OncallError {
  if (isOncallError(error)) return error;
  throw error;
}

function detailsOf({ why, next }: OncallError): Record<string, string> {
  const faults = why?.includes('\n') ? why.split('\n').map((fault, index) => [`fault ${index + 1}`, fault] as const) : [];
  return Object.fromEntries([...faults, ...(next === undefined ? [] : [['next', next] as const])]);
}

async function faultsOf(file: PolicyFile | undefined, { code }: OncallError): Promise<readonly { code: string; line?: number }[]> {
  if (file === undefined || code !== 'policy-faults') return [{ code }];
  const issues = await checkFile(file);
  return issues.filter(({ severity }) => severity === 'error').map((issue) => ({ code: issue.code, line: issue.line }));
}
