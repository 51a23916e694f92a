/** What `oncall audit list` takes and gives. */

import type { Access } from '../lifecycle/accesses.ts';
import type { EndReason } from '../lifecycle/types.ts';

/** What happened from `since` on and before `until`, to or by `user` (an e-mail), about `role` (or a family of roles). */
type Wanted = { readonly since?: number; readonly until?: number; readonly user?: string; readonly role?: string };

/** `limit`: the last so many, 500 where it is left out, 5,000 at most; `before`: of the events below this number. */
export type AuditInput = Wanted & { readonly of?: string; readonly limit?: number; readonly before?: number };

export type EventView = {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly actor: string;
  readonly requestId?: string;
  readonly role?: string;
  readonly holder?: string;
  readonly target?: string;
  readonly reason?: string;
  readonly endReason?: EndReason;
  readonly data: unknown;
  /** For a refusal: what was in the way. */
  readonly why?: string;
  /** All of it in canonical JSON, as it was hashed. */
  readonly body: string;
  readonly prev: string;
  readonly hash: string;
};

/** Access that lasted in that time, of `user` and no other. `limit`: the first so many; through a broker 20,000 at most; `after`: those that began after the event of this number. */
export type AccessInput = Wanted & { readonly limit?: number; readonly after?: number };

/** `more`: with which `after` the next ones come; left out: these are all. */
export type AccessResult = { readonly accesses: readonly Access[]; readonly more?: number };
