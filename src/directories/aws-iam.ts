/** AWS IAM groups. Users and groups are only ever found, added and removed, never made. */

import * as z from 'zod/mini';
import { isLoopback } from '../http.ts';
import { isOnThisMachine } from './aws-iam-endpoint.ts';
import { type Directory, defineDirectory } from './directory.ts';

const url = z
  .string()
  .check(z.refine(isSafeEndpoint, 'needs an https:// address without user, query or fragment; http:// only on this machine'));

const settings = z.strictObject({
  account: z.optional(z.string().check(z.regex(/^\d{12}$/, "needs the account's 12 digits, in quotes"))),
  region: z.optional(z.string().check(z.regex(/^[a-z]{2,}(-[a-z]+)+-\d$/, 'needs a region such as us-east-1'))),
  credentials: z.optional(
    z.strictObject({
      profile: z.optional(z.string().check(z.minLength(1))),
      assumeRole: z.optional(
        z.strictObject({
          arn: z.string().check(z.regex(/^arn:[a-z-]+:iam::\d{12}:role\/.+$/, 'needs the ARN of an IAM role')),
          externalId: z.optional(z.string().check(z.minLength(2))),
          sessionName: z.optional(z.string().check(z.regex(/^[\w+=,.@-]{2,64}$/, 'needs 2 to 64 letters, digits or +=,.@-'))),
        }),
      ),
    }),
  ),
  endpoint: z.optional(z.union([url, z.strictObject({ iam: z.optional(url), sts: z.optional(url) })])),
  timeout: z.optional(z.string().check(z.regex(/^([1-9]|1\d|20)s$/, 'needs seconds from 1s to 20s'))),
});

export type Settings = z.output<typeof settings>;

export default defineDirectory({
  settings,
  isLocal: isOnThisMachine,
  open: async (chosen: Settings, context): Promise<Directory> => {
    const { openIam } = await import('./aws-iam-groups.ts');
    return openIam(chosen, context);
  },
});

/** Session tokens go to this address: not in the clear, except to an emulator on this machine. */
function isSafeEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  const bare = [username, password, search, hash].every((part) => part === '');
  return bare && (protocol === 'https:' || (protocol === 'http:' && isLoopback(text)));
}
