/** What a channel is told: a notice for people, or a piece of the audit trail for programs. */

import type { NoticeKind } from '../policy/notices.ts';

export type Addressee = {
  /** Case-folded. */
  readonly email: string;
  /** Their member id in Slack. */
  readonly slack?: string;
};

/** Texts are plain: without control and bidi characters, instants in RFC 3339 and UTC. Each medium escapes them in its own way. */
export type Notice = {
  /** The same each time it is sent: `<ledger>/<number of the event>`. */
  readonly id: string;
  /** `missed`: how many were not delivered. */
  readonly kind: NoticeKind | 'missed';
  /** When it happened; epoch ms. */
  readonly at: number;
  /** One line. */
  readonly title: string;
  readonly lines: readonly string[];
  /** What may be typed about it. */
  readonly commands: readonly string[];
  /** Who is to do something, or whose access it is, as far as the policy names them. */
  readonly to: readonly Addressee[];
  readonly request?: string;
  readonly role?: string;
  readonly holder?: string;
  /** `okta/On-Call Database Admin` */
  readonly target?: string;
  /** Until when access is given, a yes is waited for or a place is offered; epoch ms. */
  readonly until?: number;
};

/** As they were written, so that whoever gets them can check the chain. */
export type EventBatch = {
  readonly ledger: string;
  readonly events: readonly WrittenEvent[];
};

/** An event as it was written; the body need not be what it was. */
export type WrittenEvent = { readonly seq: number; readonly body: string; readonly prev: string; readonly hash: string };

/** How far a channel has been told. */
export type ChannelRow = {
  readonly channel: string;
  /** The last event that it needs no more telling of. */
  readonly seq: number;
  /** Until then some process is telling it. */
  readonly busyUntil: number;
  /** Tries that failed since the last one that did not. */
  readonly attempts: number;
  readonly nextAttemptAt: number;
  readonly failingSince: number | null;
  readonly lastError: string | null;
  readonly next: string | null;
  /** Notices that were given up, of which it has not been told yet. */
  readonly missed: number;
  readonly version: number;
};
