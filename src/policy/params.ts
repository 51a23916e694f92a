/** A role with parameters is a family: one role for each choice of values, called `support customer=acme`, that differs in nothing but what `{customer}` stands for. */

import type { Path, Report } from './issue.ts';
import { suggest } from './nearest.ts';
import type { WrittenRole } from './schema.ts';
import type { RoleFamily } from './types.ts';

/** A broker takes no longer one. */
export const longestName = 200;

/** A family of a thousand takes a tenth of a second to read at every start. */
const mostRoles = 500;

export type WrittenMember = { readonly name: string; readonly written: WrittenRole; readonly family?: RoleFamily };

/** The role itself, where it has no parameters. `keys`: of the role in the file, those with faults included. */
export function familyOf(name: string, written: WrittenRole, keys: readonly string[], report: Report): readonly WrittenMember[] {
  const { params } = written;
  const path: Path = ['roles', name];
  if (params === undefined) {
    if (!keys.includes('params')) notReplaced(written, path, report);
    return fits(name, path, report) ? [{ name, written }] : [];
  }
  const many = Object.values(params).reduce((product, values) => product * values.length, 1);
  if (many > mostRoles) {
    const message = `these values make ${many} roles, and a family has at most ${mostRoles}`;
    report({ code: 'too-many-roles', message, hint: 'make two roles of it', path: [...path, 'params'] });
    return [];
  }
  checkPlaceholders(written, params, path, report);
  const families = choices(params).map((values) => ({ name, values }));
  const longest = families.map(memberName).reduce((one, other) => (other.length > one.length ? other : one), '');
  if (!fits(longest, path, report)) return [];
  return families.map((family) => ({ name: memberName(family), written: substitute(written, family.values) as WrittenRole, family }));
}

function fits(name: string, path: Path, report: Report): boolean {
  if (name.length <= longestName) return true;
  const message = `"${name.slice(0, 40)}…" is ${name.length} characters long, and the name of a role has at most ${longestName}`;
  report({ code: 'bad-name', message, path, on: 'key' });
  return false;
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

type Place = { readonly param: string; readonly path: Path; readonly on?: 'key' };

/** Each `{customer}` in it, also where nothing is put in its place. */
function placesIn(written: unknown, path: Path): readonly Place[] {
  if (typeof written === 'string') return paramsIn(written).map((param) => ({ param, path }));
  if (Array.isArray(written)) return written.flatMap((one, index) => placesIn(one, [...path, index]));
  if (typeof written !== 'object' || written === null) return [];
  return Object.entries(written).flatMap(([key, one]) => [
    ...paramsIn(key).map((param) => ({ param, path: [...path, key], on: 'key' as const })),
    ...placesIn(one, [...path, key]),
  ]);
}

/** Where there are no parameters: a group may be called that, and seldom is. */
export function notReplaced(written: unknown, path: Path, report: Report): void {
  for (const { param, ...at } of placesIn(written, path)) {
    const message = `"{${param}}" stays as it is written: only a role with "params" has something in its place`;
    report({ severity: 'warning', code: 'undeclared-param', message, hint: `params: { ${param}: [ … ] }, in the role itself`, ...at });
  }
}

const paramsIn = (text: string): readonly string[] => [...text.matchAll(placeholder)].map(([, param = '']) => param);

/** A parameter that no group depends on would give one group under many names, and to whoever may have any of them. */
function checkPlaceholders(written: WrittenRole, params: Readonly<Record<string, readonly string[]>>, path: Path, report: Report): void {
  for (const { param, ...at } of placesIn(written, path)) {
    const hint = suggest(param, Object.keys(params)) ?? `the role has ${Object.keys(params).join(', ')}`;
    if (!Object.hasOwn(params, param)) report({ code: 'undeclared-param', message: `there is no parameter "${param}"`, hint, ...at });
    else if (at.on === 'key') {
      report({ code: 'undeclared-param', message: `"{${param}}" is not replaced in a key`, hint: 'write it where a value stands', ...at });
    }
  }
  const used = new Set(Object.values(written.targets ?? {}).flatMap((groups) => groups.flatMap(paramsIn)));
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
