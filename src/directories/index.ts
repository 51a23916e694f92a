/** Every kind of directory there is. The next one goes here: one line, loaded only when a policy names it. */

import type { DirectoryKind } from './directory.ts';

export const directoryKinds = {
  local: async () => (await import('./local.ts')).default,
  'aws-iam': async () => (await import('./aws-iam.ts')).default,
  'aws-identity-center': async () => (await import('./aws-identity-center.ts')).default,
  okta: async () => (await import('./okta.ts')).default,
} satisfies Record<string, () => Promise<DirectoryKind<unknown>>>;
