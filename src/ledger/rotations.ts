/** Queries about the rotations that roles follow: when each was last answered, and what came of it. */

import type { Rotation } from '../lifecycle/rotation.ts';
import type { Connection } from './database.ts';
import { toRotation } from './rows.ts';

export type RotationQueries = ReturnType<typeof rotationQueries>;

export function rotationQueries(connection: Connection) {
  return {
    rotation: async (role: string): Promise<Rotation> => {
      const [row] = await connection.all('SELECT * FROM rotations WHERE role = ?', [role]);
      return row ? toRotation(row) : { role, answeredAt: 0 };
    },
    rotations: async (): Promise<readonly Rotation[]> =>
      (await connection.all('SELECT * FROM rotations ORDER BY role', [])).map(toRotation),
    keepRotation: async ({ role, answeredAt, unanswered, refused }: Rotation): Promise<void> => {
      const json = (value: object | undefined): string | null => (value === undefined ? null : JSON.stringify(value));
      await connection.run(
        `INSERT INTO rotations (role, answered_at, unanswered, refused) VALUES (?, ?, ?, ?)
           ON CONFLICT (role) DO UPDATE SET answered_at = excluded.answered_at, unanswered = excluded.unanswered, refused = excluded.refused`,
        [role, answeredAt, json(unanswered), json(refused)],
      );
    },
    forgetRotation: async (role: string): Promise<void> => {
      await connection.run('DELETE FROM rotations WHERE role = ?', [role]);
    },
  };
}
