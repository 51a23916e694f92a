/** A small Okta: users, groups, members and rules with ids, pages and a lagging search. Everything that is asked and answered is held against Okta's own document. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Exchange, oktaDocument } from './okta-document.ts';
import { type OktaOAuth, oktaOAuth } from './okta-oauth.ts';

export type OktaUser = { readonly id: string; login: string; status: string };
export type OktaGroup = { readonly id: string; name: string; readonly type: string; readonly members: Set<string> };
export type OktaRule = {
  readonly id: string;
  readonly name: string;
  status: string;
  readonly groupIds: string[];
  readonly excluded: Set<string>;
};

type Reply = { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string | string[]> };

export const oktaError = (status: number, errorCode: string, errorSummary: string, headers?: Record<string, string>) => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ errorCode, errorSummary, errorLink: errorCode, errorId: 'oaeFakeFakeFakeFakeFake', errorCauses: [] }),
});

let serial = 0;
const newId = (kind: string): string => `${kind}${(++serial).toString(36).padStart(17, 'A')}`;

/** The document has no `after` for a user's groups, yet Okta cuts long lists of them, too: a cursor that came in a link is the server's own. */
function withoutCursor(exchange: Exchange, url: URL): Exchange {
  if (!/^\/api\/v1\/users\/[^/]+\/groups$/.test(url.pathname)) return exchange;
  const bare = new URL(url);
  bare.searchParams.delete('after');
  return { ...exchange, path: `${bare.pathname}${bare.search}` };
}

