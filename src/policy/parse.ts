/** From the text of a policy file to a policy, or to every fault in it at once; and, for a sweep, to whatever of a faulty file is sound. */

import { damageOf } from './document.ts';
import { examine, ledgerAt, type PolicyInput, recordOf } from './examine.ts';
import { foldEmail } from './fields.ts';
import type { Fault, Issue, Path } from './issue.ts';
import { resolveSweep } from './resolve.ts';
import { directory, ledger, person, roster, sweep } from './schema.ts';
import { shape } from './shape.ts';
import { readDirectory, readRoster } from './sources.ts';
import type { DirectorySource, LedgerSettings, Policy, Source, Sweep } from './types.ts';

export type { Issue } from './issue.ts';

export function parsePolicy(text: string, input: PolicyInput): { readonly policy?: Policy; readonly issues: readonly Issue[] } {
  const { document, policy, faults } = examine(text, input);
  const issues = inOrder(faults, document.locate);
  return policy === undefined ? { issues } : { policy, issues };
}

export type Salvage = {
  readonly ledger?: LedgerSettings;
  readonly sweep: Sweep;
  readonly directories: Readonly<Record<string, DirectorySource>>;
  readonly rosters: Readonly<Record<string, Source>>;
  readonly people: Policy['people'];
  readonly issues: readonly Issue[];
};

/** Access must end even where the file has a fault somewhere: every part that is sound on its own is kept. Never throws for what the file says. */
export function salvage(text: string, input: PolicyInput): Salvage {
  const { document, faults } = examine(text, input);
  const isDamaged = damageOf(faults);
  const sound = <T>(path: Path, read: (data: unknown) => T | undefined): T | undefined => {
    const data = valueAt(document.data, path);
    return data === undefined || isDamaged(path) ? undefined : read(data);
  };
  const each = <T>(section: string, read: (name: string, data: unknown) => T | undefined): Record<string, T> =>
    recordOf(document.keysAt([section]).map((name) => [name, sound([section, name], (data) => read(name, data))]));

  const written = sound(['ledger'], (data) => whole(shape(ledger, data)));
  const people = each('people', (_, data) => whole(shape(person, data)));
  return {
    ...(written === undefined ? {} : { ledger: ledgerAt(written, input.path) }),
    sweep: resolveSweep(sound(['sweep'], (data) => whole(shape(sweep, data)))),
    directories: each('directories', (name, data) => {
      const one = whole(shape(directory, data));
      return one && readDirectory(name, one, [], input.kinds.directories).source;
    }),
    rosters: each('rosters', (name, data) => {
      const one = whole(shape(roster, data));
      return one && readRoster(name, one, [], input.kinds.rosters).source;
    }),
    people: recordOf(Object.entries(people).map(([name, names]) => [foldEmail(name) ?? name, names])),
    issues: inOrder(faults, document.locate),
  };
}

const whole = <T>({ value, faults }: { readonly value: T | undefined; readonly faults: readonly Fault[] }): T | undefined =>
  faults.length === 0 ? value : undefined;

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string | number, unknown>)[key]
        : undefined,
    data,
  );
}

/** What stands in `defaults` or in a named condition is met once for each role that uses it, and said once. */
function inOrder(faults: readonly Fault[], locate: (fault: Fault) => Issue): Issue[] {
  const unique = new Map<string, Issue>();
  for (const issue of faults.map(locate))
    unique.set(JSON.stringify([issue.line, issue.column, issue.code, issue.path, issue.message]), issue);
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : 1));
}
