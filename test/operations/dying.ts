/** A process that dies at one of its calls to a port. */

import type { Directory } from '../../src/directories/directory.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Deps } from '../../src/operations/deps.ts';
import type { Operations } from '../../src/operations/types.ts';
import type { World } from './world.ts';

export const died = Symbol('died');

/** Deps whose `n`-th port call never comes back: before it has any effect, or after. Gives what counts the calls. */
export function dyingAt(
  world: World,
  name: string,
  n: number,
  when: 'before' | 'after',
  more: Partial<Deps> = {},
): { readonly operations: Operations; readonly dead: Promise<typeof died>; readonly count: () => number } {
  let calls = 0;
  let die: (value: typeof died) => void = () => undefined;
  const dead = new Promise<typeof died>((resolve) => {
    die = resolve;
  });
  const never = new Promise<never>(() => undefined);
  const port = async <T>(work: () => Promise<T>): Promise<T> => {
    calls++;
    const mine = calls;
    if (mine > n) return never;
    if (mine === n && when === 'before') {
      die(died);
      return never;
    }
    const outcome = await work();
    if (mine !== n) return outcome;
    die(died);
    return never;
  };
  const wrapped = <K extends string>(target: Record<K, unknown>, names: readonly K[]): Record<K, unknown> => {
    const copy = { ...target };
    for (const key of names)
      copy[key] = (...args: unknown[]) => port(() => (target[key] as (...a: unknown[]) => Promise<unknown>)(...args));
    return copy;
  };
  const ledger = wrapped(world.ledger as never, ['read', 'write']) as unknown as Ledger;
  const okta = wrapped(world.okta as never, [
    'findUser',
    'findGroup',
    'read',
    'members',
    'add',
    'remove',
    'endSessions',
  ]) as unknown as Directory;
  const over: Partial<Deps> = { ...more, ledger: async () => ledger, directory: async () => okta };
  return { operations: world.as(name, over), dead, count: () => calls };
}
