/** Lines that several commands print alike: labelled values, names of targets, findings. */

import type { GrantView, Request } from '../lifecycle/types.ts';
import type { Ended, LateSession } from '../operations/types.ts';
import { formatDuration } from '../policy/duration.ts';
import { nameOf, titleOf } from '../policy/iam-role.ts';
import type { Evidence, Finding, Target } from '../policy/types.ts';
import { wrap } from '../terminal/text.ts';
import { type Clock, showAgo, showInstant, showRemaining } from '../terminal/time.ts';
import type { Context } from './command.ts';

export { nameOf };

/** One for each target, the last that was made: what an earlier one met is over. */
export function newestOf({ id, targets }: Request, grants: readonly GrantView[]): readonly GrantView[] {
  return targets.flatMap((target) => {
    const own = grants.filter((grant) => grant.requestId === id && nameOf(grant.target) === nameOf(target));
    return own.length === 0 ? [] : [own.reduce((last, grant) => (grant.createdAt >= last.createdAt ? grant : last))];
  });
}

/** What lasts beyond the end, and nothing here can end. */
export const sessionLines = (sessions: readonly LateSession[] = []): readonly string[] =>
  sessions.map((one) => {
    const title = titleOf(one.target.group);
    if ('because' in one) return `sessions of the ${title} that are begun before the end outlast it; how long is not known: ${one.because}`;
    return `sessions of the ${title} that are begun before the end last up to ${formatDuration(one.longestMs)}`;
  });

/** What somebody has of a role, before `until`. */
export const heldWhat = ({ missing }: { readonly missing: readonly Target[] }): string =>
  missing.length === 0 ? 'it' : `it, but not ${missing.map(nameOf).join(', ')},`;

/** Of what a sweep found held by nothing any more, or `isUnheld`, as the next one will: when its grace runs out, and what held it. */
export function unheldText({ unheldSince, decision }: Request, clock: Clock, isUnheld = false): string | undefined {
  if (unheldSince === undefined && !isUnheld) return undefined;
  const ending = decision.endsWith.map(({ name }) => name);
  const held = decision.findings.filter(({ rule, holds }) => holds === true && ending.includes(rule)).map(({ because }) => because);
  const graceMs = Math.max(0, ...decision.endsWith.map((rule) => rule.graceMs));
  const end = (unheldSince ?? clock.now) + graceMs;
  const noted = unheldSince === undefined ? `${formatDuration(graceMs)} after the next sweep` : `within ${showRemaining(end, clock)}`;
  const when = `ends ${end <= clock.now ? 'with the next sweep' : noted}`;
  // Nobody has noted which of the two it was.
  const orOver = decision.incident === undefined ? '' : `, or ${decision.incident.ref} is over`;
  return `no longer ${(held.length === 0 ? ending : held).join(', ')}${orOver}: ${when}, unless it is so again`;
}

/** Of a request of which nothing stands any more. */
export function endedText({ by, at, how, because }: Ended, clock: Clock): string {
  const isTool = by === 'sweep' || by === 'oncall';
  const told = because === undefined ? '' : isTool ? `: ${because}` : `: "${because}"`;
  return `${hows[how]}${isTool ? '' : ` by ${by}`} ${showInstant(at, clock)}, ${showAgo(at, clock)}${told}`;
}

const hows: Readonly<Record<Ended['how'], string>> = {
  expired: 'ended by the sweep, its time or its reason being over,',
  released: 'given back',
  revoked: 'revoked',
  superseded: 'superseded',
  failed: 'not given, as its activation failed,',
  denied: 'denied',
  withdrawn: 'taken back',
};

/** Labels of what is said by this program alone, commands among it; behind others may stand what somebody wrote. */
const ownWords: ReadonlySet<string> = new Set(['next', 'note', 'ends']);

/** `  why:  …`, several below one another. */
export function labelled(label: string, values: readonly string[], { screen }: Pick<Context, 'screen'>): string[] {
  const first = `  ${`${label}: `.padEnd(6)}`;
  const shown = ownWords.has(label) ? values.map(screen.toCopy) : values;
  return shown.map((value, index) => wrap(`${index === 0 ? first : ' '.repeat(first.length)}${value}`, screen.width, first.length));
}

export function findingText(
  { because, detail, source, fetchedAt }: Pick<Finding, 'because' | 'detail' | 'source' | 'fetchedAt'>,
  clock: Clock,
): string {
  const what = detail === undefined ? because : `${because}; ${detail}`;
  const age = fetchedAt === undefined ? undefined : showAgo(fetchedAt, clock);
  const from = [source, age].filter((part) => part !== undefined);
  return from.length === 0 ? what : `${what} (${from.join(', ')})`;
}

/** `yes`, `no` or `?`, then the rule and what it came to. */
export function findingLine(finding: Finding, context: Context): string {
  const { width, paint } = context.screen;
  const mark = finding.holds === 'unknown' ? paint.yellow('?  ') : finding.holds ? paint.green('yes') : paint.red('no ');
  return wrap(`  ${mark}  ${finding.rule}: ${findingText(finding, context.clock())}`, width, 7);
}

/** What a roster answered then: the shift with its bounds, the incident with who made it. */
export function evidenceText(evidence: Evidence, clock: Clock): string {
  if (evidence.kind === 'incident') {
    const { roster, ref, title, severities, openedAt, openedBy, assignedBy } = evidence;
    return [
      `${roster}/${ref}${title === undefined ? '' : ` "${title}"`}`,
      ...(severities.length === 0 ? [] : [severities.join(' ')]),
      `opened${openedAt === undefined ? '' : ` ${showInstant(openedAt, clock)}`} by ${openedBy ?? 'whom it does not tell'}`,
      `assigned by ${assignedBy ?? 'whom it does not tell'}`,
    ].join(', ');
  }
  const { roster, schedule, level, startsAt, endsAt } = evidence;
  // What the roster did not tell is left out.
  const from = startsAt === undefined || startsAt === null ? '' : ` from ${showInstant(startsAt, clock)}`;
  const until = endsAt === undefined ? '' : endsAt === null ? ' until further notice' : ` until ${showInstant(endsAt, clock)}`;
  return `${roster}: "${schedule}"${level === undefined ? '' : `, level ${level}`}${from === '' && until === '' ? '' : `,${from}${until}`}`;
}
