/** A directory with the world around it, as the contract needs it, and how its refusals are checked. */

import { expect } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import { isProviderError, type ProviderError, type ProviderFault } from '../../src/errors.ts';

export type DirectoryWorld = {
  readonly directory: Directory;
  /** Another account, org or file, reached with its own credentials. */
  readonly elsewhere: { readonly directory: Directory } & Arrange;
  /** The adapter's clock; for what ends by itself. */
  now?(): number;
  /** Lets so much time pass that the adapter no longer trusts what it verified. */
  passTime(): void;
  /** Writing requests that reached the provider so far, counted before it returns its promise. */
  writes(): Promise<number>;
  denyWrites(): Promise<void>;
  close(): Promise<void>;
} & Arrange & {
    removeUser(user: string): Promise<void>;
    removeGroup(group: string): Promise<void>;
    leave(user: string, group: string): Promise<void>;
    /** Where a user or group has an id apart from its name. */
    renameUser?(from: string, to: string): Promise<void>;
    renameGroup?(from: string, to: string): Promise<void>;
    /** Where the provider lets two users have one name. */
    twin?(user: string): Promise<void>;
  };

type Arrange = {
  addUser(user: string): Promise<void>;
  addGroup(group: string): Promise<void>;
  join(user: string, group: string): Promise<void>;
  isMember(user: string, group: string): Promise<boolean>;
};

export type DirectoryTraits = {
  readonly skip?: string | undefined;
  readonly user: string;
  readonly otherUser: string;
  readonly group: string;
  /** Ids are names, so nobody can be renamed and nobody has a namesake. */
  readonly namesAreIds: boolean;
  readonly twins: boolean;
  /** A group that is known by its name alone, in which people are whether it is there or not, and until an end: an IAM role. */
  readonly isIamRole?: boolean;
  /** The provider says whether an added user was a member already. */
  readonly tellsAlready: boolean;
};

/** Fails for anything but a `ProviderError` of that fault. */
export async function expectFault(work: Promise<unknown>, fault: ProviderFault, applied?: 'no' | 'unknown'): Promise<ProviderError> {
  const error = await work.then(
    (answer) => new Error(`answered ${JSON.stringify(answer)}`),
    (thrown: unknown) => thrown,
  );
  if (!isProviderError(error)) throw error;
  expect(error.fault, error.message).toBe(fault);
  if (applied) expect(error.applied, error.message).toBe(applied);
  expect(error.message).toMatch(/^(\P{Lu}|AWS)/u);
  return error;
}
