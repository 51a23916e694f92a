/** The port to who is told. An adapter is one file that has a default export made by `defineNotices` and a line in `index.ts`; the contract suite in `test/contracts/` then covers it. */

import type { z } from 'zod/mini';
import type { EventBatch, Notice } from '../lifecycle/notice.ts';

export type NoticeCall = { readonly signal?: AbortSignal | undefined };

/** Every function throws `ProviderError` and nothing else. What was sent and not acknowledged is sent again. */
export type Sender = {
  /** Reads what it needs and sends nothing: where it would send to, for people and without a secret. */
  ready(call: NoticeCall): Promise<string>;
  send(notice: Notice, call: NoticeCall): Promise<void>;
  /** Where `takesEvents`. */
  stream?(batch: EventBatch, call: NoticeCall): Promise<void>;
};

export type NoticeContext = {
  readonly name: string;
  readonly now: () => number;
  readonly baseDir: string;
};

export type NoticesKind<S> = {
  readonly settings: z.ZodMiniType<S>;
  readonly isLocal: (settings: S) => boolean;
  /** Whether it can take every event of the audit trail; `policy check` asks. */
  readonly takesEvents: boolean;
  readonly open: (settings: S, context: NoticeContext) => Promise<Sender>;
};

/** Checks an adapter against its own settings type, then forgets that type, so that the registry can hold all of them. */
export function defineNotices<S>(kind: NoticesKind<S>): NoticesKind<unknown> {
  return kind as unknown as NoticesKind<unknown>;
}
