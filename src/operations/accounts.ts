/** A directory's name stands for one account for ever: who is in a group there is remembered under that name. */

import type { Directory } from '../directories/directory.ts';
import { isOncallError, isProviderError, OncallError } from '../errors.ts';
import type { Policy } from '../policy/types.ts';

type Known = { readonly name: string; readonly account: string };

/** `undefined`: `account` is what this ledger knows the directory as, or it knows nothing of either. */
export function accountFault(known: readonly Known[], directory: string, account: string): OncallError | undefined {
  const own = known.find(({ name }) => name === directory)?.account ?? '';
  if (own !== '' && own !== account) {
    return new OncallError('wrong-account', `${directory} is now account ${account}, but this ledger knows it as ${own}`, {
      why: 'a directory name stands for one account for ever, so nobody is let in there',
      next: 'use the right credentials (or file), or give the other account a name of its own in the policy',
    });
  }
  const twin = known.find((row) => row.account === account && row.name !== directory);
  if (twin === undefined) return undefined;
  return new OncallError('same-account', `${directory} and ${twin.name} are the same account: ${account}`, {
    why: 'one group under two names would be kept twice, so nobody is let in there',
    next: `call it ${twin.name} in the policy`,
  });
}

/** Asks each directory of `policy` that a ledger knows for one group of it; gives those about which nothing could be found out. Throws where one is another account. */
export async function requireSameAccounts(
  policy: Policy,
  known: readonly Known[],
  open: (name: string) => Promise<Directory>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const targets = Object.values(policy.roles).flatMap((role) => role.targets);
  const unknown: string[] = [];
  for (const name of Object.keys(policy.directories)) {
    const target = targets.find(({ directory }) => directory === name);
    if (target === undefined) continue;
    const pin = await open(name)
      .then((directory) => directory.findGroup(target.group, { toRead: true, signal }))
      .catch(unlessElsewhere);
    const fault = pin && accountFault(known, name, pin.account);
    if (fault) throw fault;
    if (pin === undefined && known.some((row) => row.name === name && row.account !== '')) unknown.push(name);
  }
  return unknown;
}

function unlessElsewhere(error: unknown): undefined {
  if (isOncallError(error) || (isProviderError(error) && error.fault !== 'wrong-account')) return undefined;
  throw error;
}
