/** Every kind of roster there is. The next one goes here: one line, loaded only when a policy names it. */

import type { RosterKind } from './roster.ts';

export const rosterKinds = {
  file: async () => (await import('./file.ts')).default,
  pagerduty: async () => (await import('./pagerduty.ts')).default,
} satisfies Record<string, () => Promise<RosterKind<unknown>>>;
