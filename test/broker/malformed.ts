/** Malformed HTTP from a seed: good calls with something wrong in them, and noise. */

export type Random = () => number;

/** mulberry32 */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Against = { readonly port: number; readonly token: string };

const names = [
  'request',
  'status',
  'roles',
  'explain',
  'release',
  'approve',
  'waiting',
  'deny',
  'revoke',
  'audit',
  'verify',
  'follow',
  'recover',
  'adopt',
  'accesses',
  'nope',
];

/** What is written, piece by piece. */
export function malformed(random: Random, { port, token }: Against): readonly Buffer[] {
  const below = (most: number): number => Math.floor(random() * most);
  const one = <T>(of: readonly T[]): T => of[below(of.length)] as T;
  // Most cases have one or two things wrong, so that they get past the parser; the others have everything wrong.
  const wildness = one([0.15, 0.15, 0.4, 1]);
  const rolled = (share: number): boolean => random() < share;
  /** Of something bad. */
  const spoilt = (share: number): boolean => rolled(share * wildness);
  const bytes = (most: number): string => Buffer.from(Array.from({ length: below(most) }, () => below(256))).toString('latin1');

  const value = (depth: number): unknown => {
    const kinds = [
      () =>
        one([
          '',
          'db-admin',
          'x'.repeat(below(3000)),
          '\u0000',
          '\ud800',
          '__proto__',
          '../../etc/passwd',
          "' OR 1=1 --",
          '\u202egnp',
          '🦊',
        ]),
      () => one([0, -1, 1e308, 2 ** 53, 0.5, -0]),
      () => one([null, true, false]),
      () => (depth > 3 ? [] : Array.from({ length: below(5) }, () => value(depth + 1))),
      () => (depth > 3 ? {} : object(depth + 1)),
    ];
    return one(kinds)();
  };
  const keys = [
    'role',
    'asked',
    'reason',
    'incident',
    'id',
    'of',
    'mine',
    'forMs',
    'until',
    'byDefault',
    'all',
    'holder',
    'dryRun',
    'decided',
    'end',
    'limit',
    '__proto__',
    'constructor',
    'toString',
    '',
  ];
  const object = (depth: number): object => Object.fromEntries(Array.from({ length: below(6) }, () => [one(keys), value(depth)]));
  const json = (): string => {
    if (rolled(0.25)) return one(['{}', '{"role":"db-admin","asked":{"byDefault":true}}', '{"id":"db-admin"}', ' { } ']);
    const good = JSON.stringify(one([object(0), value(0), { role: 'db-admin', asked: value(1) }, { id: value(1) }])) ?? '';
    if (spoilt(0.15)) return good.slice(0, below(good.length));
    if (spoilt(0.1)) return good + bytes(20);
    if (spoilt(0.05)) return '['.repeat(below(5000));
    if (spoilt(0.05)) return bytes(200);
    if (rolled(0.03)) return 'x'.repeat(70_000);
    return good;
  };

  const path = (): string =>
    !spoilt(0.8)
      ? `/v1/${one(names)}`
      : one([
          () => `/v1/${one(names)}`,
          () => `/v1/${one(names)}`,
          () => `/v1/${one(names)}?${bytes(20)}`,
          () =>
            one([
              '/',
              '/healthz',
              '/readyz',
              '/metrics',
              '/openapi.json',
              '/.well-known/oauth-protected-resource',
              '*',
              '',
              '//',
              '/v1',
              '/v1/',
              '/v1/%00',
              '/v1/%zz',
              '/v1/../metrics',
              '/v1/request/',
            ]),
          () => `http://${one(['evil.example', `localhost:${port}`, '', '[::1'])}/v1/roles`,
          () => `/${bytes(60)}`,
          () => `/v1/${'a'.repeat(below(20_000))}`,
          () => `\\v1\\roles`,
        ])();
  const method = (): string =>
    !spoilt(0.6)
      ? 'POST'
      : one([
          'POST',
          'POST',
          'POST',
          'POST',
          'GET',
          'PUT',
          'OPTIONS',
          'HEAD',
          'TRACE',
          'DELETE',
          'post',
          'CONNECT',
          'PRI',
          'BREW',
          bytes(6),
        ]);
  const version = (): string =>
    !spoilt(0.5)
      ? 'HTTP/1.1'
      : one(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.1 ', bytes(8)]);
  const authorization = (): string =>
    !spoilt(0.8)
      ? `Bearer ${token}`
      : one([
          () => `Bearer ${token}`,
          () => `Bearer ${token}`,
          () => `Bearer ${token.slice(0, below(token.length))}`,
          () => `Bearer ${bytes(40)}`,
          () => `Bearer ${'e30.'.repeat(below(4000))}`,
          () => `Local ${bytes(20)}`,
          () => `Basic ${bytes(20)}`,
        ])();

  const call = (): string => {
    const body = json();
    const chunked = rolled(0.25);
    const length = !spoilt(0.1) ? Buffer.byteLength(body) : one([-1, 0, body.length * 2, 1e20, 'x', '1, 2']);
    const lines = [
      `${method()} ${path()} ${version()}`,
      !spoilt(0.07)
        ? `Host: ${!spoilt(0.1) ? `localhost:${port}` : one(['evil.example', '', bytes(10), '[', '127.0.0.1:1', 'a@b'])}`
        : 'X-No: host',
      ...(!spoilt(0.15) ? [`Authorization: ${authorization()}`] : []),
      ...(!spoilt(0.1)
        ? [
            `Content-Type: ${!spoilt(0.5) ? 'application/json' : one(['application/json', 'application/json', 'application/json; charset=utf-8', 'text/plain', bytes(10)])}`,
          ]
        : []),
      ...(chunked
        ? [
            `Transfer-Encoding: ${!spoilt(0.6) ? 'chunked' : one(['chunked', 'chunked', 'gzip, chunked', 'identity', 'chunked, chunked', bytes(5)])}`,
          ]
        : []),
      ...(chunked && !spoilt(0.2) ? [] : [`Content-Length: ${length}`]),
      ...(spoilt(0.1) ? [`Authorization: ${authorization()}`] : []),
      ...(rolled(0.1) ? [`Idempotency-Key: ${one(['k', 'x'.repeat(below(100)), bytes(10), ''])}`] : []),
      ...(spoilt(0.1) ? [`Expect: ${one(['100-continue', 'x'])}`] : []),
      ...(spoilt(0.1) ? [`Connection: ${one(['close', 'keep-alive', 'upgrade', bytes(6)])}`, `Upgrade: ${one(['h2c', 'websocket'])}`] : []),
      ...(spoilt(0.1) ? [`Origin: ${one(['null', 'https://evil.example', bytes(10)])}`] : []),
      ...(spoilt(0.1) ? [`X-Forwarded-For: ${one(['1.2.3.4', bytes(20)])}`] : []),
      ...(spoilt(0.05) ? [`X-${bytes(6)}: ${bytes(40)}`] : []),
      ...(spoilt(0.03) ? [`X-Long: ${'a'.repeat(below(40_000))}`] : []),
      ...(spoilt(0.02) ? Array.from({ length: 3000 }, (_, index) => `A${index}: b`) : []),
    ];
    const end = !spoilt(0.05) ? '\r\n' : one(['\n', '\r', '\r\n ', '\0']);
    const sent = chunked ? inChunks(body, { below, one, spoilt }) : body;
    return `${lines.join(end)}${end}${end}${sent}`;
  };

  let text = spoilt(0.05) ? bytes(2000) : call();
  if (spoilt(0.1)) text += call();
  let raw = Buffer.from(text, rolled(0.5) ? 'utf8' : 'latin1');
  if (spoilt(0.15)) raw = raw.subarray(0, below(raw.length));
  if (spoilt(0.1) && raw.length > 0) raw[below(raw.length)] = below(256);
  const cut = rolled(0.2) ? below(raw.length) : raw.length;
  return [raw.subarray(0, cut), raw.subarray(cut)].filter((piece) => piece.length > 0);
}

type Dice = { below(most: number): number; one<T>(of: readonly T[]): T; spoilt(share: number): boolean };

function inChunks(body: string, { below, one, spoilt }: Dice): string {
  const size = Buffer.byteLength(body).toString(16);
  const chunk = `${!spoilt(0.2) ? size : one(['zz', '-1', 'ffffffffffffffffff', '', '0x5', `${size};ext=${'x'.repeat(below(100))}`])}\r\n${body}\r\n`;
  return `${chunk}${!spoilt(0.2) ? '0\r\n\r\n' : one(['', '0\r\n', '0\r\nTrailer: x\r\n\r\n', '0\n\n', '5\r\nabc'])}`;
}
