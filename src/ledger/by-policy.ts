/** Queries about what the policy gives by itself, and about what a sweep tells only once. */

import type { Origin, Request } from '../lifecycle/types.ts';
import type { Connection } from './database.ts';
import { toRequest, toRequests } from './rows.ts';

export type ByPolicyQueries = ReturnType<typeof byPolicyQueries>;

export type Told = { readonly topic: string; readonly subject: string; readonly what: string; readonly at: number };

export function byPolicyQueries(connection: Connection) {
  return {
    openByPolicy: async (origin: Origin): Promise<readonly Request[]> =>
      toRequests(
        await connection.all(
          "SELECT * FROM requests WHERE open = 1 AND issuer = 'policy' AND origin = ? ORDER BY role, subject, requested_at, id",
          [origin],
        ),
      ),
    /** The last one for this person, open or over. */
    lastByPolicy: async (email: string, role: string, origin: Origin): Promise<Request | undefined> => {
      const [row] = await connection.all(
        "SELECT * FROM requests WHERE issuer = 'policy' AND subject = ? AND role = ? AND origin = ? ORDER BY requested_at DESC, id DESC LIMIT 1",
        [email, role, origin],
      );
      return row && toRequest(row);
    },

    toldOf: async (topic: string): Promise<readonly Told[]> =>
      (await connection.all('SELECT topic, subject, what, at FROM told WHERE topic = ? ORDER BY subject', [topic])).map((row) => ({
        topic: String(row.topic),
        subject: String(row.subject),
        what: String(row.what),
        at: Number(row.at),
      })),
    tell: async ({ topic, subject, what, at }: Told): Promise<void> => {
      await connection.run(
        'INSERT INTO told (topic, subject, what, at) VALUES (?, ?, ?, ?) ON CONFLICT (topic, subject) DO UPDATE SET what = excluded.what, at = excluded.at',
        [topic, subject, what, at],
      );
    },
    untell: async (topic: string, subject: string): Promise<void> => {
      await connection.run('DELETE FROM told WHERE topic = ? AND subject = ?', [topic, subject]);
    },
  };
}
