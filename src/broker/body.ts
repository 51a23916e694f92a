/** The input of a call: read within bounds, then held against the operation's schema. */

import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import * as z from 'zod/mini';
import { inputs } from '../operations/inputs.ts';
import type { OperationName } from './api.ts';
import { valuesOf } from './from.ts';
import { httpError } from './reply.ts';

/** Times the usual, where an input names every member of a group. */
const LONG = 16;

export async function readInput(request: IncomingMessage, name: OperationName, bodyBytes: number): Promise<unknown> {
  requireJson(request);
  const entry = inputs[name];
  const bytes = await readBody(request, 'isLong' in entry ? bodyBytes * LONG : bodyBytes);
  const input = z.safeParse(entry.input, parsed(bytes));
  if (input.success) return input.data;
  throw badInput(name, input.error.issues);
}

function requireJson(request: IncomingMessage): void {
  const types = valuesOf(request, 'content-type');
  const isJson = types.length === 1 && /^application\/json\s*(;\s*charset=("?)utf-8\2\s*)?$/i.test(types[0] ?? '');
  const encodings = valuesOf(request, 'content-encoding').filter((one) => one.toLowerCase() !== 'identity');
  if (isJson && encodings.length === 0) return;
  throw httpError({ status: 415 }, 'not-json', 'the input has to be JSON', {
    exit: 2,
    why: isJson ? 'it is compressed' : 'its content-type is not application/json',
    next: 'send it with content-type: application/json',
  });
}

/** Counted as it comes: a length that is stated may be a lie, and one in chunks states none. */
async function readBody(request: IncomingMessage, most: number): Promise<Buffer> {
  const tooLong = () =>
    httpError({ status: 413, headers: { connection: 'close' } }, 'input-too-long', 'the input is too long', {
      exit: 2,
      why: `it has more than ${most} bytes`,
    });
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLong();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const cut = () =>
      reject(httpError({ status: 400, headers: { connection: 'close' } }, 'input-cut-off', 'the input was cut off', { exit: 2 }));
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= most) return void chunks.push(chunk);
      chunks.length = 0;
      request.pause();
      reject(tooLong());
    });
    request.once('end', () => {
      request.off('close', cut);
      resolve(Buffer.concat(chunks));
    });
    request.once('error', cut);
    request.once('close', cut);
  });
}

function parsed(bytes: Buffer): unknown {
  try {
    // Replacement characters for what is not UTF-8 would make one name of two.
    if (isUtf8(bytes)) return JSON.parse(bytes.toString('utf8'));
  } catch {
    // Its message quotes the input.
  }
  throw httpError({ status: 400 }, 'not-json', 'the input is not JSON in UTF-8', { exit: 2 });
}

type Issue = z.core.$ZodIssue;

/** Says where and what, and quotes nothing of what was sent but the names of fields, cut short. */
function badInput(name: OperationName, issues: readonly Issue[]) {
  const why = issues
    .slice(0, 5)
    .map((issue) => `${at(issue)}${said(issue)}`)
    .join('; ');
  return httpError({ status: 400 }, 'bad-input', `the input of ${name} is not right`, {
    exit: 2,
    why,
    next: 'if oncall itself sent it: the broker and this oncall are of versions that do not fit; the document is at /openapi.json',
  });
}

const at = ({ path }: Issue): string => (path.length === 0 ? '' : `${path.map((key) => plain(String(key))).join('.')}: `);

function said(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') return `has fields that it does not take: ${issue.keys.slice(0, 5).map(plain).join(', ')}`;
  if (issue.code === 'invalid_union') return 'is none of the forms that it can have';
  if (issue.code === 'invalid_type') return `is not of the kind that it has to be (${issue.expected})`;
  return plain(issue.message, 80);
}

const plain = (text: string, most = 40): string => text.replace(/[^\x20-\x7e]+/g, '?').slice(0, most);
