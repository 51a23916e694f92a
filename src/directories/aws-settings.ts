/** What every directory at AWS may be told: by which credentials it calls, at which address, and in how much time. */

import * as z from 'zod/mini';
import { isLoopback } from '../http.ts';
import type { Endpoint } from './aws-endpoint.ts';

export type AwsSettings = {
  readonly region?: string | undefined;
  readonly credentials?: z.output<typeof credentials> | undefined;
  readonly endpoint?: Endpoint;
  readonly timeout?: string | undefined;
};

export const region = z.string().check(z.regex(/^[a-z]{2,}(-[a-z]+)+-\d$/, 'needs a region such as us-east-1'));

export const credentials = z.strictObject({
  profile: z.optional(z.string().check(z.minLength(1))),
  assumeRole: z.optional(
    z.strictObject({
      arn: z.string().check(z.regex(/^arn:[a-z-]+:iam::\d{12}:role\/.+$/, 'needs the ARN of an IAM role')),
      externalId: z.optional(z.string().check(z.minLength(2))),
      sessionName: z.optional(z.string().check(z.regex(/^[\w+=,.@-]{2,64}$/, 'needs 2 to 64 letters, digits or +=,.@-'))),
    }),
  ),
});

export const timeout = z.string().check(z.regex(/^([1-9]|1\d|20)s$/, 'needs seconds from 1s to 20s'));

export const endpointUrl = z
  .string()
  .check(z.refine(isSafeEndpoint, 'needs an https:// address without user, query or fragment; http:// only on this machine'));

/** Session tokens go to this address: not in the clear, except to an emulator on this machine. */
function isSafeEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  const bare = [username, password, search, hash].every((part) => part === '');
  return bare && (protocol === 'https:' || (protocol === 'http:' && isLoopback(text)));
}
