/** Every kind of roster there is. The next one goes here: one line, loaded only when a policy names it. */

import type { RosterKind } from './roster.ts';

export const rosterKinds = {
  command: async () => (await import('./command.ts')).default,
  file: async () => (await import('./file.ts')).default,
  'incident-io': async () => (await import('./incident-io.ts')).default,
  opsgenie: async () => (await import('./opsgenie.ts')).default,
  pagerduty: async () => (await import('./pagerduty.ts')).default,
} satisfies Record<string, () => Promise<RosterKind<unknown>>>;
