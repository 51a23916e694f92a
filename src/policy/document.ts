/** Reads the file's text into plain data that remembers where each part stands, and refuses whatever YAML could smuggle in. */

import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type YAMLError, type YAMLMap } from 'yaml';
import type { Fault, Issue, Path } from './issue.ts';
import { pathText } from './issue.ts';

/** A thousand roles take about 350 KiB; at this size the worst texts known to us still take about a second. */
const maxLength = 512 * 1024;
const maxDepth = 40;
const maxSyntaxFaults = 20;
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);

type Span = { readonly path: Path; readonly keyAt: number | undefined; readonly from: number; readonly to: number };

export type PolicyDocument = {
  /** Maps are objects without a prototype. */
  readonly data: unknown;
  readonly faults: readonly Fault[];
  /** False where the text is not YAML: what `data` holds is then a guess. */
  readonly wellFormed: boolean;
  /** The keys of the map there, those whose values were refused included. */
  readonly keysAt: (path: Path) => readonly string[];
  readonly locate: (fault: Fault) => Issue;
};

export function readDocument(text: string): PolicyDocument {
  const lines = new LineCounter();
  const spans = new Map<string, Span>();
  const keys = new Map<string, string[]>();
  const keysAt = (path: Path) => keys.get(pathText(path)) ?? [];
  const faults: Fault[] = [];
  const locate = (fault: Fault) => issueAt(fault, spans, lines);
  const refuse = (code: string, message: string, hint?: string): PolicyDocument => {
    const fault = { code, message, path: [], offset: 0, ...(hint === undefined ? {} : { hint }) };
    return { data: undefined, faults: [fault], wellFormed: false, keysAt, locate };
  };
  if (text.length > maxLength) return refuse('too-large', `the file is larger than ${maxLength / 1024} KiB`);

  const documents = parseTolerantly(text, lines);
  if (typeof documents === 'string') return refuse('syntax', `this is not readable YAML: ${documents}`);
  const [document, second] = documents;
  const syntax = documents.flatMap(({ errors }) => errors).filter(({ code }) => code !== 'MULTIPLE_DOCS');
  const contents: Node | null | undefined = document?.contents;
  const isEmpty = contents === undefined || contents === null || (isScalar(contents) && contents.value === null);
  if (document === undefined || (isEmpty && syntax.length === 0)) {
    return refuse('empty-file', 'the file says nothing', 'begin with a copy of examples/quickstart/oncall.yaml');
  }
  if (second !== undefined) {
    faults.push({
      code: 'several-documents',
      message: 'a policy is one YAML document, and here another one begins',
      path: [],
      offset: second.range[0],
    });
  }
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    faults.push({ code: 'yaml-version', message: 'a policy is YAML 1.2: take the %YAML line out', path: [], offset: 0 });
  }
  const data = contents ? walk(contents, [], { spans, keys, faults }) : undefined;
  for (const error of syntax.slice(0, maxSyntaxFaults)) faults.push(syntaxFault(error, spans));
  return { data, faults, wellFormed: syntax.length === 0, keysAt, locate };
}

function parseTolerantly(text: string, lineCounter: LineCounter) {
  try {
    // Duplicates are looked for in walk(): the parser compares each key with each other, which takes minutes on a hostile file.
    const documents = parseAllDocuments(text, {
      lineCounter,
      schema: 'core',
      stringKeys: true,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
    });
    return 'empty' in documents ? [] : documents;
  } catch {
    return 'it is nested too deeply';
  }
}

type Walk = { readonly spans: Map<string, Span>; readonly keys: Map<string, string[]>; readonly faults: Fault[] };

function walk(node: Node, path: Path, state: Walk, keyAt?: number): unknown {
  const { faults, spans } = state;
  const [from = 0, to = from] = node.range ?? [];
  spans.set(pathText(path), { path, keyAt, from, to });
  if (isAlias(node)) {
    faults.push({
      code: 'alias',
      message: 'aliases are not followed in a policy',
      hint: 'write it out, or name a condition under "conditions"',
      path,
    });
    return undefined;
  }
  if (node.tag !== undefined) faults.push({ code: 'tag', message: 'tags have no place in a policy', path });
  if (path.length > maxDepth) {
    faults.push({ code: 'too-deep', message: `nothing in a policy is nested more than ${maxDepth} deep`, path });
    return undefined;
  }
  if (isScalar(node)) return node.value;
  if (isSeq(node)) return node.items.map((item, index) => walk(item as Node, [...path, index], state));
  if (!isMap(node)) return undefined;
  return walkMap(node, path, state);
}

