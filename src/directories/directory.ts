/** The port to where access lives. An adapter is one file whose default export is made by `defineDirectory` and which has a line in `index.ts`; the contract suite in `test/contracts/` then covers it. */

import type { z } from 'zod/mini';
import type { GroupPin, Pin } from '../lifecycle/types.ts';

export type Member = { readonly userId: string; readonly userName: string };

export type FoundGroup = GroupPin & {
  /** Of an IAM role: how long what was begun before the end may last after it. Nothing here ends that. */
  readonly longestSessionMs?: number;
};

export type Call = {
  readonly signal?: AbortSignal;
  /** Called by `add`, `remove` and `endSessions` right before the writing request is sent; throws when it is too late to send it. */
  readonly beforeWrite?: () => void;
  readonly turn?: Turn;
};

/** Waits until a request may be sent, sends it, and looks at the error it fails with, a `ProviderError`. A run that must keep to the provider's limit gives one. */
export type Turn = <T>(request: () => Promise<T>) => Promise<T>;

/** What every single request to the provider goes through, those of a later try or page too. The wait counts towards no time-out, and `beforeWrite` comes after it. */
export function inTurn<T>({ turn }: Call, request: () => Promise<T>): Promise<T> {
  return turn ? turn(request) : request();
}

/**
 * Every function throws `ProviderError` and nothing else. Answers count only where account, user and group agree with the pin:
 * an id that is found under another name is followed, a name that now has another id is a namesake and is never touched,
 * and an answer from another account throws `wrong-account`.
 * Writes are sent once: the adapter makes no retry of its own around `add` and `remove`, because a lost answer must be seen.
 */
export type Directory = {
  /** Exactly one user of that name, or `undefined`. More than one: throws `ambiguous`. */
  findUser(name: string, call: Call): Promise<{ readonly userId: string; readonly userName: string; readonly active: boolean } | undefined>;
  /** Exactly one group of that name (or id), or `undefined`. A group whose members cannot be changed here throws `refused`, unless it is only to be read. */
  findGroup(name: string, call: Call & { readonly toRead?: boolean }): Promise<FoundGroup | undefined>;
  /** `gone`: the user or the group no longer exists by id, so the membership does not either. */
  read(pin: Pin, call: Call): Promise<'member' | 'absent' | 'gone'>;
  /** Every member, every page read; throws rather than answer in part. `gone`: the group no longer exists by id. */
  members(group: GroupPin, call: Call): Promise<readonly Member[] | 'gone'>;
  /** Resolves only when the provider acknowledged it. `until`: the latest end of what stands on the membership, for a directory that keeps it; adding who is in already moves it there. */
  add(pin: Pin, call: Call & { readonly until?: number }): Promise<'added' | 'already'>;
  /** Resolves only when the provider acknowledged it. `already`: was not a member, or user or group gone by id. */
  remove(pin: Pin, call: Call): Promise<'removed' | 'already'>;
  /** Where the provider can: whether it keeps the end of a membership in this group by itself, and lets nobody in by it afterwards. */
  keepsEnd?(group: GroupPin): boolean;
  /** Where the provider can tell: whether the user, by id, was suspended or deactivated. Not for what passes by itself, such as a locked account: anybody can bring that about with wrong passwords. */
  hasLeft?(pin: Pin, call: Call): Promise<boolean>;
  /** Where the provider can: ends what the user is signed in to, so that access ends at once. Sent once, after `beforeWrite`; resolves when acknowledged, or when the user is gone by id. */
  endSessions?(pin: Pin, call: Call): Promise<void>;
  /** The right that `endSessions` needs, for people: nothing but a sign-out shows whether the credentials have it. */
  readonly endSessionsNeeds?: string;
};

/** What an adapter is given besides its settings. */
export type AdapterContext = {
  /** The entry's name in the policy, for messages. */
  readonly name: string;
  readonly now: () => number;
  /** A line for `--verbose`; never a secret. */
  readonly log: (line: string) => void;
  /** Tells what the provider's clock said, epoch ms, for the skew check. */
  readonly onServerDate: (ms: number) => void;
  /** Relative paths in settings are relative to this folder (the policy file's). */
  readonly baseDir: string;
};

export type DirectoryKind<S> = {
  /** Schema of the settings, without `kind`, `exclusive`, `userName` and `callsPerSecond`, which every directory has. */
  readonly settings: z.ZodMiniType<S>;
  /** Whether these settings reach nothing but this machine (a local file, an endpoint on loopback). */
  readonly isLocal: (settings: S) => boolean;
  /** Left out where the kind has no `endSessions`. A text: what these settings lack for it, and what to do about that. */
  readonly endsSessions?: (settings: S) => true | string;
  /** Left out where the kind has no IAM roles. A text: why these settings cannot give that one. */
  readonly givesIamRole?: (settings: S, arn: string) => true | string;
  /** Where these settings lead, as no other entry of the kind must; left out: nobody can tell. */
  readonly place?: (settings: S) => string | undefined;
  readonly open: (settings: S, context: AdapterContext) => Promise<Directory>;
};

/** Checks an adapter against its own settings type, then forgets that type, so that the registry can hold all of them. */
export function defineDirectory<S>(kind: DirectoryKind<S>): DirectoryKind<unknown> {
  return kind as unknown as DirectoryKind<unknown>;
}
