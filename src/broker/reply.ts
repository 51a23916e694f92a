/** What is answered: the document, its status, and which error becomes which. */

import { isOncallError, isProviderError, nextStep, OncallError } from '../errors.ts';
import type { Refusal } from '../operations/types.ts';
import type { Answer } from './api.ts';
import type { Told } from './outward.ts';

export type Reply = {
  readonly status: number;
  /** JSON. */
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Set where it is a refusal or a failure: its code, and why, for the audit. */
  readonly refused?: { readonly code: string; readonly why: string };
  /** It is what the operation gave, also where that is a refusal. */
  readonly isResult?: true;
};

/** What HTTP has to say about an error besides what `OncallError` has. */
type Over = { readonly status: number; readonly retryAfterMs?: number; readonly headers?: Readonly<Record<string, string>> };
type HttpError = OncallError & { readonly http: Over };

type Parts = ConstructorParameters<typeof OncallError>[2];

/** An error of the server's own, with a status that its exit does not say. */
export function httpError(over: Over, code: string, message: string, parts: Parts): HttpError {
  return Object.assign(new OncallError(code, message, parts), { http: over });
}

/** What failed because it came too late, or looked at something else: the same call will not go better. */
const conflicts: ReadonlySet<string> = new Set(['not-pending', 'not-as-seen', 'targets-changed', 'another-sign-in']);

/** 130 is an operation that was told to stop. */
const statuses: Readonly<Record<number, number>> = { 1: 503, 2: 400, 3: 403, 4: 401, 8: 409, 130: 503 };

export const reply = (status: number, answer: Answer): Reply => ({ status, body: JSON.stringify(answer) });

/** What an operation gave. A refusal keeps its document: the status only says what it is. */
export function resultReply(result: unknown): Reply {
  const refusal = asRefusal(result);
  if (refusal === undefined) return reply(200, result === undefined ? { schema: 1 } : { schema: 1, result });
  const { code, message } = refusal.error;
  return { ...reply(statuses[refusal.exit] ?? 503, { schema: 1, result }), refused: { code, why: message }, isResult: true };
}

function asRefusal(result: unknown): Refusal | undefined {
  const { error, exit, result: word } = Object(result) as Partial<Refusal>;
  return error !== undefined && exit !== undefined && word !== undefined ? (result as Refusal) : undefined;
}

/** `undefined`: a fault of this program, of which nothing is told. `tell`: what of an error goes out. */
export function errorReply(error: unknown, tell: (told: Told) => Told = (told) => told): Reply | undefined {
  if (isOncallError(error)) {
    const { http } = error as Partial<HttpError>;
    const status = conflicts.has(error.code) ? 409 : (statuses[error.exit] ?? 503);
    return failure(http ?? { status }, tell(error));
  }
  if (isProviderError(error)) {
    const { message, retryAfterMs } = error;
    const over = { status: 503, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    return failure(over, tell({ code: error.fault, message, why: undefined, next: nextStep(error), exit: 1 }));
  }
  return undefined;
}

function failure(over: Over, error: Told): Reply {
  const { code, message, why, next, exit } = error;
  const told = { code, message, ...(why === undefined ? {} : { why }), ...(next === undefined ? {} : { next }) };
  const wait = over.retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(over.retryAfterMs / 1000))) };
  return {
    ...reply(over.status, { schema: 1, error: told, exit }),
    headers: { ...wait, ...over.headers },
    refused: { code, why: why === undefined ? message : `${message}: ${why}` },
  };
}

/** What people are told of a fault of this program; the rest is in the log, under the same id. */
export function faultReply(id: string): Reply {
  const fault = new OncallError('broker-fault', 'the broker failed; that is a fault of oncall', {
    why: `its log has more under ${id}`,
    next: `tell whoever runs the broker: ${id}`,
  });
  return failure({ status: 500 }, fault);
}
