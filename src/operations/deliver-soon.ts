/** Has the channels told beside whatever comes next; without channels nothing is loaded, and nothing asked. */

import type { Deps } from './deps.ts';

/** How long whoever runs a command waits for it at the end of it, and how long a sweep does. */
const commandMs = 2_000;
const sweepMs = 60_000;

export function deliverSoon(deps: Deps, by: 'command' | 'sweep'): void {
  if (deps.policy.notify === undefined) return;
  const patient = by === 'sweep' || deps.throughBroker === true;
  deps.background?.(async (signal) => (await import('./deliver.ts')).deliver({ ...deps, signal, patient }), patient ? sweepMs : commandMs);
}
