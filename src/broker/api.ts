/**
 * What a broker and its clients agree on. Each operation is `POST /v1/<name>` with its input as JSON and the token as bearer; the answer is one
 * document. Instants are epoch milliseconds, as in the types: what comes out of a command's `--json` is the command's business.
 */

import type { ExitCode } from '../errors.ts';
import type { Operations } from '../operations/types.ts';

/** Raised when a client of before could misunderstand an answer. */
export const apiVersion = 1;

/** In their order in the document; the client is made from them without loading any schema. */
export const operationNames = [
  'request',
  'status',
  'roles',
  'explain',
  'release',
  'approve',
  'waiting',
  'follow',
  'deny',
  'revoke',
  'sweep',
  'audit',
  'accesses',
  'verify',
  'recover',
  'adopt',
  'doctor',
] as const satisfies readonly (keyof Operations)[];

export type OperationName = (typeof operationNames)[number];

/** `error` where the operation threw or never began; a refusal is a result, whatever the status of the answer. `result` is left out where it is `undefined`. */
export type Answer =
  | { readonly schema: 1; readonly result?: unknown }
  | {
      readonly schema: 1;
      readonly error: { readonly code: string; readonly message: string; readonly why?: string; readonly next?: string };
      readonly exit: ExitCode;
    };

/** The client's version, and the broker's in each answer: for words about which of the two is the older. */
export const versionHeader = 'oncall-version';
/** One for each command that somebody runs: a call that is sent again because its answer was lost is not done twice. */
export const idempotencyHeader = 'idempotency-key';

/** RFC 9728, with what this program's client needs besides. */
export const metadataPath = '/.well-known/oauth-protected-resource';

export type Metadata = {
  /** The broker's own origin; a client refuses metadata that names another. */
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly bearer_methods_supported: readonly ['header'];
  readonly oncall: {
    readonly api: number;
    readonly version: string;
    /** As in the policy, so that the same code signs in; `local` takes everybody at their word, on loopback only. */
    readonly identities: readonly (Readonly<Record<string, unknown>> & { readonly kind: string })[];
  };
};
