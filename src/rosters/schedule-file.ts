/** Reads the YAML of a `file` roster: who is on which schedule, and incidents. Every fault names file and line. */

// Not node:fs/promises: it brings node:stream along, a tenth of a command's start, and the file is small.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Document, LineCounter } from 'yaml';
import * as z from 'zod/mini';
import { ProviderError } from '../errors.ts';
import { instant } from './interval.ts';

const text = z.string('needs a text').check(z.minLength(1, 'must not be empty'));
const email = z.pipe(
  text,
  z.transform((address) => address.toLowerCase()),
);
const list = <T extends z.ZodMiniType>(item: T) => z.optional(z.array(item, 'needs a list'));

const entry = z
  .strictObject(
    {
      user: email,
      start: z.optional(z.nullable(instant)),
      end: z.optional(z.nullable(instant)),
      level: z.optional(z.int('needs a whole number').check(z.positive('counts from 1'))),
    },
    'needs a user, and may have start, end and level',
  )
  .check(
    z.refine(({ start, end }) => typeof start !== 'number' || typeof end !== 'number' || start < end, {
      error: 'must be later than start',
      path: ['end'],
    }),
  );

const incident = z.strictObject(
  {
    title: z.optional(text),
    /** `live`, or anything else: only `live` counts. */
    status: text,
    severity: z.optional(text),
    type: z.optional(text),
    services: list(text),
    assigned: list(email),
    openedBy: z.optional(email),
    assignedBy: z.optional(email),
    openedAt: z.optional(instant),
    endedAt: z.optional(instant),
  },
  'needs at least a status',
);

const contents = z.strictObject(
  {
    schedules: z.optional(z.record(z.string(), z.array(entry, 'needs a list of shifts'), 'needs schedules by their names')),
    incidents: z.optional(z.record(z.string(), incident, 'needs incidents by their references')),
  },
  'needs `schedules:` or `incidents:`',
);

export type ScheduleFile = z.output<typeof contents>;

/** The parser compares every key with every other: a megabyte of keys takes a minute, and the sweep waits. */
const maxBytes = 256 * 1024;

function readRegularFile(path: string): string {
  const file = openForReading(path);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw broken(path, undefined, 'is not a regular file');
    if (stats.size > maxBytes) throw broken(path, undefined, `is larger than ${maxBytes} bytes`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function openForReading(path: string): number {
  try {
    // NONBLOCK: opening a FIFO must not wait for a writer.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const title = basename(path);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      const next = 'create it, or correct its path in the policy';
      throw new ProviderError(title, 'not-found', `the roster file ${path} does not exist`, { applied: 'no', next });
    }
    const fault = code === 'EACCES' ? 'forbidden' : 'unavailable';
    throw new ProviderError(title, fault, `the roster file ${path} cannot be read (${code})`, {
      applied: 'no',
      next: 'let this user read it, or correct its path in the policy',
    });
  }
}

export async function readScheduleFile(path: string): Promise<ScheduleFile> {
  const source = readRegularFile(path);
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const [fault] = document.errors;
  if (fault !== undefined)
    throw broken(
      path,
      lines.linePos(fault.pos[0]).line,
      fault.code === 'MULTIPLE_DOCS' ? 'holds more than one document' : `is no YAML here: ${fault.message}`,
    );
  const result = z.safeParse(contents, plain(document, path));
  if (result.success) return result.data;
  const [issue, ...more] = result.error.issues;
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys : [];
  const where = [...(issue?.path ?? []), ...keys.slice(0, 1)];
  const what = keys.length > 0 ? 'is not a key here' : issue?.message;
  throw broken(
    path,
    lineOf(document, lines, where),
    `${dotted(where)} ${what}${more.length === 0 ? '' : ` (and ${more.length} more)`}`.trim(),
  );
}

/** Throws for an alias bomb, which the parser finds only here. */
function plain(document: Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw broken(path, undefined, (error as Error).message);
  }
}

function broken(path: string, line: number | undefined, fault: string): ProviderError {
  return new ProviderError(basename(path), 'malformed', `${path}${line === undefined ? '' : `:${line}`}: ${fault}`, {
    applied: 'no',
    next: 'correct the roster file',
  });
}

function dotted(where: readonly PropertyKey[]): string {
  return where.map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${String(part)}`)).join('');
}

/** The line of the innermost node on that path which the file has: a key that is missing is reported where it should be. */
function lineOf(document: Document, lines: LineCounter, where: readonly PropertyKey[]): number | undefined {
  for (let length = where.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(where.slice(0, length), true);
    const range = typeof node === 'object' && node !== null && 'range' in node ? (node.range as [number] | null | undefined) : undefined;
    if (range) return lines.linePos(range[0]).line;
  }
  return undefined;
}
