/** Holds data against a schema: every fault by its path, and whatever remains when the faulty parts are taken out. */

import type { z } from 'zod/mini';
import type { Fault, Path } from './issue.ts';
import { suggest } from './nearest.ts';

type ZodIssue = z.core.$ZodIssue;
type KnownKeys = WeakMap<readonly string[], readonly string[]>;

export type Shaped<T> = {
  /** What is right, so that its meaning can be checked too; undefined where nothing is. */
  readonly value: T | undefined;
  readonly faults: readonly Fault[];
};

/** `base` is where `data` stands in the file; `also` are keys that are read elsewhere, for suggestions. */
export function shape<T>(schema: z.ZodMiniType<T>, data: unknown, base: Path = [], also: readonly string[] = []): Shaped<T> {
  const known: KnownKeys = new WeakMap();
  const error = (issue: z.core.$ZodRawIssue) => {
    // The raw issue alone knows its schema; the finished one keeps the very same `keys` array.
    if (issue.code === 'unrecognized_keys') known.set(issue.keys as string[], [...keysOf(issue.inst), ...also]);
    return undefined;
  };
  const faults: Fault[] = [];
  let rest = data;
  for (;;) {
    const result = schema.safeParse(rest, { error });
    if (result.success) return { value: result.data, faults };
    const issues = result.error.issues.flatMap((issue) => flatten(issue));
    if (faults.length === 0) faults.push(...issues.flatMap((issue) => faultsOf(issue, data, base, known)));
    const pruned = copyOf(rest);
    // A file of nothing but faults must not take a pass over the whole for each of them.
    const removed = issues.filter((issue) => prune(pruned, issue, rest));
    if (removed.length === 0) return { value: undefined, faults };
    rest = pruned;
  }
}

function keysOf(schema: unknown): readonly string[] {
  const definition = (schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def;
  return Object.keys(definition?.shape ?? {});
}

/** A union that fails is reported as the one alternative that was meant, where the written type says which. */
function flatten(issue: ZodIssue): ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.filter((branch) => !branch.some((inner) => inner.code === 'invalid_type' && inner.path.length === 0));
  if (meant.length !== 1 || meant[0] === undefined) return [issue];
  return meant[0].flatMap((inner) => flatten({ ...inner, path: [...issue.path, ...inner.path] } as ZodIssue));
}

function faultsOf(issue: ZodIssue, data: unknown, base: Path, known: KnownKeys): Fault[] {
  const inner = pathIn(data, issue);
  const path = [...base, ...inner];
  const written = valueAt(data, inner);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const at = { path: [...path, key], on: 'key' as const };
      return withHint(
        { code: 'unknown-key', message: `unknown key ${JSON.stringify(key)}`, ...at },
        suggest(key, known.get(issue.keys) ?? []),
      );
    });
  }
  // What an adapter itself says about a key need not stand in the file.
  const ownWords = issue.code === 'custom' && issue.params === undefined;
  if (written === undefined && inner.length > 0 && !ownWords)
    return [{ code: 'missing-key', message: `"${String(inner.at(-1))}" is missing`, path }];
  if (issue.code === 'custom') return [customFault(issue, path)];
  if (written === null) return [{ code: 'wrong-type', message: 'is empty', hint: 'write a value, or take the key out', path }];
  if (issue.message !== 'Invalid input')
    return [
      { code: issue.code === 'invalid_type' || issue.code === 'invalid_union' ? 'wrong-type' : 'bad-value', message: issue.message, path },
    ];
  if (issue.code === 'invalid_type') return [wrongType([issue.expected], written, path)];
  if (issue.code === 'invalid_union') {
    return [
      wrongType(
        issue.errors.flatMap((branch) => branch.flatMap((one) => (one.code === 'invalid_type' ? [one.expected] : []))),
        written,
        path,
      ),
    ];
  }
  if (issue.code === 'invalid_value') {
    const choices = issue.values.map(String);
    return [
      withHint(
        { code: 'bad-value', message: `must be ${choices.map((choice) => `"${choice}"`).join(' or ')}`, path },
        suggest(String(written), choices),
      ),
    ];
  }
  if (issue.code === 'too_small' && issue.origin === 'array') return [{ code: 'empty-list', message: 'is empty', path }];
  return [{ code: 'bad-value', message: 'is not a value that belongs here', path }];
}

function customFault(issue: ZodIssue & { code: 'custom' }, path: Path): Fault {
  const params = (issue.params ?? {}) as { code?: unknown; hint?: unknown };
  const code = typeof params.code === 'string' ? params.code : 'bad-value';
  return withHint({ code, message: issue.message, path }, typeof params.hint === 'string' ? params.hint : undefined);
}

function withHint(fault: Fault, hint: string | undefined): Fault {
  return hint === undefined ? fault : { ...fault, hint };
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
};

/** Never says what was written: it may be a secret that stands where a reference to it belongs. */
function wrongType(expected: readonly string[], written: unknown, path: Path): Fault {
  const found = Array.isArray(written) ? 'array' : typeof written;
  const wanted = [...new Set(expected.map((name) => typeNames[name] ?? name))];
  const fault = { code: 'wrong-type', message: `must be ${wanted.join(' or ')}, not ${typeNames[found] ?? found}`, path };
  return withHint(fault, wanted.includes('text') && (found === 'number' || found === 'boolean') ? 'put it in quotes' : undefined);
}

/** Where one value may stand for a list of one (`oneOrMany`), the schema speaks of its first item and the file has none. */
function pathIn(data: unknown, issue: ZodIssue): Path {
  let at: unknown = data;
  const path: (string | number)[] = [];
  for (const part of issue.path as Path) {
    if (part === 0 && !Array.isArray(at)) continue;
    path.push(part);
    at = valueAt(at, [part]);
  }
  return path;
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const part of path)
    value = typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[part] : undefined;
  return value;
}

/** Whether there was something to take out. */
function prune(data: unknown, issue: ZodIssue, whole: unknown): boolean {
  const path = pathIn(whole, issue);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => remove(data, [...path, key])).includes(true);
  return remove(data, valueAt(whole, path) === undefined ? path.slice(0, -1) : path);
}

/** A faulty item takes its whole list with it: the places of the other items, which their faults are reported by, must not shift. */
function remove(data: unknown, path: Path): boolean {
  const place = placeOf(data, path);
  const key = place.at(-1);
  const around = valueAt(data, place.slice(0, -1));
  if (key === undefined || typeof around !== 'object' || around === null) return false;
  return Object.hasOwn(around, key) && Reflect.deleteProperty(around, key);
}

/** The innermost key of a map on the way: an item of a list cannot be taken out alone. */
function placeOf(data: unknown, path: Path): Path {
  const place = [...path];
  while (place.length > 0 && Array.isArray(valueAt(data, place.slice(0, -1)))) place.pop();
  return place;
}

function copyOf(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(copyOf);
  if (typeof data !== 'object' || data === null) return data;
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(data)) copy[key] = copyOf(value);
  return copy;
}
