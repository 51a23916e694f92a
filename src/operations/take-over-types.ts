/** What `oncall adopt` takes and gives. */

import type { Target } from '../policy/types.ts';

/** Without `decided` it only lists. */
export type AdoptInput = {
  readonly directory: string;
  readonly group: string;
  /** Of several roles that give this group: as which they are taken over. */
  readonly role?: string;
  /** For those whom the role does not name as standing; left out: they stay as they are. */
  readonly end?: { readonly forMs: number } | { readonly untilMs: number };
  readonly reason?: string;
  /** People whom somebody named by their e-mail; they are recognised where the directory knows them by another name. */
  readonly called?: readonly string[];
  /** As it was listed, and confirmed; who is not in it stays as they are. */
  readonly decided?: { readonly standing: readonly string[]; readonly ending: readonly string[] };
};

/** A member of the group whom no grant explains. */
export type AdoptMember = {
  /** `maria@acme.dev@okta/Prod Read` */
  readonly id: string;
  /** The name in the directory. */
  readonly holder: string;
  /** Whose name that is: their e-mail. Several where it could be either's, none where nobody is known by it. */
  readonly people: readonly string[];
  /** What is known of how they came in. */
  readonly because: string;
  /** `standing`: the role names them. `ending`: with the end that was asked for. `left`: stays as it is. */
  readonly as: 'standing' | 'ending' | 'left';
  /** For `left`: why. */
  readonly why?: string;
  readonly until?: number;
  /** Once taken over. */
  readonly requestId?: string;
};

export type AdoptResult = {
  readonly result: 'listed' | 'adopted';
  readonly role: string;
  readonly target: Target;
  readonly exclusive: boolean;
  /** Ordered by id. */
  readonly members: readonly AdoptMember[];
  /** How many more are in it, with a grant. */
  readonly covered: number;
  /** Of what was confirmed: no longer in the group, and so left alone. */
  readonly gone: readonly string[];
};
