/** Everything that can be done, one verb a file. The commands see only this table. */

import { approve, waiting } from './approve.ts';
import { audit } from './audit.ts';
import { deny } from './deny.ts';
import type { Deps } from './deps.ts';
import { explain, roles } from './explain.ts';
import { release, revoke } from './release.ts';
import { request } from './request.ts';
import { status } from './status.ts';
import { sweep } from './sweep.ts';
import type { Operations } from './types.ts';

/** Loaded when it is asked for: every other command starts without it. */
const doctor = async (deps: Deps) => (await import('./doctor.ts')).doctor(deps);

const verbs = { request, status, roles, explain, release, approve, waiting, deny, revoke, sweep, audit, doctor } satisfies {
  readonly [Verb in keyof Operations]: (deps: Deps, ...input: Parameters<Operations[Verb]>) => ReturnType<Operations[Verb]>;
};

export function createOperations(deps: Deps): Operations {
  const bound = Object.entries(verbs).map(([name, run]) => [name, (input: never) => run(deps, input)]);
  return Object.fromEntries(bound) as Operations;
}
