/** Directories and rosters of the file, each held against the settings of its kind. The kinds are passed in: this folder knows no adapter. */

import type { z } from 'zod/mini';
import type { Fault, Path } from './issue.ts';
import { suggest } from './nearest.ts';
import type { Channel, WrittenChannel } from './notices.ts';
import type { WrittenDirectory, WrittenRoster } from './schema.ts';
import { shape } from './shape.ts';
import type { DirectorySource, Identity, Source } from './types.ts';

type Kind = { readonly settings: z.ZodMiniType<unknown>; readonly isLocal: (settings: unknown) => boolean };
type DirectoryKind = Kind & {
  readonly endsSessions?: (settings: unknown) => true | string;
  readonly givesIamRole?: (settings: unknown, arn: string) => true | string;
  readonly place?: (settings: unknown) => string | undefined;
};
type RosterKind = Kind & { readonly knowsIncidents: boolean; readonly lacks?: (settings: unknown) => Lacks; readonly ends?: string };

/** By the key of a condition: what a roster can never tell, and what to write in its place. */
export type Lacks = Readonly<
  Partial<Record<'escalationPolicy' | 'levels' | 'services' | 'types', { readonly message: string; readonly next: string }>>
>;

export type IdentityKind = {
  readonly settings: z.ZodMiniType<unknown>;
  /** Lower case. */
  readonly domains: (settings: unknown) => readonly string[];
  /** Domains that more than one of these would vouch for. */
  readonly sharedDomains: (settings: readonly unknown[]) => readonly { readonly domain: string; readonly issuers: readonly string[] }[];
  /** Service accounts: their ids, and the names (case-folded) by which directories know them. */
  readonly machines: (settings: unknown) => Readonly<Record<string, string>>;
  /** What makes a service account of one of these pass for somebody else of another. */
  readonly machineClashes: (settings: readonly unknown[]) => readonly string[];
};

/** `takesEvents`: also every event of the audit trail. */
type ChannelKind = Kind & { readonly takesEvents: boolean };

export type Kinds = {
  readonly directories: Readonly<Record<string, DirectoryKind>>;
  readonly rosters: Readonly<Record<string, RosterKind>>;
  readonly channels: Readonly<Record<string, ChannelKind>>;
  readonly oidc: IdentityKind;
};

export type Known<T> = {
  readonly source: T | undefined;
  /** Undefined where the settings are faulty, so that nobody can tell. */
  readonly isLocal: boolean | undefined;
  readonly knowsIncidents: boolean | undefined;
  readonly faults: readonly Fault[];
};

/** Whether a directory can end what its users are signed in to: `false`: its kind cannot; a text: what its settings lack for it; undefined: they are faulty. */
export type EndsSessions = boolean | string | undefined;

/** Whether a directory can give that IAM role, likewise. */
export type GivesIamRole = (arn: string) => boolean | string | undefined;

export function readDirectory(
  name: string,
  written: WrittenDirectory,
  path: Path,
  kinds: Kinds['directories'],
): Known<DirectorySource> & {
  readonly endsSessions: EndsSessions;
  readonly givesIamRole: GivesIamRole;
  readonly place: string | undefined;
} {
  const { kind: writtenKind, exclusive = [], userName = 'email', callsPerSecond, ...rest } = written;
  const { source, ...known } = readSource(name, writtenKind, rest, path, kinds, ['kind', 'exclusive', 'userName', 'callsPerSecond']);
  const endsSessions = source && (kinds[source.kind]?.endsSessions?.(source.settings) ?? false);
  return {
    ...known,
    knowsIncidents: undefined,
    endsSessions,
    place: source && kinds[source.kind]?.place?.(source.settings),
    givesIamRole: (arn) => source && (kinds[source.kind]?.givesIamRole?.(source.settings, arn) ?? false),
    source: source && { ...source, exclusive, userName, ...(callsPerSecond === undefined ? {} : { callsPerSecond }) },
  };
}

