/** Answers by idempotency key and person: who repeats a call is told what was answered, whichever broker is asked. */

import type { Actor } from '../lifecycle/types.ts';
import type { Connection } from './database.ts';

export type AnswerQueries = ReturnType<typeof answerQueries>;

/** `running`: somebody is at it; `other`: this key belongs to another call. */
export type AnswerClaim =
  | { readonly state: 'new' | 'running' | 'other' }
  | { readonly state: 'done'; readonly status: number; readonly body: string };

/** Whoever claimed it so long ago and has not answered is dead. */
const claimLastsMs = 120_000;

type Who = Pick<Actor, 'issuer' | 'subject'>;

const mine = 'issuer = ? AND subject = ? AND key = ?';

export function answerQueries(connection: Connection, now: number) {
  return {
    /** `digest`: of the operation and its input. Where it says `new`, the call is this caller's to do. */
    claimAnswer: async ({ issuer, subject }: Who, key: string, digest: string): Promise<AnswerClaim> => {
      const [row] = await connection.all(`SELECT digest, status, body, at FROM answers WHERE ${mine}`, [issuer, subject, key]);
      if (row !== undefined && row.digest !== digest) return { state: 'other' };
      if (row?.status != null) return { state: 'done', status: Number(row.status), body: String(row.body) };
      if (row !== undefined && Number(row.at) + claimLastsMs > now) return { state: 'running' };
      await connection.run(
        `INSERT INTO answers (issuer, subject, key, digest, at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (issuer, subject, key) DO UPDATE SET at = excluded.at`,
        [issuer, subject, key, digest, now],
      );
      return { state: 'new' };
    },
    keepAnswer: async (
      { issuer, subject }: Who,
      key: string,
      answer: { readonly status: number; readonly body: string },
    ): Promise<void> => {
      await connection.run(`UPDATE answers SET status = ?, body = ?, at = ? WHERE ${mine}`, [
        answer.status,
        answer.body,
        now,
        issuer,
        subject,
        key,
      ]);
    },
    /** Nothing was done: the same call may come again. What was answered stays. */
    dropAnswer: async ({ issuer, subject }: Who, key: string): Promise<void> => {
      await connection.run(`DELETE FROM answers WHERE ${mine} AND status IS NULL`, [issuer, subject, key]);
    },
    /** Number of those forgotten. */
    pruneAnswers: (before: number): Promise<number> => connection.run('DELETE FROM answers WHERE at < ?', [before]),
  };
}
