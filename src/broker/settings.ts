/** How a broker listens, and the bounds it keeps. */

export type Tls = { readonly cert: string | Buffer; readonly key: string | Buffer };

export type ServerSettings = {
  readonly listen: { readonly host: string; readonly port: number };
  /** Asked at the start and at each `reloadTls`. Left out: plain HTTP, which is answered to loopback and to the stated proxies only. */
  readonly tls?: () => Tls | Promise<Tls>;
  /**
   * Addresses or networks (`10.0.0.0/8`) of the proxies in front: from these the last entry of `x-forwarded-for` is where a call comes from,
   * from everybody else that header says nothing. Left out: there is none.
   */
  readonly behindProxy?: readonly string[];
  readonly limits?: Partial<Limits>;
};

export type Limits = {
  readonly bodyBytes: number;
  readonly headerBytes: number;
  /** For all headers, then for the whole request, from the first byte; ms. */
  readonly headersMs: number;
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** For a client to take the answer; ms. */
  readonly answerMs: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Operations under way at once. */
  readonly operations: number;
  /** Of these of one person; looks that last (`follow`) are counted by themselves. */
  readonly operationsPerPerson: number;
  readonly followsPerPerson: number;
  /** Of these whoever calls: what goes through the whole trail, and what goes through much of it or asks every source. */
  readonly verifies: number;
  readonly auditsAndDoctors: number;
  /** On one connection, sent without waiting for the answers. */
  readonly unansweredPerConnection: number;
  /** Of answers that one person has been sent and has not taken yet. */
  readonly unreadBytesPerPerson: number;
  /** After which an operation is told to stop; a little later the caller is told, whatever it does. */
  readonly operationMs: number;
  /** How long a call waits for the answer of the one with the same idempotency key; ms. */
  readonly sameCallMs: number;
  readonly perPerson: Rate;
  /** For calls that prove nobody, by address. */
  readonly perAddress: Rate;
  /** Refusals recorded one by one in a minute, for each person; the rest are counted. */
  readonly recordedPerMinute: number;
  /** For all who prove nobody together. */
  readonly recordedPerMinuteOfNobody: number;
};

/** A bucket that holds `burst` calls and gets `perMinute` of them back. */
export type Rate = { readonly perMinute: number; readonly burst: number };

export const defaultLimits: Limits = {
  bodyBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  headersMs: 10_000,
  requestMs: 20_000,
  keepAliveMs: 5_000,
  answerMs: 30_000,
  connections: 2048,
  connectionsPerAddress: 128,
  operations: 512,
  operationsPerPerson: 3,
  followsPerPerson: 10,
  verifies: 1,
  auditsAndDoctors: 2,
  unansweredPerConnection: 8,
  unreadBytesPerPerson: 16 * 1024 * 1024,
  // Below what a claim of an idempotency key lasts in the ledger.
  operationMs: 110_000,
  sameCallMs: 5_000,
  perPerson: { perMinute: 60, burst: 30 },
  perAddress: { perMinute: 30, burst: 20 },
  recordedPerMinute: 60,
  recordedPerMinuteOfNobody: 10,
};

export type Running = {
  /** As it listens: with port 0 asked for, the one it got. */
  readonly address: { readonly host: string; readonly port: number };
  /** Takes nothing new, lets what runs end for so long, then tells it to stop and cuts what is left. Never rejects; safe to call again. */
  stop(graceMs: number): Promise<void>;
  /** For connections from now on. Rejects, and keeps what it has, where the new certificate and key are not a pair. */
  reloadTls(): Promise<void>;
};
