/** A notice as JSON, for programs (docs/notices.md). */

import type { EventBatch, Notice } from '../lifecycle/notice.ts';

export type Document = { readonly id: string; readonly text: string };

const instant = (ms: number): string => new Date(ms).toISOString();

export function noticeDocument({ id, kind, at, until, ...rest }: Notice): Document {
  const times = { at: instant(at), ...(until === undefined ? {} : { until: instant(until) }) };
  return { id, text: JSON.stringify({ schema: 1, id, kind, ...times, ...rest }) };
}

export function eventsDocument({ ledger, events }: EventBatch): Document {
  const id = `${ledger}/${events[0]?.seq}-${events.at(-1)?.seq}`;
  return { id, text: JSON.stringify({ schema: 1, id, kind: 'events', ledger, events }) };
}
