/** Every kind of channel there is. The next one goes here: one line, loaded only when a policy names it. */

import type { NoticesKind } from './notice.ts';

export const channelKinds = {
  command: async () => (await import('./command.ts')).default,
  slack: async () => (await import('./slack.ts')).default,
  webhook: async () => (await import('./webhook.ts')).default,
} satisfies Record<string, () => Promise<NoticesKind<unknown>>>;