function walkMap(node: YAMLMap, path: Path, state: Walk): Record<string, unknown> {
  const { faults, keys } = state;
  const map: Record<string, unknown> = Object.create(null);
  const seen = new Set<string>();
  for (const pair of node.items) {
    const keyNode = pair.key as Node | null;
    const at = keyNode?.range?.[0] ?? node.range?.[0] ?? 0;
    if (!isScalar(keyNode) || typeof keyNode.value !== 'string') {
      faults.push({ code: 'key-not-text', message: 'a key must be plain text', path, offset: at });
      continue;
    }
    const key = keyNode.value;
    const here = { path: [...path, key], on: 'key' as const, offset: at };
    if (forbiddenKeys.has(key)) {
      faults.push({ code: 'forbidden-key', message: `"${key}" cannot be a key`, ...here });
    } else if (seen.has(key)) {
      faults.push({
        code: 'duplicate-key',
        message: `${JSON.stringify(key)} stands here a second time`,
        hint: 'keep one of the two',
        ...here,
      });
    } else {
      seen.add(key);
      const value = pair.value === null ? null : walk(pair.value as Node, here.path, state, at);
      if (value !== undefined) map[key] = value;
    }
  }
  keys.set(pathText(path), [...seen]);
  return map;
}

function syntaxFault(error: YAMLError, spans: ReadonlyMap<string, Span>): Fault {
  const offset = error.pos[0];
  let inner: Path = [];
  for (const { path, keyAt, from, to } of spans.values()) {
    if ((keyAt ?? from) <= offset && offset <= to && path.length > inner.length) inner = path;
  }
  // The parser's own sentence may quote the source, and the source may be a secret that somebody wrote out.
  return {
    code: 'syntax',
    message: `this is not YAML: ${syntaxMessages[error.code] ?? 'something here is out of place'}`,
    path: inner,
    offset,
  };
}

const syntaxMessages: Partial<Record<YAMLError['code'], string>> = {
  BAD_ALIAS: 'an alias to nothing; put text that begins with * in quotes',
  BAD_INDENT: 'the indentation does not fit, or a bracket is not closed',
  BLOCK_AS_IMPLICIT_KEY: 'a key cannot hold more than one line; is the indentation right?',
  MISSING_CHAR: 'a closing quote, bracket, brace or comma is missing',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line; is a colon missing?',
  NON_STRING_KEY: 'a key must be plain text',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'indent with spaces, not with tabs',
  TAG_RESOLVE_FAILED: 'tags have no place in a policy',
};

function issueAt(written: Fault, spans: ReadonlyMap<string, Span>, lines: LineCounter): Issue {
  const fault = { ...written, path: pathInFile(written.path, spans) };
  const { line, col } = lines.linePos(offsetOf(fault, spans));
  return {
    severity: fault.severity ?? 'error',
    code: fault.code,
    message: fault.message,
    ...(fault.hint === undefined ? {} : { hint: fault.hint }),
    path: pathText(fault.path),
    line: Math.max(1, line),
    column: Math.max(1, col),
  };
}

/** Where one value stands for a list of one, it is called the first item all the same. */
function pathInFile(path: Path, spans: ReadonlyMap<string, Span>): Path {
  const around = path.slice(0, -1);
  return path.at(-1) === 0 && !spans.has(pathText(path)) && spans.has(pathText(around)) ? around : path;
}

/** What is missing is shown at the nearest thing around it that is there. */
function offsetOf(fault: Fault, spans: ReadonlyMap<string, Span>): number {
  if (fault.offset !== undefined) return fault.offset;
  const exact = spans.get(pathText(fault.path));
  if (exact !== undefined) return fault.on === 'key' ? (exact.keyAt ?? exact.from) : exact.from;
  for (let length = fault.path.length - 1; length > 0; length -= 1) {
    const around = spans.get(pathText(fault.path.slice(0, length)));
    if (around !== undefined) return around.keyAt ?? around.from;
  }
  return 0;
}

/** Tells of a part of the file whether an error stands in it, or is that part. */
export function damageOf(faults: readonly Fault[]): (path: Path) => boolean {
  const errors = faults.filter(({ severity }) => severity === undefined);
  const damaged = new Set(errors.flatMap(({ path }) => path.map((_, index) => pathText(path.slice(0, index + 1)))));
  return (path) => damaged.has(pathText(path));
}
