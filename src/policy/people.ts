/** Whether the names under `people` leave everybody a user of their own. */

import { foldEmail } from './fields.ts';
import type { Report } from './issue.ts';

export type NamesCheck = {
  readonly people: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Everybody whom the file names, case-folded. */
  readonly emails: ReadonlySet<string>;
  readonly byLocalPart: readonly string[];
  readonly report: Report;
};

/** Two people with one name somewhere are one user there, and could approve each other. */
export function namesAreOnePersons({ people, emails, byLocalPart, report }: NamesCheck): void {
  const owners = new Map<string, string>();
  const mapped = new Set(
    Object.entries(people).flatMap(([person, names]) => Object.keys(names).map((source) => JSON.stringify([source, foldEmail(person)]))),
  );
  const byLocal = new Map<string, string[]>();
  for (const email of emails) {
    const local = email.slice(0, email.indexOf('@'));
    const alike = byLocal.get(local);
    if (alike === undefined) byLocal.set(local, [email]);
    else alike.push(email);
  }
  /** Who has that name by default, as nothing else is said of them there. */
  const byDefault = (source: string, name: string): string | undefined => {
    const candidates = byLocalPart.includes(source) ? byLocal.get(name) : emails.has(name) ? [name] : [];
    return candidates?.find((email) => !mapped.has(JSON.stringify([source, email])));
  };
  for (const [person, names] of Object.entries(people)) {
    for (const [source, name] of Object.entries(names)) {
      const key = JSON.stringify([source, name.toLowerCase()]);
      const other = owners.get(key) ?? byDefault(source, name.toLowerCase());
      if (!owners.has(key)) owners.set(key, other ?? person);
      if (other !== undefined) {
        report({
          code: 'shared-name',
          message: `${other} has the name ${JSON.stringify(name)} in ${source} already`,
          path: ['people', person, source],
        });
      }
    }
  }
}
