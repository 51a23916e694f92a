/** Queries about directories as a whole: account pins, heartbeats, and who is in a group without a grant. */

import type { Member } from '../directories/directory.ts';
import type { Connection, Row } from './database.ts';

export type GroupQueries = ReturnType<typeof groupQueries>;

export type DirectoryRow = {
  readonly name: string;
  readonly account: string;
  readonly heartbeatAt?: number;
  readonly reconciledAt?: number;
};
export type ManagedGroup = {
  readonly directory: string;
  readonly groupId: string;
  readonly groupName: string;
  readonly firstReadAt: number;
  readonly cleanAt?: number;
};
export type Stranger = Member & {
  readonly directory: string;
  readonly groupId: string;
  readonly kind: 'baseline' | 'drift';
  readonly seenAt: number;
};

export function groupQueries(connection: Connection) {
  return {
    directories: async (): Promise<readonly DirectoryRow[]> =>
      (await connection.all('SELECT * FROM directories ORDER BY name', [])).map((row) => ({
        name: String(row.name),
        account: String(row.account),
        ...(row.heartbeat_at === null ? {} : { heartbeatAt: Number(row.heartbeat_at) }),
        ...(row.reconciled_at === null ? {} : { reconciledAt: Number(row.reconciled_at) }),
      })),
    /** The first one stays; compare before calling. */
    pinDirectory: async (name: string, account: string): Promise<void> => {
      await connection.run(
        'INSERT INTO directories (name, account) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET account = excluded.account WHERE directories.account = ?',
        [name, account, ''],
      );
    },
    beat: async (name: string, at: number, reconciled: boolean): Promise<void> => {
      await connection.run(
        `INSERT INTO directories (name, account, heartbeat_at, reconciled_at) VALUES (?, '', ?, ?)
           ON CONFLICT (name) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, reconciled_at = coalesce(excluded.reconciled_at, directories.reconciled_at)`,
        [name, at, reconciled ? at : null],
      );
    },

    managedGroups: async (): Promise<readonly ManagedGroup[]> =>
      (await connection.all('SELECT * FROM managed_groups', [])).map(toManagedGroup),
    managedGroup: async (directory: string, groupId: string): Promise<ManagedGroup | undefined> => {
      const [row] = await connection.all('SELECT * FROM managed_groups WHERE directory = ? AND group_id = ?', [directory, groupId]);
      return row && toManagedGroup(row);
    },
    insertManagedGroup: async (group: ManagedGroup): Promise<void> => {
      await connection.run('INSERT INTO managed_groups (directory, group_id, group_name, first_read_at, clean_at) VALUES (?, ?, ?, ?, ?)', [
        group.directory,
        group.groupId,
        group.groupName,
        group.firstReadAt,
        group.cleanAt ?? null,
      ]);
    },
    renameManagedGroup: async (directory: string, groupId: string, groupName: string): Promise<void> => {
      await connection.run('UPDATE managed_groups SET group_name = ? WHERE directory = ? AND group_id = ?', [
        groupName,
        directory,
        groupId,
      ]);
    },
    /** `undefined`: not exclusive now, so that what was clean once counts for nothing when it becomes so again. */
    markClean: async (directory: string, groupId: string, at: number | undefined): Promise<void> => {
      const clean = at === undefined ? 'NULL' : 'coalesce(clean_at, ?)';
      await connection.run(`UPDATE managed_groups SET clean_at = ${clean} WHERE directory = ? AND group_id = ?`, [
        ...(at === undefined ? [] : [at]),
        directory,
        groupId,
      ]);
    },

    strangers: async (directory?: string, groupId?: string): Promise<readonly Stranger[]> => {
      const [where, params] =
        directory === undefined
          ? ['', []]
          : groupId === undefined
            ? ['WHERE directory = ?', [directory]]
            : ['WHERE directory = ? AND group_id = ?', [directory, groupId]];
      const rows = await connection.all(`SELECT * FROM strangers ${where} ORDER BY directory, group_id, user_name`, params);
      return rows.map((row) => ({
        directory: String(row.directory),
        groupId: String(row.group_id),
        userId: String(row.user_id),
        userName: String(row.user_name),
        kind: row.kind as Stranger['kind'],
        seenAt: Number(row.seen_at),
      }));
    },
    addStranger: async (stranger: Stranger): Promise<void> => {
      await connection.run('INSERT INTO strangers (directory, group_id, user_id, user_name, kind, seen_at) VALUES (?, ?, ?, ?, ?, ?)', [
        stranger.directory,
        stranger.groupId,
        stranger.userId,
        stranger.userName,
        stranger.kind,
        stranger.seenAt,
      ]);
    },
    removeStranger: async (directory: string, groupId: string, userId: string): Promise<void> => {
      await connection.run('DELETE FROM strangers WHERE directory = ? AND group_id = ? AND user_id = ?', [directory, groupId, userId]);
    },
  };
}

const toManagedGroup = (row: Row): ManagedGroup => ({
  directory: String(row.directory),
  groupId: String(row.group_id),
  groupName: String(row.group_name),
  firstReadAt: Number(row.first_read_at),
  ...(row.clean_at === null ? {} : { cleanAt: Number(row.clean_at) }),
});
