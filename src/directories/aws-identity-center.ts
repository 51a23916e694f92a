/** Groups of AWS IAM Identity Center. Users and groups are only ever found, added and removed, never made. */

import * as z from 'zod/mini';
import { isOnThisMachine } from './aws-endpoint.ts';
import { credentials, endpointUrl, region, timeout } from './aws-settings.ts';
import { type Directory, defineDirectory } from './directory.ts';

const settings = z.strictObject({
  identityStoreId: z
    .string()
    .check(
      z.regex(/^(d-[0-9a-f]{10}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/, 'needs the id of an identity store, such as d-1234567890'),
    ),
  region,
  credentials: z.optional(credentials),
  endpoint: z.optional(z.union([endpointUrl, z.strictObject({ identityStore: z.optional(endpointUrl), sts: z.optional(endpointUrl) })])),
  timeout: z.optional(timeout),
});

export type Settings = z.output<typeof settings>;

export default defineDirectory({
  settings,
  isLocal: isOnThisMachine,
  place: ({ identityStoreId, endpoint }: Settings) => JSON.stringify([identityStoreId, endpoint ?? null]),
  open: async (chosen: Settings, context): Promise<Directory> => {
    const { openIdentityCenter } = await import('./aws-identity-center-groups.ts');
    return openIdentityCenter(chosen, context);
  },
});
