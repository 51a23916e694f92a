/** How far each channel has been told of the audit trail, and who is telling it. */

import type { ChannelRow, WrittenEvent } from '../lifecycle/notice.ts';
import type { Request } from '../lifecycle/types.ts';
import type { Connection, Row } from './database.ts';
import { toRequests } from './rows.ts';

export type NoticeQueries = ReturnType<typeof noticeQueries>;

const orNull = <T>(value: Row[string] | undefined, as: (value: string | number) => T): T | null =>
  value === null || value === undefined ? null : as(value);

const toChannel = (row: Row): ChannelRow => ({
  channel: String(row.channel),
  seq: Number(row.seq),
  busyUntil: Number(row.busy_until),
  attempts: Number(row.attempts),
  nextAttemptAt: Number(row.next_attempt_at),
  failingSince: orNull(row.failing_since, Number),
  lastError: orNull(row.last_error, String),
  next: orNull(row.next_step, String),
  missed: Number(row.missed),
  version: Number(row.version),
});

export function noticeQueries(connection: Connection) {
  return {
    channels: async (): Promise<readonly ChannelRow[]> =>
      (await connection.all('SELECT * FROM channels ORDER BY channel', [])).map(toChannel),
    channel: async (name: string): Promise<ChannelRow | undefined> => {
      const [row] = await connection.all('SELECT * FROM channels WHERE channel = ?', [name]);
      return row && toChannel(row);
    },
    /** Where another process has done it already, that stays. */
    beginChannel: async (name: string, seq: number): Promise<void> => {
      await connection.run(
        `INSERT INTO channels (channel, seq, busy_until, attempts, next_attempt_at, missed, version) VALUES (?, ?, 0, 0, 0, 0, 1)
           ON CONFLICT (channel) DO NOTHING`,
        [name, seq],
      );
    },
    /** Compare-and-swap on `version`; `undefined`: another process has it now. */
    changeChannel: async (row: ChannelRow, changes: Partial<Omit<ChannelRow, 'channel' | 'version'>>): Promise<ChannelRow | undefined> => {
      const next = { ...row, ...changes, version: row.version + 1 };
      const { seq, busyUntil, attempts, nextAttemptAt, failingSince, lastError, missed, version } = next;
      const changed = await connection.run(
        `UPDATE channels SET seq = ?, busy_until = ?, attempts = ?, next_attempt_at = ?, failing_since = ?, last_error = ?, next_step = ?,
           missed = ?, version = ? WHERE channel = ? AND version = ?`,
        [seq, busyUntil, attempts, nextAttemptAt, failingSince, lastError, next.next, missed, version, row.channel, row.version],
      );
      return changed === 1 ? next : undefined;
    },
    /** What is held, and ends between these two instants. */
    endingBetween: async (from: number, to: number): Promise<readonly Request[]> =>
      toRequests(
        await connection.all(
          "SELECT * FROM requests WHERE open = 1 AND state = 'approved' AND expires_at > ? AND expires_at <= ? ORDER BY expires_at, id",
          [from, to],
        ),
      ),
    eventsAfter: async (seq: number, limit: number): Promise<readonly WrittenEvent[]> =>
      (await connection.all('SELECT seq, body, prev, hash FROM events WHERE seq > ? ORDER BY seq LIMIT ?', [seq, limit])).map((row) => ({
        seq: Number(row.seq),
        body: String(row.body),
        prev: String(row.prev),
        hash: String(row.hash),
      })),
  };
}