export async function startOkta({ token = '00aCANARYTokenOfTheFakeNotARealOne0000000', pageSize = 5 } = {}) {
  const judge = await oktaDocument();
  const org = { id: newId('00o') };
  const users = new Map<string, OktaUser>();
  const groups = new Map<string, OktaGroup>();
  const rules = new Map<string, OktaRule>();
  const oauth: OktaOAuth = oktaOAuth();
  const requests: { readonly action: string; readonly query: URLSearchParams; readonly headers: IncomingMessage['headers'] }[] = [];
  const violations: string[] = [];
  /** Whose sessions were ended, each time. */
  const signedOut: string[] = [];
  const state = { pageSize, emptyPages: false, readOnly: false, lag: false, hiddenUsers: false };
  /** What `search` sees while it lags. */
  let searchable: OktaGroup[] = [];

  const missing = (id: string, what: string): Reply => failure(404, 'E0000007', `Not found: Resource not found: ${id} (${what})`);
  const failure = (status: number, code: string, summary: string): Reply => {
    const { body, headers } = oktaError(status, code, summary);
    return { status, body: JSON.parse(body), headers };
  };
  const named = (name: string) => [...groups.values()].find((group) => group.name === name && group.type === 'OKTA_GROUP') as OktaGroup;
  const known = (login: string) => [...users.values()].find((user) => user.login === login) as OktaUser;
  /** By id, login, or the login without its domain, where that is one user's; `me` is whoever the token belongs to. */
  const userOf = (key: string): OktaUser | undefined => {
    if (state.hiddenUsers) return undefined;
    const all = [...users.values()];
    const short = all.filter((user) => user.login.toLowerCase().startsWith(`${key.toLowerCase()}@`));
    if (key === 'me') return all[0];
    return (
      users.get(key) ?? all.find((user) => user.login.toLowerCase() === key.toLowerCase()) ?? (short.length === 1 ? short[0] : undefined)
    );
  };

  const showUser = ({ id, login, status }: OktaUser) => ({
    id,
    status,
    created: '2026-01-01T00:00:00.000Z',
    profile: { login, email: login, firstName: 'F', lastName: 'L' },
  });
  const showGroup = ({ id, name, type }: OktaGroup) => ({
    id,
    type,
    created: '2026-01-01T00:00:00.000Z',
    objectClass: ['okta:user_group'],
    profile: { name, description: 'a group' },
  });
  const showRule = ({ id, name, status, groupIds }: OktaRule) => ({
    id,
    name,
    status,
    type: 'group_rule',
    actions: { assignUserToGroups: { groupIds } },
    conditions: { expression: { value: 'user.department=="x"', type: 'urn:okta:expression:1.0' } },
  });

  const paged = <T>(url: URL, items: readonly T[], show: (item: T) => unknown, most = 200): Reply => {
    const after = url.searchParams.get('after');
    const [from, blank] = [Number(after?.split('.')[0] ?? 0), state.emptyPages && after !== null && !after.endsWith('.full')];
    const size = Math.min(state.pageSize, Number(url.searchParams.get('limit') ?? most));
    const to = blank ? from : from + size;
    const next = new URL(url);
    next.searchParams.set('after', blank ? `${from}.full` : String(to));
    const links = [`<${url.href}>; rel="self"`, ...(to < items.length || blank ? [`<${next.href}>; rel="next"`] : [])];
    return { status: 200, body: items.slice(from, to).map(show), headers: { link: links } };
  };

  function listGroups(url: URL): Reply {
    const [q, search] = [url.searchParams.get('q'), url.searchParams.get('search')];
    if (q !== null) {
      const found = [...groups.values()].filter(({ name }) => name.toLowerCase().startsWith(q.toLowerCase())).slice(0, 300);
      return { status: 200, body: found.map(showGroup) };
    }
    const wanted = /^profile\.name eq "((?:[^"\\]|\\.)*)"$/.exec(search ?? '')?.[1]?.replace(/\\(.)/g, '$1');
    if (search !== null && wanted === undefined) return failure(400, 'E0000031', `Invalid search criteria. ${search}`);
    const seen = state.lag ? searchable : [...groups.values()];
    return paged(
      url,
      seen.filter(({ name }) => wanted === undefined || name.toLowerCase() === wanted.toLowerCase()),
      showGroup,
    );
  }

  function answer(method: string, url: URL): Reply {
    const [, , , kind = '', id = '', part, other = ''] = url.pathname.split('/').map(decodeURIComponent);
    if (kind === 'users') {
      const user = userOf(id);
      if (!user) return missing(id, 'User');
      if (part === undefined) return { status: 200, body: showUser(user) };
      if (part === 'groups')
        return paged(
          url,
          [...groups.values()].filter(({ members }) => members.has(user.id)),
          showGroup,
        );
      if (part === 'sessions') return state.readOnly ? denied() : endSessions(user, url);
    }
    if (kind === 'groups' && id === '') return listGroups(url);
    if (kind === 'groups' && id === 'rules') return paged(url, [...rules.values()], showRule, 50);
    const group = groups.get(id);
    if (!group) return missing(id, 'UserGroup');
    if (part === undefined) return { status: 200, body: showGroup(group) };
    if (method === 'GET') {
      const members = [...users.values()].filter((user) => group.members.has(user.id));
      return paged(url, members, showUser, 1000);
    }
    return change(method, group, other);
  }
  function endSessions(user: OktaUser, url: URL): Reply {
    // Left out, it means yes on newer orgs: the next sign-in would be asked for every factor anew.
    if (url.searchParams.get('forgetDevices') !== 'false') violations.push(`${user.login} would have their devices forgotten`);
    signedOut.push(user.login);
    return { status: 204 };
  }
  const denied = () => failure(403, 'E0000006', 'You do not have permission to perform the requested action');

  function change(method: string, group: OktaGroup, userId: string): Reply {
    if (state.readOnly) return denied();
    if (group.type !== 'OKTA_GROUP') return failure(403, 'E0000006', 'Cannot modify this group because it is read-only');
    const user = state.hiddenUsers ? undefined : users.get(userId);
    if (!user) return missing(userId, 'User');
    if (method === 'PUT') group.members.add(userId);
    else if (group.members.delete(userId)) {
      for (const rule of rules.values()) if (rule.status === 'ACTIVE' && rule.groupIds.includes(group.id)) rule.excluded.add(userId);
    }
    return { status: 204 };
  }

  function reply(exchange: Exchange, url: URL, body: string): Reply {
    if (url.pathname === '/.well-known/okta-organization') {
      return { status: 200, body: { id: org.id, pipeline: 'idx', _links: { organization: { href: url.origin } } } };
    }
    if (url.pathname === '/oauth2/v1/token') return oauth.token(exchange, url, body);
    const refused = exchange.headers.authorization?.toString().startsWith('SSWS ')
      ? exchange.headers.authorization === `SSWS ${token}`
        ? undefined
        : failure(401, 'E0000011', 'Invalid token provided')
      : oauth.refuse(exchange, url);
    return refused ?? answer(exchange.method, url);
  }

  function serve(incoming: IncomingMessage, outgoing: ServerResponse, body: string): void {
    const { method = 'GET', url: path = '/', headers } = incoming;
    const url = new URL(path, `${headers['x-forwarded-proto'] ?? 'http'}://${headers.host}`);
    const exchange = { method, path, headers: headers as Exchange['headers'] };
    requests.push({ action: `${method} ${url.pathname}`, query: url.searchParams, headers });
    const isToken = url.pathname === '/oauth2/v1/token';
    const wrong = isToken ? undefined : judge?.request(withoutCursor(exchange, url));
    if (wrong !== undefined) violations.push(`request ${wrong}`);
    const { status, body: said, headers: own } = wrong === undefined ? reply(exchange, url, body) : failure(400, 'E0000001', wrong);
    const broken = isToken || wrong !== undefined ? undefined : judge?.response(exchange, status, said);
    if (broken !== undefined) violations.push(`response ${broken}`);
    outgoing.writeHead(status, {
      ...(said === undefined ? {} : { 'content-type': 'application/json' }),
      'x-okta-request-id': newId('req'),
      'x-rate-limit-limit': '600',
      'x-rate-limit-remaining': '599',
      'x-rate-limit-reset': String(Math.floor(Date.now() / 1000) + 30),
      ...own,
    });
    outgoing.end(said === undefined ? undefined : JSON.stringify(said));
  }

  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => serve(incoming, outgoing, Buffer.concat(chunks).toString()));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    org,
    token,
    oauth,
    state,
    users,
    groups,
    rules,
    requests,
    violations,
    signedOut,
    named,
    known,
    addUser: (login: string, status = 'ACTIVE') => {
      const user = { id: newId('00u'), login, status };
      users.set(user.id, user);
      return user;
    },
    addGroup: (name: string, type = 'OKTA_GROUP') => {
      const group = { id: newId('00g'), name, type, members: new Set<string>() };
      groups.set(group.id, group);
      return group;
    },
    addRule: (name: string, group: string, status = 'ACTIVE') => {
      const rule = { id: newId('0pr'), name, status, groupIds: [named(group).id], excluded: new Set<string>() };
      rules.set(rule.id, rule);
      return rule;
    },
    removeUser: (login: string) => {
      const { id } = known(login);
      users.delete(id);
      for (const group of groups.values()) group.members.delete(id);
    },
    /** From now on `search` answers from what was there now. */
    freezeSearch: () => {
      searchable = [...groups.values()].map((group) => ({ ...group }));
      state.lag = true;
    },
    reset: () => {
      for (const each of [users, groups, rules]) each.clear();
      requests.length = 0;
      violations.length = 0;
      signedOut.length = 0;
      oauth.reset();
      Object.assign(state, { pageSize, emptyPages: false, readOnly: false, lag: false, hiddenUsers: false });
    },
    stop: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

export type FakeOkta = Awaited<ReturnType<typeof startOkta>>;
