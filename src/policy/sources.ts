/** Directories and rosters of the file, each held against the settings of its kind. The kinds are passed in: this folder knows no adapter. */

import type { z } from 'zod/mini';
import type { Fault, Path } from './issue.ts';
import { suggest } from './nearest.ts';
import type { WrittenDirectory, WrittenRoster } from './schema.ts';
import { shape } from './shape.ts';
import type { DirectorySource, Source } from './types.ts';

type Kind = { readonly settings: z.ZodMiniType<unknown>; readonly isLocal: (settings: unknown) => boolean };
type RosterKind = Kind & { readonly knowsIncidents: boolean };

export type Kinds = {
  readonly directories: Readonly<Record<string, Kind>>;
  readonly rosters: Readonly<Record<string, RosterKind>>;
};

export type Known<T> = {
  readonly source: T | undefined;
  /** Undefined where the settings are faulty, so that nobody can tell. */
  readonly isLocal: boolean | undefined;
  readonly knowsIncidents: boolean | undefined;
  readonly faults: readonly Fault[];
};

export function readDirectory(name: string, written: WrittenDirectory, path: Path, kinds: Kinds['directories']): Known<DirectorySource> {
  const { kind: writtenKind, exclusive = [], userName = 'email', ...rest } = written;
  const { source, ...known } = readSource(name, writtenKind, rest, path, kinds, ['kind', 'exclusive', 'userName']);
  return { ...known, knowsIncidents: undefined, source: source && { ...source, exclusive, userName } };
}

export function readRoster(name: string, written: WrittenRoster, path: Path, kinds: Kinds['rosters']): Known<Source> {
  const { kind: writtenKind, ...rest } = written;
  const kind = kindOf(name, writtenKind);
  const knowsIncidents = Object.hasOwn(kinds, kind) ? kinds[kind]?.knowsIncidents : undefined;
  return { ...readSource(name, writtenKind, rest, path, kinds, ['kind']), knowsIncidents };
}

const kindOf = (name: string, kind: unknown): string => (typeof kind === 'string' ? kind : name);

function readSource(
  name: string,
  writtenKind: unknown,
  rest: object,
  path: Path,
  kinds: Readonly<Record<string, Kind>>,
  generic: readonly string[],
): Omit<Known<Source>, 'knowsIncidents'> {
  const kind = kindOf(name, writtenKind);
  const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (known === undefined)
    return { source: undefined, isLocal: undefined, faults: [unknownKind(name, writtenKind, path, Object.keys(kinds))] };
  const { value, faults } = shape(known.settings, Object.assign(Object.create(null), rest), path, generic);
  if (value === undefined || faults.length > 0) return { source: undefined, isLocal: undefined, faults };
  return { source: { name, kind, settings: value }, isLocal: known.isLocal(value), faults };
}

function unknownKind(name: string, kind: unknown, path: Path, known: readonly string[]): Fault {
  const hint = suggest(kindOf(name, kind), known);
  const withHint = hint === undefined ? {} : { hint };
  if (typeof kind === 'string')
    return { code: 'unknown-kind', message: `there is no kind ${JSON.stringify(kind)} here`, path: [...path, 'kind'], ...withHint };
  return { code: 'unknown-kind', message: `"kind" is missing, and "${name}" is not the name of one`, path, on: 'key', ...withHint };
}
