/** AWS IAM groups, and IAM roles in their place. Users, groups and roles are only ever found, added and removed, never made. */

import * as z from 'zod/mini';
import { iamRoleIn } from '../policy/iam-role.ts';
import { isOnThisMachine } from './aws-endpoint.ts';
import { credentials, endpointUrl, region, timeout } from './aws-settings.ts';
import { type Directory, defineDirectory } from './directory.ts';

const settings = z.strictObject({
  account: z.optional(z.string().check(z.regex(/^\d{12}$/, "needs the account's 12 digits, in quotes"))),
  region: z.optional(region),
  credentials: z.optional(credentials),
  endpoint: z.optional(z.union([endpointUrl, z.strictObject({ iam: z.optional(endpointUrl), sts: z.optional(endpointUrl) })])),
  timeout: z.optional(timeout),
});

export type Settings = z.output<typeof settings>;

export default defineDirectory({
  settings,
  isLocal: isOnThisMachine,
  place: ({ account, endpoint }: Settings) => account && JSON.stringify([account, endpoint ?? null]),
  givesIamRole: ({ account }: Settings, arn) => {
    const there = iamRoleIn(arn)?.account;
    return account === undefined || there === account || `it is in account ${there}, and that directory is ${account}`;
  },
  open: async (chosen: Settings, context): Promise<Directory> => {
    const { openIam } = await import('./aws-iam-groups.ts');
    return openIam(chosen, context);
  },
});
