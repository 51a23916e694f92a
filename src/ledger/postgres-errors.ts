/** What PostgreSQL, the network and TLS say, in words that somebody can act upon. No message has the password in it. */

import { isOncallError, OncallError } from '../errors.ts';

type Fault = {
  readonly code: string;
  readonly is: string;
  readonly next: string;
  /** It may well pass within seconds: a restart, a failover. */
  readonly passes?: true;
};

const again = 'run the same command again; if it stays so: oncall doctor';

const unreachable: Fault = {
  code: 'ledger-unreachable',
  is: 'cannot be reached',
  next: `check that the database is up and can be reached from here; ${again}`,
  passes: true,
};
const tls: Fault = {
  code: 'ledger-tls',
  is: 'could not prove that it is the one',
  next: 'check its certificate, and sslrootcert in the address where it is from an authority of your own',
};
const refused = (is: string, next: string): Fault => ({ code: 'ledger-refused', is, next });
const busy = (is: string, next = again): Fault => ({ code: 'ledger-busy', is, next });

/** By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const byState: readonly (readonly [RegExp, Fault])[] = [
  [/^28/, refused('refuses this login', 'check user and password in its address')],
  [/^3D000$/, refused('is not there: no database has that name', 'check its address, or create the database')],
  [/^42501$/, refused('does not give this user the right', 'let the user own the database, or its schema')],
  [/^42P07$/, refused('is not empty: it has tables of something else', 'give the ledger a database of its own')],
  [
    /^25006$/,
    { code: 'ledger-read-only', is: 'cannot be written: the server is a standby', next: 'let its address name the primary', passes: true },
  ],
  [/^53300$/, { ...busy('has no connection left', 'raise max_connections there, or close some'), passes: true }],
  [/^53100$/, { code: 'ledger-disk-full', is: 'cannot be written: its disk is full', next: 'free some space there; nothing was changed' }],
  [/^(55P03|57014|40001|40P01)$/, busy('is held by another process', `${again}; pg_stat_activity shows who holds it`)],
  [/^25P03$/, { ...unreachable, is: 'gave up on this process, which was stopped for too long in the middle of a change' }],
  [/^(08|57P0|25P0[34])/, unreachable],
  [/^(53|58|XX00[12])/, { code: 'ledger-io', is: 'cannot do its work', next: "see the server's log" }],
];

const network =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_\w+|ENOENT|EACCES)$/;
const ofTls = /CERT|SIGNED|SIGNATURE|^ERR_TLS|^ERR_SSL|^EPROTO$|ISSUER|CRL/;

function faultOf(error: unknown): Fault | undefined {
  const { code = '', message = '' } = (error ?? {}) as { readonly code?: string; readonly message?: string };
  if (isFromServer(error)) return byState.find(([states]) => states.test(code))?.[1];
  if (network.test(code)) return unreachable;
  if (ofTls.test(code) || /SSL connection/.test(message)) return tls;
  if (/password must be a/.test(message)) return refused('asks for a password, and its address has none', 'write it into the address');
  return /terminated|timeout expired|not queryable|closed/i.test(message) ? unreachable : undefined;
}

/** The server's own word has a severity; what the driver and the network say has none. */
function isFromServer(error: unknown): error is Error & { readonly code: string; readonly severity: string } {
  return typeof (error as { severity?: unknown } | null)?.severity === 'string';
}

/** Another try may well meet no fault. */
export const mayPass = (error: unknown): boolean => faultOf(error)?.passes === true;

/** Not what the statement met, but the end of the connection: what the server had been told last, it may have done. */
export const isLoss = (error: unknown): boolean =>
  !isFromServer(error) || error.severity !== 'ERROR' || /^(08|40003$)/.test((error as { code: string }).code);

export type Where = { readonly name: string; readonly password?: string | undefined };

/** What has no words of its own stays as it is: a unique index, for one. `isLost`: whatever it is, it ended the connection. */
export function told(error: unknown, where: Where, done?: string, isLost = false): unknown {
  if (isOncallError(error)) return error;
  const fault = faultOf(error) ?? (isLost ? unreachable : undefined);
  if (fault === undefined) return error;
  const { code = '', message = String(error) } = error as { code?: string; message?: string };
  const text = message === '' ? code : message;
  return new OncallError(fault.code, `the ledger ${where.name} ${fault.is}`, {
    why: where.password ? text.replaceAll(where.password, '…') : text,
    next: done === undefined ? fault.next : `${done}; ${fault.next}`,
  });
}
