/** Okta groups of type `OKTA_GROUP`. Users and groups are only ever found, added and removed, never made. */

import * as z from 'zod/mini';
import { isLoopback } from '../http.ts';
import { secretRef } from '../secrets.ts';
import { type Directory, defineDirectory } from './directory.ts';

const settings = z
  .strictObject({
    orgUrl: z.string().check(
      z.refine(isOrgUrl, "needs the org's https:// address alone, such as https://acme.okta.com; http:// only on this machine"),
      z.refine((text) => !/-admin\.(okta|oktapreview|okta-emea|okta-gov)\.com/i.test(text), 'needs the address without -admin'),
    ),
    token: z.optional(secretRef),
    clientId: z.optional(z.string().check(z.regex(/^[\w-]{4,}$/, 'needs the client ID of an API service app'))),
    privateKey: z.optional(secretRef),
    keyId: z.optional(z.string().check(z.minLength(1))),
    scopes: z.optional(
      z.array(z.string().check(z.regex(/^okta\.[\w.]+$/, 'needs scopes such as okta.groups.manage'))).check(z.minLength(1)),
    ),
    timeout: z.optional(z.string().check(z.regex(/^([1-9]|1\d|20)s$/, 'needs seconds from 1s to 20s'))),
  })
  .check(
    z.refine(
      ({ token, clientId, privateKey }) =>
        token === undefined ? clientId && privateKey : clientId === undefined && privateKey === undefined,
      { error: 'needs either token, or clientId and privateKey', path: ['token'] },
    ),
    z.refine(({ clientId, keyId, scopes }) => clientId !== undefined || (keyId === undefined && scopes === undefined), {
      error: 'keyId and scopes go with clientId and privateKey',
      path: ['clientId'],
    }),
  );

export type Settings = z.output<typeof settings>;

export default defineDirectory({
  settings,
  isLocal: ({ orgUrl }: Settings) => isLoopback(orgUrl),
  place: ({ orgUrl }: Settings) => new URL(orgUrl).origin,
  endsSessions: ({ clientId, scopes = [] }: Settings) =>
    clientId === undefined || scopes.includes('okta.users.manage') || 'its app needs okta.users.manage among its scopes (docs/okta.md)',
  open: async (chosen: Settings, context): Promise<Directory> => {
    const { openOkta } = await import('./okta-groups.ts');
    return openOkta(chosen, context);
  },
});

/** The token goes to this address: not in the clear, except to an emulator on this machine. */
function isOrgUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(text);
  const bare = pathname === '/' && [username, password, search, hash].every((part) => part === '');
  return bare && (protocol === 'https:' || (protocol === 'http:' && isLoopback(text)));
}
