/** Reads the address of a PostgreSQL ledger, and refuses one by which the database, or somebody in between, would be trusted unseen. */

import { readFileSync } from 'node:fs';
import { OncallError } from '../errors.ts';

export type Place = {
  /** Of a Unix socket: its folder. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** `false`: not encrypted. Else the certificate is always checked, and whose it is. */
  readonly tls: false | { readonly ca?: string };
  readonly options: string | undefined;
  /** For messages: no user, no password. */
  readonly name: string;
};

const known = new Set(['host', 'port', 'sslmode', 'sslrootcert', 'options', 'application_name', 'connect_timeout']);
const unchecked = new Set(['disable', 'allow', 'prefer']);
const modes = new Set([...unchecked, 'require', 'verify-ca', 'verify-full']);

const example = 'as in: postgres://oncall:PASSWORD@db.acme.dev/oncall?sslrootcert=/etc/oncall/db-ca.pem';

/** No part of the address is in the message, nor the error of whoever read it: both may hold the password. */
const wrong = (why: string): OncallError =>
  new OncallError('ledger-url', 'the address of the PostgreSQL ledger cannot be used', { exit: 2, why, next: `write it ${example}` });

export function readUrl(text: string): Place {
  const url = parsed(text.trim());
  const parameters = url.searchParams;
  for (const name of new Set(parameters.keys())) {
    if (!known.has(name)) throw wrong(`it has the parameter ${JSON.stringify(name)}, which this program does not know`);
    if (parameters.getAll(name).length > 1) throw wrong(`it has the parameter ${name} twice`);
  }
  const host = parameters.get('host') ?? decoded(url.hostname).replace(/^\[(.*)\]$/, '$1');
  const database = decoded(url.pathname.slice(1));
  if (host === '') throw wrong('it names no host');
  if (host.includes(',')) throw wrong('it names several hosts; name the one that always leads to the primary');
  if (database === '') throw wrong('it names no database');
  const port = Number(parameters.get('port') ?? (url.port || 5432));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw wrong('its port is no port');
  const name = host.startsWith('/') ? `${host}/${database}` : `${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
  return {
    host,
    port,
    database,
    user: decoded(url.username) || undefined,
    password: decoded(url.password) || undefined,
    tls: tlsOf(host, name, parameters),
    options: parameters.get('options') ?? undefined,
    name,
  };
}

function parsed(text: string): URL {
  if (!/^postgres(ql)?:\/\//.test(text)) throw wrong('it does not begin with postgres://');
  try {
    // A socket's folder stands behind the question mark, and a user without a host is no URL.
    return new URL(/[?&]host=/.test(text) ? text.replace(/@\//, '@localhost/') : text);
  } catch {
    throw wrong('it is no URL; letters that have a meaning in one, also those of the password, are written like %40');
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw wrong('a % in it is not followed by two digits of hex; a % itself is written %25');
  }
}

/** Who can read a line of plain text off this host can read or change what is granted; so there is no other way than a checked certificate. */
function tlsOf(host: string, name: string, parameters: URLSearchParams): Place['tls'] {
  const mode = parameters.get('sslmode');
  if (mode !== null && !modes.has(mode)) throw wrong('its sslmode is none that PostgreSQL has');
  if (host.startsWith('/')) return false;
  if (mode === null ? isLoopback(host) : isLoopback(host) && unchecked.has(mode)) return false;
  if (mode !== null && mode !== 'verify-full' && !isLoopback(host))
    throw new OncallError('ledger-tls', `the ledger at ${name} would be spoken to without knowing that it is the one`, {
      exit: 2,
      why: `its address says sslmode=${mode}`,
      next: 'write sslmode=verify-full, and sslrootcert=FILE where its certificate is from an authority of your own',
    });
  const file = parameters.get('sslrootcert');
  return file === null || file === 'system' ? {} : { ca: authority(file) };
}

function authority(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new OncallError('ledger-tls', `the file of sslrootcert cannot be read: ${file}`, {
      exit: 2,
      why: (error as NodeJS.ErrnoException).code ?? '',
      next: 'check that it is there and that you may read it',
    });
  }
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
