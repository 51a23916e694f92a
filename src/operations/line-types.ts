/** What the operations tell about the line for a role whose places are all taken. */

/** Who has a place, or is offered one. */
export type PlaceHolder = {
  readonly holder: string;
  readonly expiresAt?: number;
  /** It is being taken back: the place is free once that is confirmed. */
  readonly ending: boolean;
  /** It is offered to them, and kept until then. */
  readonly offeredUntil?: number;
};

/** Of one who waits. */
export type InLine = {
  /** 1: next. Left out where a place is offered to them. */
  readonly place?: number;
  readonly heldBy: readonly PlaceHolder[];
};

/** For `status`: of a role, the ids of those who wait, in their order. */
export type Line = { readonly role: string; readonly waiting: readonly string[] };
