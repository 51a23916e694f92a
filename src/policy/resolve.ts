/** From the file as written to roles with every default filled in. */

import type { BreakGlass } from './break-glass.ts';
import { resolveStanding } from './checks-standing.ts';
import { resolveFollows } from './follows.ts';
import type { Path } from './issue.ts';
import type { WrittenMember } from './params.ts';
import type { Scope } from './resolve-condition.ts';
import { resolveRules } from './resolve-rules.ts';
import type { WrittenCondition, WrittenDefaults, WrittenRole, WrittenSweep } from './schema.ts';
import type { EndsSessions } from './sources.ts';
import type { Role, Rule, Sweep } from './types.ts';

const minute = 60_000;
const hour = 60 * minute;

/** What holds for every role that does not say otherwise, from the key `defaults` of the file. */
export type Defaults = {
  readonly written: WrittenDefaults;
  readonly graceMs: number;
  readonly deny: readonly Rule[];
  readonly approvers: readonly Rule[];
};

export function resolveDefaults(written: WrittenDefaults, scope: Scope): Defaults {
  const graceMs = written.grace ?? 15 * minute;
  const rules = (list: 'deny' | 'approvers') =>
    resolveRules(written[list] ?? [], list, `defaults.${list}`, ['defaults', list], graceMs, scope);
  return { written, graceMs, deny: rules('deny'), approvers: rules('approvers') };
}

export function resolveRole(
  { name, written, family }: WrittenMember,
  defaults: Defaults,
  scope: Scope,
  endsSessions: (directory: string) => EndsSessions,
): Role {
  // A rule stands in the file under the name of the family.
  const writtenAs = family?.name ?? name;
  const path: Path = ['roles', writtenAs];
  const graceMs = written.grace ?? defaults.graceMs;
  const rules = (list: 'deny' | 'allow' | 'ask' | 'approvers') =>
    resolveRules(written[list] ?? [], list, `${writtenAs}.${list}`, [...path, list], graceMs, scope);
  const approvers = written.approvers === undefined ? defaults.approvers : rules('approvers');
  const notify = written.notify ?? defaults.written.notify;
  const quorum = written.quorum ?? defaults.written.quorum ?? 1;
  const escalateMs = written.escalate ?? defaults.written.escalate;
  const follows = resolveFollows(written, writtenAs, path, scope);
  const standing = resolveStanding(written, path, scope);
  const whenUnknown = written.whenUnknown ?? defaults.written.whenUnknown ?? (approvers.length > 0 ? 'ask' : 'deny');
  return {
    name,
    ...(family === undefined ? {} : { family }),
    ...(written.description === undefined ? {} : { description: written.description }),
    targets: Object.entries(written.targets ?? {}).flatMap(([directory, groups]) => groups.map((group) => ({ directory, group }))),
    ttl: resolveTtl(written.ttl, defaults.written.ttl),
    deny: written.deny === undefined ? defaults.deny : rules('deny'),
    allow: rules('allow'),
    ask: rules('ask'),
    approvers,
    withinMs: written.within ?? defaults.written.within ?? hour,
    ...(quorum === 1 ? {} : { quorum }),
    ...(escalateMs === undefined ? {} : { escalateMs }),
    reason: written.reason ?? defaults.written.reason ?? 'when-asked',
    ...(written.maxHolders === undefined ? {} : { maxHolders: written.maxHolders }),
    ...(written.offerFor === undefined ? {} : { offerForMs: written.offerFor }),
    ...(written.onEnd?.endSessions
      ? { endsSessionsIn: Object.keys(written.targets ?? {}).filter((directory) => endsSessions(directory) === true) }
      : {}),
    whenUnknown,
    ...(notify === undefined ? {} : { notify }),
    ...(follows === undefined ? {} : { follows }),
    ...(standing === undefined ? {} : { standing }),
    ...(written.breakGlass === undefined ? {} : { breakGlass: resolveBreakGlass(written.breakGlass, writtenAs, graceMs, scope) }),
  };
}

function resolveBreakGlass(written: NonNullable<WrittenRole['breakGlass']>, role: string, graceMs: number, scope: Scope): BreakGlass {
  const at = ['roles', role, 'breakGlass'];
  const rules = (list: readonly WrittenCondition[], ...keys: readonly string[]) =>
    resolveRules(list, 'approvers', [role, 'breakGlass', ...keys].join('.'), [...at, ...keys], graceMs, scope);
  return {
    when: rules(written.when, 'when'),
    ttl: resolveTtl(written.ttl, { default: hour, max: 2 * hour }),
    review: { by: rules(written.review.by, 'review', 'by'), withinMs: written.review.within ?? 72 * hour },
  };
}

type Ttl = { readonly default?: number; readonly max?: number } | undefined;

/** A maximum that the role sets caps a default that it did not set; a default above the maximum that somebody wrote for it is a fault, found by the checks. */
function resolveTtl(own: Ttl, common: Ttl): Role['ttl'] {
  const max = own?.max ?? common?.max;
  const written = own?.default ?? common?.default;
  if (max === undefined) return written === undefined ? { defaultMs: hour, maxMs: 12 * hour } : { defaultMs: written, maxMs: written };
  const isInherited = own?.default === undefined && own?.max !== undefined;
  if (written === undefined || isInherited) return { defaultMs: Math.min(written ?? hour, max), maxMs: max };
  return { defaultMs: written, maxMs: max };
}

export function resolveSweep(written: WrittenSweep | undefined): Sweep {
  return {
    refuseWhenLateMs: written?.refuseWhenLate ?? 15 * minute,
    reconcileMs: written?.reconcile ?? 15 * minute,
    // A little below the 5 minutes that cron is told, for what is under way then.
    deadlineMs: written?.deadline ?? 4.5 * minute,
  };
}
