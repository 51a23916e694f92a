/** What a broker says when it starts: where it is, what it goes by, and what is wrong already. */

import { isIPv6 } from 'node:net';
import type { Running } from '../broker/settings.ts';
import type { LogEntry, ServeInput } from '../commands/command.ts';
import { readNow, standing } from '../operations/anchor.ts';
import { formatDuration } from '../policy/duration.ts';
import type { Policy } from '../policy/types.ts';
import type { OidcIdentity } from '../sign-in/settings.ts';
import type { KeyPair } from './serve-address.ts';
import type { HostOf } from './serve-host.ts';
import { untilOf } from './serve-tls.ts';

type Listens = { readonly input: ServeInput; readonly address: Running['address']; readonly certificate: KeyPair | undefined };

export async function startEntry(
  { version, origin, policy, remembers }: HostOf,
  { input, address, certificate }: Listens,
): Promise<LogEntry> {
  const { path, digest, identity, directories, rosters } = policy();
  const { host, port } = address;
  const how = certificate === undefined ? 'plain HTTP' : `TLS, certificate valid until ${untilOf(certificate)}`;
  const proxies = input.behindProxy === undefined ? '' : `, behind ${input.behindProxy.join(', ')}`;
  return {
    level: 'info',
    event: 'started',
    message: `oncall ${version} serves ${origin}`,
    details: {
      listens: `${isIPv6(host) ? `[${host}]` : host}:${port} (${how}${proxies})`,
      policy: `${path} (SHA-256 ${digest})`,
      ledger: await remembers.ledgerPlace(),
      people: identity.map(personsOf).join('; '),
      directories: sourcesOf(directories),
      rosters: sourcesOf(rosters) || 'none',
      sweeps: input.sweepEveryMs === undefined ? 'none from here: cron must' : `every ${formatDuration(input.sweepEveryMs)}`,
    },
  };
}

function personsOf(identity: Policy['identity'][number]): string {
  if (identity.kind === 'local') return 'at their word, on this machine only';
  const { issuer, domains } = identity.settings as OidcIdentity;
  return `${domains.join(', ')} by ${issuer}`;
}

const sourcesOf = (sources: Policy['rosters']): string =>
  Object.values(sources)
    .map(({ name, kind }) => (name === kind ? name : `${name} (${kind})`))
    .join(', ');

/** Said, and served all the same: what it still knows must end, and the operations grant nothing. */
export async function tellLoss({ ledger, remembers, tell }: HostOf): Promise<void> {
  const kept = readNow(remembers.anchor);
  const { fault } = await ledger.read((q, now) => standing(kept, q, now));
  if (fault !== undefined) tell({ level: 'error', event: 'ledger.behind', message: fault, details: { next: 'oncall ledger recover' } });
}