export function readRoster(
  name: string,
  written: WrittenRoster,
  path: Path,
  kinds: Kinds['rosters'],
): Known<Source> & { readonly lacks: Lacks } {
  const { kind: writtenKind, ...rest } = written;
  const kind = kindOf(name, writtenKind);
  const { knowsIncidents, lacks: lacksOf, ends } = (Object.hasOwn(kinds, kind) ? kinds[kind] : undefined) ?? {};
  const read = readSource(name, writtenKind, rest, path, kinds, ['kind']);
  const lacks = (read.source && lacksOf?.(read.source.settings)) ?? {};
  if (ends === undefined) return { ...read, knowsIncidents, lacks };
  const ending: Fault = {
    severity: 'warning',
    code: 'service-ends',
    message: `the service behind "${kind}" ends on ${ends}`,
    hint: 'have another roster in its place before that day',
    path,
    on: 'key',
  };
  return { ...read, faults: [...read.faults, ending], knowsIncidents, lacks };
}

export function readChannel(
  name: string,
  written: WrittenChannel,
  path: Path,
  kinds: Kinds['channels'],
): Pick<Known<Channel>, 'source' | 'faults'> {
  const { kind: writtenKind, about, events, ...rest } = written;
  const { source, faults } = readSource(name, writtenKind, rest, path, kinds, ['kind', 'about', 'events']);
  const own: Fault[] = [];
  if (about !== undefined && events !== undefined)
    own.push({ code: 'orphan-key', message: '"about" means nothing beside "events: all"', path: [...path, 'about'], on: 'key' });
  if (events !== undefined && source !== undefined && kinds[source.kind]?.takesEvents === false) {
    const hint = 'send them to a channel of kind webhook or command';
    own.push({ code: 'bad-value', message: `${source.kind} is for people, and takes no audit trail`, hint, path: [...path, 'events'] });
  }
  const more = { ...(about === undefined ? {} : { about }), ...(events === undefined ? {} : { events }) };
  return { source: source && { ...source, ...more }, faults: [...faults, ...own] };
}

/** Who may say who somebody is. Without a word: `local`, which `checks.ts` refuses where a directory is elsewhere. */
export function readIdentities(
  written: readonly object[] | undefined,
  oidc: IdentityKind,
): { identity: readonly Identity[]; faults: readonly Fault[] } {
  if (written === undefined) return { identity: [{ kind: 'local' }], faults: [] };
  const faults: Fault[] = [];
  const identity = written.flatMap((one, index): readonly Identity[] => {
    const path = ['identity', index];
    const { kind, ...rest } = one as { kind?: unknown };
    if (kind === 'oidc') {
      const { value, faults: misshapen } = shape(oidc.settings, Object.assign(Object.create(null), one), path);
      faults.push(...misshapen);
      return value === undefined || misshapen.length > 0 ? [] : [{ kind, settings: value }];
    }
    const more = Object.keys(rest)[0];
    if (kind !== 'local') faults.push(kindFault(kind, path));
    else if (more === undefined) return [{ kind }];
    else
      faults.push({
        code: 'unknown-key',
        message: `identity by { kind: local } has no key ${JSON.stringify(more)}`,
        path: [...path, more],
        on: 'key',
      });
    return [];
  });
  const settings = identity.flatMap((one) => (one.kind === 'oidc' ? [one.settings] : []));
  for (const { domain, issuers } of oidc.sharedDomains(settings)) {
    const message = `${issuers.join(' and ')} would both speak for ${domain}, and one person could be two`;
    faults.push({ code: 'shared-domain', message, hint: 'leave each domain to one issuer', path: ['identity'] });
  }
  for (const message of oidc.machineClashes(settings)) faults.push({ code: 'shared-machine', message, path: ['identity'] });
  if (identity.length > 1 && identity.some(({ kind }) => kind === 'local')) {
    faults.push({
      code: 'identity-mixed',
      message: '{ kind: local } proves nothing, and stands beside an issuer that does',
      hint: 'take it out',
      path: ['identity'],
    });
  }
  return { identity, faults };
}

function kindFault(kind: unknown, path: Path): Fault {
  if (kind === undefined)
    return { code: 'missing-key', message: '"kind" is missing', hint: 'write { kind: local } or { kind: oidc, … }', path };
  const hint = typeof kind === 'string' ? suggest(kind, ['local', 'oidc']) : undefined;
  return {
    code: 'bad-value',
    message: 'no such kind of identity',
    path: [...path, 'kind'],
    ...(hint === undefined ? {} : { hint }),
  };
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
