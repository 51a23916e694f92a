/** The places on a broker's host that nobody who calls it is told of. */

import type { Inside } from '../broker/host.ts';
import type { Policy } from '../policy/types.ts';

export function insideOf(policy: Policy, ledger: string, folder: string): Inside {
  const { path, directories, rosters, notify = {} } = policy;
  const address = ledger.replace(/^postgres:\/\//, '');
  const places = [path, folder, address, ...pathsIn([directories, rosters, notify, policy.ledger])];
  return {
    named: [
      { place: path, noun: 'policy' },
      { place: ledger, noun: 'ledger' },
      { place: address, noun: 'ledger' },
    ],
    // Of all that lies on this host the first folder: whoever names a file may also name one beside it, or a folder above it.
    folders: [...new Set(places.flatMap((place) => /^\/[^/]+/.exec(place)?.[0] ?? []))],
  };
}

function pathsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.startsWith('/') ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(pathsIn) : [];
}
