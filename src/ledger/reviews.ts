/** Queries about what somebody else has to look at afterwards: one row for each time that the glass was broken. */

import type { Connection, Row } from './database.ts';

export type ReviewQueries = ReturnType<typeof reviewQueries>;

export type Review = {
  readonly requestId: string;
  readonly role: string;
  readonly holder: string;
  /** Epoch ms. */
  readonly dueAt: number;
  readonly reviewedAt?: number;
};

const toReview = (row: Row): Review => ({
  requestId: String(row.request_id),
  role: String(row.role),
  holder: String(row.email),
  dueAt: Number(row.due_at),
  ...(row.reviewed_at === null ? {} : { reviewedAt: Number(row.reviewed_at) }),
});

const columns = 'reviews.request_id, requests.role, requests.email, reviews.due_at, reviews.reviewed_at';
const tables = 'reviews JOIN requests ON requests.id = reviews.request_id';

export function reviewQueries(connection: Connection) {
  return {
    insertReview: async (requestId: string, dueAt: number): Promise<void> => {
      await connection.run(
        // Once more under the same id: that is to be looked at, too, and by the day on which the first time is.
        `INSERT INTO reviews (request_id, due_at) VALUES (?, ?) ON CONFLICT (request_id) DO UPDATE SET reviewed_at = NULL, due_at =
           CASE WHEN reviews.reviewed_at IS NULL AND reviews.due_at < excluded.due_at THEN reviews.due_at ELSE excluded.due_at END`,
        [requestId, dueAt],
      );
    },
    review: async (requestId: string): Promise<Review | undefined> => {
      const [row] = await connection.all(`SELECT ${columns} FROM ${tables} WHERE reviews.request_id = ?`, [requestId]);
      return row && toReview(row);
    },
    /** Which nobody has made yet, the most urgent first. */
    openReviews: async (): Promise<readonly Review[]> =>
      (
        await connection.all(
          `SELECT ${columns} FROM ${tables} WHERE reviews.reviewed_at IS NULL ORDER BY reviews.due_at, reviews.request_id`,
          [],
        )
      ).map(toReview),
    /** Says whether it was open until now. */
    closeReview: async (requestId: string, at: number): Promise<boolean> =>
      (await connection.run('UPDATE reviews SET reviewed_at = ? WHERE request_id = ? AND reviewed_at IS NULL', [at, requestId])) === 1,
  };
}
