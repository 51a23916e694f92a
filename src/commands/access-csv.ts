/** Accesses as CSV (RFC 4180), for an auditor's spreadsheet: times in UTC (RFC 3339), and nothing in it that a spreadsheet would run. */

import type { Access } from '../lifecycle/accesses.ts';
import { reviewDay } from '../policy/standing.ts';
import type { Evidence, Finding } from '../policy/types.ts';
import { clean } from '../terminal/text.ts';

const columns: readonly (readonly [title: string, of: (access: Access) => string])[] = [
  ['id', ({ requestId }) => requestId],
  ['who', ({ holder }) => holder],
  ['role', ({ role }) => role],
  ['directory', ({ target }) => target.directory],
  ['group', ({ target }) => target.group],
  ['origin', ({ origin }) => origin],
  ['rules', ({ findings }) => findings.map(({ rule }) => rule).join('; ')],
  ['reason', ({ reason = '' }) => reason],
  ['facts', ({ findings }) => findings.map(factText).join('; ')],
  ['approvers', ({ approvers }) => approvers.join('; ')],
  ['asked', ({ askedAt }) => instant(askedAt)],
  ['began', ({ beganAt }) => instant(beganAt)],
  ['was_in_before', ({ wasIn }) => (wasIn ? 'yes' : '')],
  ['planned_end', (access) => instant(plannedEnd(access))],
  ['actual_end', ({ endedAt }) => instant(endedAt)],
  ['how_ended', howEnded],
  ['ended_by', ({ endedBy = '' }) => endedBy],
  ['why_ended', whyEnded],
  // Others find a column by its place: what is added is added here.
  ['review_due', ({ review }) => instant(review?.dueAt)],
  ['reviewed', ({ review }) => instant(review?.at)],
  ['reviewed_by', ({ review }) => review?.by ?? ''],
  ['review_says', ({ review }) => review?.reason ?? movedText(review)],
];

const instant = (at: number | undefined): string => (at === undefined ? '' : new Date(at).toISOString().replace(/\.000Z$/, 'Z'));

/** Standing access has none, unless a missed review ends it. */
function plannedEnd({ origin, plannedEnd: end, review }: Access): number | undefined {
  if (origin !== 'standing') return end;
  return review?.ifMissed === 'end' ? review.dueAt : undefined;
}

/** `expired` only where what was planned has come; what a sweep ended before that is told apart by its reason. */
function howEnded(access: Access): string {
  const { how, origin, because, plannedEnd: end = 0, review } = access;
  if (how !== 'expired') return how ?? '';
  if (origin !== 'standing') return because === undefined ? 'expired' : 'reason-over';
  const isMissed = because !== undefined || (review?.ifMissed === 'end' && end >= review.dueAt);
  return isMissed ? 'review-missed' : 'not-renewed';
}

function whyEnded(access: Access): string {
  const { because, review } = access;
  const how = howEnded(access);
  if (because !== undefined || (how !== 'review-missed' && how !== 'not-renewed')) return because ?? '';
  if (how === 'not-renewed') return 'for a week no sweep could say that the policy still names them';
  return `the review of ${review === undefined ? 'it' : reviewDay(review.dueAt)} was missed`;
}

function movedText(review: Access['review']): string {
  if (review?.moved === undefined) return '';
  const { from, policyDigest } = review.moved;
  const by = policyDigest === undefined ? '' : `, by the policy with SHA-256 ${policyDigest}`;
  return `moved from ${reviewDay(from)} to ${reviewDay(review.dueAt)}${by}`;
}

/** Without the last line's end: that is added where it is printed. */
export function accessCsv(accesses: readonly Access[]): string {
  const lines = [columns.map(([title]) => title), ...accesses.map((access) => columns.map(([, of]) => of(access)))];
  return lines.map((cells) => cells.map(cell).join(',')).join('\r\n');
}

/**
 * Spreadsheets run what begins with these, whatever the file is called; where a semicolon parts cells, also what comes after one, and there
 * quotes in between are no more than quotes. Full-width forms count as well (OWASP, CSV Injection).
 */
const formula = /(^|;)([\s"]*)([=+\-@\uff0b\uff0d\uff1d\uff20])/g;

function cell(written: string): string {
  const text = clean(written).replace(formula, "$1$2'$3");
  return /[",;']|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function factText({ because, source, fetchedAt, evidence = [] }: Finding): string {
  const from = [source, fetchedAt === undefined ? '' : instant(fetchedAt)].filter((part) => part !== undefined && part !== '');
  return [`${because}${from.length === 0 ? '' : ` (${from.join(', ')})`}`, ...evidence.map(evidenceText)].join('; ');
}

function evidenceText(evidence: Evidence): string {
  if (evidence.kind === 'incident') {
    const { roster, ref, title, openedBy, assignedBy } = evidence;
    const by = [openedBy === undefined ? '' : `opened by ${openedBy}`, assignedBy === undefined ? '' : `assigned by ${assignedBy}`];
    return [`${roster}/${ref}${title === undefined ? '' : ` "${title}"`}`, ...by.filter((part) => part !== '')].join(', ');
  }
  const { roster, schedule, level, startsAt, endsAt } = evidence;
  const bounds = [instant(startsAt ?? undefined), instant(endsAt ?? undefined)];
  return `${roster}/"${schedule}"${level === undefined ? '' : ` level ${level}`}${bounds.join('') === '' ? '' : ` ${bounds.join(' to ')}`}`;
}
