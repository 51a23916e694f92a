/** What an answer to `init` has to look like, told before anything is tried, and how it is then written. */

/** What stands in the policy; a fault never repeats what was typed, which may have been a secret. */
export type Read = { readonly value: unknown } | { readonly fault: string };
type Form = (typed: string) => Read;

const secretForm = 'write env:NAME (capital letters) or file:/path: where the secret is, never the secret itself';

/** Strict about both: people paste the secret itself, and it must not become the name of anything. */
export function secretPlace(typed: string): Read {
  const [, env] = /^env:([A-Z_][A-Z0-9_]*)$/.exec(typed) ?? [];
  const [, file] = /^file:(\.{0,2}\/.+)$/.exec(typed) ?? [];
  if (env !== undefined) return { value: { env } };
  return file === undefined ? { fault: secretForm } : { value: { file } };
}

/** A text of that form, such as that example. */
export const like =
  (form: RegExp, what: string): Form =>
  (typed) =>
    form.test(typed) ? { value: typed } : { fault: `write ${what}` };

/** Of letters, digits and signs, as ids are. */
export const word = like(/^[\x21-\x7e]+$/, 'it in ASCII and without spaces');

/** An `https://` address of which people leave out the scheme; `http://` would be read on the way. */
export const address =
  (example: string): Form =>
  (typed) => {
    const url = withScheme(typed);
    return url === undefined ? { fault: `write an https:// address, such as ${example}; http:// only on this machine` } : { value: url };
  };

/** The org's own address, also where that of its admin console was copied. */
export function oktaOrg(typed: string): Read {
  const url = withScheme(typed.replace(/-admin(?=\.(?:okta|oktapreview|okta-emea|okta-gov)\.com)/i, ''));
  if (url === undefined || new URL(url).pathname !== '/')
    return { fault: "write the org's https:// address alone, such as https://acme.okta.com" };
  return { value: new URL(url).origin };
}

function withScheme(typed: string): string | undefined {
  const isHost = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:\/|$)/i.test(typed);
  const url = isHost ? `https://${typed}` : typed;
  const isSafe = /^https:\/\/|^http:\/\/(?:localhost|127(?:\.\d+){3}|\[::1\])(?=[:/]|$)/i.test(url);
  return isSafe && /^[\x21-\x7e]+$/.test(url) && !/[?#\\@]/.test(url) && URL.canParse(url) ? url : undefined;
}

/** The console of AWS shows them as 1111-2222-3333. */
export function accountId(typed: string): Read {
  const digits = typed.replace(/[\s-]/g, '');
  return /^\d{12}$/.test(digits) ? { value: digits } : { fault: "write the account's 12 digits, such as 111122223333" };
}

const appId = like(/^[\w-]{4,}$/, 'the id of the app, such as 0oa1b2c3');

/** An API token has the form of an id too, and people have one at hand. */
export const oktaClientId: Form = (typed) =>
  /^00[\w-]{38,}$/.test(typed)
    ? { fault: 'write the id of the app, such as 0oa1b2c3; for an API token leave it out, and say where that is: --okta-token env:NAME' }
    : appId(typed);

export function domains(typed: string): Read {
  const names = listed(typed).map((name) => name.replace(/^@/, ''));
  const isDomain = (name: string): boolean => /^(?!-)[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i.test(name);
  return names.length > 0 && names.every(isDomain) ? { value: names } : { fault: 'write whole domains, such as acme.dev, acme.com' };
}

export function port(typed: string): Read {
  const number = /^\d{4,5}$/.test(typed) ? Number(typed) : 0;
  return number >= 1024 && number <= 65_535 ? { value: number } : { fault: 'write a port from 1024 to 65535, such as 52700' };
}

export const email: Form = (typed) =>
  isEmail(typed) ? { value: typed.toLowerCase() } : { fault: 'write one e-mail, such as ana@acme.dev' };

/** E-mails, one by one, or else one group. */
export function people(typed: string): { readonly value: unknown } {
  const parts = listed(typed);
  return { value: parts.every(isEmail) ? parts.map((user) => ({ user: user.toLowerCase() })) : [{ group: typed }] };
}

export const ledgerPath: Form = (typed) =>
  // It may hold a password, and a file of that name would be made. One letter is a drive of Windows.
  /^[a-z][a-z0-9+.-]+:/i.test(typed)
    ? { fault: 'write the path of a file; a database is named in the policy by hand (docs/policy.md#the-ledger)' }
    : { value: typed };

const listed = (typed: string): readonly string[] => typed.split(/[\s,]+/).filter((part) => part !== '');
const isEmail = (text: string): boolean => /^[^\s@/<>,;"]+@[^\s@/<>,;"]+$/.test(text);
