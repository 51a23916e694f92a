/** Everything that can be done, one verb a file. The commands see only this table. */

import { keepHead } from './anchor.ts';
import { approve } from './approve.ts';
import { audit } from './audit.ts';
import type { AccessInput } from './audit-types.ts';
import { deliverSoon } from './deliver-soon.ts';
import { deny } from './deny.ts';
import type { Deps } from './deps.ts';
import { explain, roles } from './explain.ts';
import { follow } from './follow.ts';
import { release, revoke } from './release.ts';
import { request } from './request.ts';
import { status } from './status.ts';
import { sweep } from './sweep.ts';
import type { AdoptInput } from './take-over-types.ts';
import type { Operations, RecoverInput, VerifyInput } from './types.ts';
import { waiting } from './waiting.ts';

/** Loaded when it is asked for: every other command starts without it. */
const doctor = async (deps: Deps) => (await import('./doctor.ts')).doctor(deps);

const verify = async (deps: Deps, input: VerifyInput) => (await import('./verify.ts')).verify(deps, input);
const recover = async (deps: Deps, input: RecoverInput) => (await import('./recover.ts')).recover(deps, input);
const accesses = async (deps: Deps, input: AccessInput) => (await import('./accesses.ts')).accesses(deps, input);
const adopt = async (deps: Deps, input: AdoptInput) => (await import('./take-over.ts')).takeOver(deps, input);

const verbs = {
  request,
  status,
  roles,
  explain,
  release,
  approve,
  waiting,
  follow,
  deny,
  revoke,
  sweep,
  audit,
  accesses,
  verify,
  recover,
  adopt,
  doctor,
} satisfies {
  readonly [Verb in keyof Operations]: (deps: Deps, ...input: Parameters<Operations[Verb]>) => ReturnType<Operations[Verb]>;
};

/** The verbs of people that write events; a sweep keeps the head itself, and tells what is wrong with it. */
const recording: ReadonlySet<string> = new Set(['request', 'release', 'approve', 'deny', 'revoke', 'adopt'] satisfies (keyof Operations)[]);

export function createOperations(deps: Deps): Operations {
  const bound = Object.entries(verbs).map(([name, run]) => [
    name,
    async (input: never) => {
      const result = await run(deps, input);
      // What was done is done: that its head cannot be looked up now must not make an error of it. The next command keeps it.
      if (recording.has(name)) {
        await keepHead(deps).catch((error: Error) => deps.log(`the head of the ledger was not kept: ${error.message}`));
        deliverSoon(deps, 'command');
      }
      return result;
    },
  ]);
  return Object.fromEntries(bound) as Operations;
}
