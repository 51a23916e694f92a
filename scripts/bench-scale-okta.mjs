/** An Okta with many members, as far as a sweep asks it: a process of its own, which answers each call `--delay=MS` after it came, and with `--limit=N` refuses what a token bucket of N calls a second, N deep, does not let through. Prints its address. */
import { createServer } from 'node:http';

const option = (name, otherwise) =>
  Number(new RegExp(`^--${name}=(\\d+)$`).exec(process.argv.find((one) => one.startsWith(`--${name}=`)) ?? '')?.[1] ?? otherwise);
const [delayMs, limit, people, groupCount] = [
  option('delay', 10),
  option('limit', Infinity),
  option('people', 10_000),
  option('groups', 10),
];

const userId = (index) => `00u${String(index).padStart(17, '0')}`;
const groupId = (index) => `00g${String(index).padStart(17, '0')}`;
const members = new Map(Array.from({ length: groupCount }, (_, index) => [groupId(index), new Set()]));
for (let index = 0; index < people; index += 1) members.get(groupId(index % groupCount)).add(userId(index));

const showUser = (id) => ({
  id,
  status: 'ACTIVE',
  created: '2026-01-01T00:00:00.000Z',
  profile: { login: `user-${Number(id.slice(3))}@example.com` },
});
const showGroup = (id) => ({
  id,
  type: 'OKTA_GROUP',
  created: '2026-01-01T00:00:00.000Z',
  objectClass: ['okta:user_group'],
  profile: { name: `group-${Number(id.slice(3))}` },
});
const refusal = (status, errorCode, headers = {}) => ({
  status,
  body: { errorCode, errorSummary: 'refused', errorId: 'bench', errorCauses: [] },
  headers,
});

function answer(method, url) {
  const [, , , kind, id, part, other] = url.pathname.split('/');
  if (url.pathname === '/.well-known/okta-organization') return { status: 200, body: { id: '00oBENCHBENCHBENCHBE' } };
  if (kind === 'users')
    return {
      status: 200,
      body: part === undefined ? showUser(id) : [...members].filter(([, set]) => set.has(id)).map(([one]) => showGroup(one)),
    };
  if (id === 'rules') return { status: 200, body: [] };
  if (id === undefined)
    return {
      status: 200,
      body: [...members.keys()]
        .map(showGroup)
        .filter(({ profile }) => profile.name === (url.searchParams.get('q') ?? /"(.*)"/.exec(url.searchParams.get('search') ?? '')?.[1])),
    };
  const set = members.get(id);
  if (!set) return refusal(404, 'E0000007');
  if (part === undefined) return { status: 200, body: showGroup(id) };
  if (method === 'DELETE') {
    set.delete(other);
    return { status: 204 };
  }
  const [from, size] = [Number(url.searchParams.get('after') ?? 0), 200];
  const next = new URL(url);
  next.searchParams.set('after', String(from + size));
  const link = from + size < set.size ? { link: `<${next.href}>; rel="next"` } : {};
  return { status: 200, body: [...set].slice(from, from + size).map(showUser), headers: link };
}

const calls = { made: 0, refused: 0, removals: 0 };
let [tokens, filledAt] = [limit, performance.now()];

function count(method) {
  const now = performance.now();
  calls.made += 1;
  if (method === 'DELETE') calls.removals += 1;
  tokens = Math.min(limit, tokens + ((now - filledAt) / 1000) * limit) - 1;
  filledAt = now;
  if (tokens >= 0 || limit === Infinity) return undefined;
  tokens += 1;
  calls.refused += 1;
  return refusal(429, 'E0000047', { 'x-rate-limit-reset': String(Math.ceil(Date.now() / 1000) + 1) });
}

const server = createServer((incoming, outgoing) => {
  const send = ({ status, body, headers = {} }) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    outgoing.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers }).end(text);
  };
  incoming.resume();
  if (incoming.url === '/bench')
    return send({ status: 200, body: { ...calls, members: [...members.values()].reduce((sum, set) => sum + set.size, 0) } });
  const refused = count(incoming.method);
  setTimeout(() => send(refused ?? answer(incoming.method, new URL(incoming.url, `http://${incoming.headers.host}`))), delayMs);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
// Ends with whoever started it.
process.stdin.on('end', () => process.exit(0)).resume();
