/** What a case expects of whoever asks: as it is compared, and what would never be. */

import { foldEmail } from './fields.ts';
import { momentOf, type WrittenCase } from './fixture-schema.ts';
import type { Expected } from './fixture-types.ts';
import type { Path, Report } from './issue.ts';

const ofWhoGetsIt = ['end', 'limitedBy', 'endsWith', 'maxHolders'] as const;
const ofWhoIsAsked = ['approvers', 'quorum'] as const;

/** A thing that is expected and never looked at would pass whatever the policy says. */
export function refuseIdle(written: WrittenCase, path: Path, report: Report): void {
  const { expect } = written;
  const idle = [...(expect === 'deny' ? ofWhoGetsIt : []), ...(expect === 'ask' ? [] : ofWhoIsAsked)];
  for (const key of idle.filter((one) => written[one] !== undefined))
    report({ code: 'orphan-key', message: `"${key}" means nothing beside "expect: ${expect}"`, path: [...path, key], on: 'key' });
}

type Expecting = WrittenCase & { readonly expect: Expected['outcome'] };

export function expectedOf(written: Expecting, at: number, path: Path, report: Report): Expected {
  const { expect, end, limitedBy, endsWith, rule, approvers, quorum, maxHolders } = written;
  const nothing = endsWith !== undefined && endsWith.length > 1 ? endsWith.indexOf('nothing') : -1;
  if (nothing >= 0) report({ code: 'bad-value', message: '"nothing" stands alone', path: [...path, 'endsWith', nothing] });
  const emails = approvers && emailsOf(approvers, [...path, 'approvers'], report);
  return {
    outcome: expect,
    ...(end === undefined ? {} : { expiresAt: momentOf(end, at) }),
    ...(limitedBy === undefined ? {} : { limitedBy }),
    ...(endsWith === undefined ? {} : { endsWith: endsWith.filter((one) => one !== 'nothing') }),
    ...(rule === undefined ? {} : { rules: rule.length === 1 && rule[0] === 'none' ? [] : rule }),
    ...(emails === undefined ? {} : { approvers: emails }),
    ...(quorum === undefined ? {} : { quorum }),
    ...(maxHolders === undefined ? {} : { maxHolders }),
  };
}

/** Or the one word `nobody`. */
export function emailsOf(written: readonly string[], path: Path, report: Report): readonly string[] {
  if (written.length === 1 && written[0] === 'nobody') return [];
  return written.flatMap((one, index) => {
    const email = foldEmail(one);
    if (email === undefined)
      report({ code: 'bad-email', message: 'is not an e-mail address, and not the one word "nobody"', path: [...path, index] });
    return email ?? [];
  });
}
