/** Accesses as CSV (RFC 4180), for an auditor's spreadsheet: times in UTC (RFC 3339), and nothing in it that a spreadsheet would run. */

import type { Access } from '../lifecycle/accesses.ts';
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
  ['planned_end', ({ plannedEnd }) => instant(plannedEnd)],
  ['actual_end', ({ endedAt }) => instant(endedAt)],
  ['how_ended', ({ how = '' }) => how],
  ['ended_by', ({ endedBy = '' }) => endedBy],
  ['why_ended', ({ because = '' }) => because],
  // Others find a column by its place: what is added is added here.
  ['review_due', ({ review }) => instant(review?.dueAt)],
  ['reviewed', ({ review }) => instant(review?.at)],
  ['reviewed_by', ({ review }) => review?.by ?? ''],
  ['review_says', ({ review }) => review?.reason ?? ''],
];

const instant = (at: number | undefined): string => (at === undefined ? '' : new Date(at).toISOString().replace(/\.000Z$/, 'Z'));

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
