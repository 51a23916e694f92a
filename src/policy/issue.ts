/** A fault in the policy file: where it is, what it is, and what to write instead. */

export type Severity = 'error' | 'warning';

export type Issue = {
  readonly severity: Severity;
  /** Stable and kebab-case; documented in docs/policy.md. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** `roles.db-admin.allow[0].onCall` */
  readonly path: string;
  readonly line: number;
  readonly column: number;
};

export type Path = readonly (string | number)[];

/** An issue before it is known where in the file its path stands. */
export type Fault = {
  readonly severity?: 'warning';
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly path: Path;
  /** Whether the key is wrong or what it says; left out: what it says. */
  readonly on?: 'key';
  /** Only for faults that have no path of their own, such as bad syntax. */
  readonly offset?: number;
};

export type Report = (fault: Fault) => void;

export function pathText(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (!/^[\w-]+$/.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}
