/** Of what `audit list` tells: a time, a person, a role. */

import type { AuditInput } from '../operations/audit-types.ts';
import { parseDuration, parseInstant } from '../policy/duration.ts';
import { type Args, type Option, text, usage } from './command.ts';

export const filterOptions: readonly Option[] = [
  {
    flags: '--since <when>',
    summary: 'from then on: a day (2026-10-01, in UTC), an instant, or how long ago (30d)',
    words: ['1d', '7d', '30d', '90d'],
  },
  { flags: '--until <when>', summary: 'up to then; a day counts whole', words: ['1d', '7d', '30d', '90d'] },
  { flags: '--user <email>', summary: 'only about this person' },
  { flags: '--role <role>', summary: 'only about this role', words: 'roles' },
];

export type Filter = Pick<AuditInput, 'since' | 'until' | 'user' | 'role'>;

export function filterFrom(args: Args, now: number): Filter {
  const since = whenFrom(args, 'since', now);
  const until = whenFrom(args, 'until', now);
  if (since !== undefined && until !== undefined && until <= since)
    throw usage('--until is not after --since', 'nothing can lie between them');
  const [user, role] = [text(args, 'user'), text(args, 'role')];
  if (user !== undefined && !user.includes('@')) throw usage(`--user ${user}: not an e-mail`, 'write it whole, for example maria@acme.dev');
  return {
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(user === undefined ? {} : { user }),
    ...(role === undefined ? {} : { role }),
  };
}

const dayMs = 86_400_000;

/** Of a day its beginning, or for `until` its end. */
function whenFrom(args: Args, name: 'since' | 'until', now: number): number | undefined {
  const written = text(args, name);
  if (written === undefined) return undefined;
  const day = /^\d{4}-\d{2}-\d{2}$/.test(written) ? Date.parse(`${written}T00:00:00Z`) : Number.NaN;
  // 30 February would be a day in March.
  if (!Number.isNaN(day) && new Date(day).toISOString().startsWith(written)) return name === 'since' ? day : day + dayMs;
  const length = parseDuration(written);
  if (!('fault' in length)) return now - length.ms;
  const instant = parseInstant(written);
  if (!('fault' in instant)) return instant.ms;
  throw usage(
    `--${name} ${written}: not a day, an instant or a length of time`,
    `write --${name} 2026-10-01, --${name} 2026-10-01T12:00Z or --${name} 30d`,
  );
}
