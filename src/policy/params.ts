/** A role with parameters is a family: one role for each choice of values, called `support customer=acme`, that differs in nothing but what `{customer}` stands for. */

import type { Path, Report } from './issue.ts';
import { suggest } from './nearest.ts';
import type { WrittenRole } from './schema.ts';
import type { RoleFamily } from './types.ts';

/** A family of a thousand takes a tenth of a second to read at every start. */
const mostRoles = 500;

export type WrittenMember = { readonly name: string; readonly written: WrittenRole; readonly family?: RoleFamily };

/** The role itself, where it has no parameters. */
export function familyOf(name: string, written: WrittenRole, report: Report): readonly WrittenMember[] {
  const { params } = written;
  if (params === undefined) return [{ name, written }];
  const path: Path = ['roles', name];
  const many = Object.values(params).reduce((product, values) => product * values.length, 1);
  if (many > mostRoles) {
    const message = `these values make ${many} roles, and a family has at most ${mostRoles}`;
    report({ code: 'too-many-roles', message, hint: 'make two roles of it', path: [...path, 'params'] });
    return [];
  }
  checkPlaceholders(written, params, path, report);
  return choices(params).map((values) => {
    const family = { name, values };
    const member = substitute(written, values) as WrittenRole;
    return { name: memberName(family), written: member, family };
  });
}

/** By the alphabet: access that stands must not get another name because two keys changed places in the file. */
export const memberName = ({ name, values }: RoleFamily): string =>
  [
    name,
    ...Object.entries(values)
      .map(([param, value]) => `${param}=${value}`)
      .sort(),
  ].join(' ');

function choices(params: Readonly<Record<string, readonly string[]>>): readonly Readonly<Record<string, string>>[] {
  return Object.entries(params).reduce<readonly Readonly<Record<string, string>>[]>(
    (made, [param, values]) => made.flatMap((one) => [...new Set(values)].map((value) => ({ ...one, [param]: value }))),
    [{}],
  );
}

const placeholder = /\{(\w+)\}/g;

/** In every text of the role, conditions included; the values of `params` are what they are. */
function substitute(written: unknown, values: Readonly<Record<string, string>>): unknown {
  if (typeof written === 'string')
    return written.replaceAll(placeholder, (whole, param: string) => (Object.hasOwn(values, param) ? (values[param] ?? whole) : whole));
  if (Array.isArray(written)) return written.map((one) => substitute(one, values));
  if (typeof written !== 'object' || written === null) return written;
  return Object.fromEntries(Object.entries(written).map(([key, one]) => [key, key === 'params' ? one : substitute(one, values)]));
}

/** A parameter that no group depends on would give one group under many names, and to whoever may have any of them. */
function checkPlaceholders(
  { targets = {} }: WrittenRole,
  params: Readonly<Record<string, readonly string[]>>,
  path: Path,
  report: Report,
): void {
  const used = new Set<string>();
  for (const [directory, groups] of Object.entries(targets)) {
    for (const group of groups) {
      for (const [, param = ''] of group.matchAll(placeholder)) {
        used.add(param);
        if (Object.hasOwn(params, param)) continue;
        const message = `there is no parameter "${param}"`;
        const hint = suggest(param, Object.keys(params)) ?? `the role has ${Object.keys(params).join(', ')}`;
        report({ code: 'undeclared-param', message, hint, path: [...path, 'targets', directory] });
      }
    }
  }
  for (const param of Object.keys(params)) {
    if (used.has(param)) continue;
    const message = `no target depends on "${param}", so all its values would give the same`;
    report({
      code: 'unused-param',
      message,
      hint: `name it in a group: "Customer {${param}}"`,
      path: [...path, 'params', param],
      on: 'key',
    });
  }
}

/** As a role is called, whatever the order in which its values were typed. */
export function canonicalName(typed: string): string {
  const [name = '', ...pairs] = typed.trim().split(/\s+/);
  return [name, ...pairs.sort()].join(' ');
}
