/** PagerDuty, Opsgenie, incident.io, AWS IAM, Okta and an issuer of sign-ins, as far as `request` asks them: a process of its own, which answers each call `--delay=MS` after it came. Prints its address. */
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

const delayMs = Number(/^--delay=(\d+)$/.exec(process.argv.find((argument) => argument.startsWith('--delay=')) ?? '')?.[1] ?? 50);
const account = '123456789012';
const person = {
  login: 'maria@acme.dev',
  awsName: 'maria',
  subject: '00u1maria',
  oktaId: '00uAAAAAAAAAAAAAAAAA',
  awsId: 'AIDAAAAAAAAAAAAAAAAA',
};
const group = { name: 'db-admins', oktaId: '00gAAAAAAAAAAAAAAAAA', awsId: 'AGPAAAAAAAAAAAAAAAAA' };
const isIn = { aws: false, okta: false };
const calls = [];

const json = (status, body, headers = {}) => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

const hour = 3_600_000;
const at = (ms) => new Date(Date.now() + ms).toISOString();

function pagerDuty() {
  const reference = (id, type, summary) => ({ id, type: `${type}_reference`, summary, self: null, html_url: null });
  const entry = {
    user: { id: 'PUSER01', type: 'user', summary: 'Maria', name: 'Maria', email: person.login, self: null, html_url: null },
    schedule: reference('PDB1234', 'schedule', 'Database Primary'),
    escalation_policy: reference('PESC001', 'escalation_policy', 'Database'),
    escalation_level: 1,
    start: at(-hour),
    end: at(12 * hour),
  };
  return json(200, { oncalls: [entry], limit: 100, offset: 0, more: false, total: null });
}

function opsgenie(part) {
  const _parent = { id: '7d0a5b2e-3c1f-4c64-9a2b-0123456789ab', name: 'primary', enabled: true };
  const recipient = { type: 'user', name: person.login };
  const period = { startDate: at(-hour), endDate: at(12 * hour), type: 'default', recipient };
  const timeline = { _parent, startDate: at(-168 * hour), finalTimeline: { rotations: [{ periods: [period] }] } };
  return json(200, { data: part === 'timeline' ? timeline : { _parent, onCallParticipants: [recipient] } });
}

function incidentIo(id) {
  if (id !== undefined) return json(200, { schedule: { id, name: 'Database Primary', config: { rotations: [] } } });
  const entry = { user: { id: '01U', email: person.login }, start_at: at(-hour), end_at: at(12 * hour) };
  return json(200, { schedule_entries: { final: [entry], overrides: [], scheduled: [] } });
}

const arn = (kind, name) => `<Path>/</Path><Arn>arn:aws:iam::${account}:${kind}/${name}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>`;
const awsUser = `<UserName>${person.awsName}</UserName><UserId>${person.awsId}</UserId>${arn('user', person.awsName)}`;
const awsGroup = `<GroupName>${group.name}</GroupName><GroupId>${group.awsId}</GroupId>${arn('group', group.name)}`;

const iamResults = {
  GetUser: () => `<User>${awsUser}</User>`,
  GetGroup: () =>
    `<Group>${awsGroup}</Group><Users>${isIn.aws ? `<member>${awsUser}</member>` : ''}</Users><IsTruncated>false</IsTruncated>`,
  ListGroupsForUser: () => `<Groups>${isIn.aws ? `<member>${awsGroup}</member>` : ''}</Groups><IsTruncated>false</IsTruncated>`,
  AddUserToGroup: () => void (isIn.aws = true),
  RemoveUserFromGroup: () => void (isIn.aws = false),
};

function iam(action) {
  const result = iamResults[action]?.();
  if (!Object.hasOwn(iamResults, action))
    return { status: 400, headers: {}, body: `<ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>` };
  const wrapped = result === undefined ? '' : `<${action}Result>${result}</${action}Result>`;
  const body = `<${action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">${wrapped}<ResponseMetadata><RequestId>7a62c49f</RequestId></ResponseMetadata></${action}Response>`;
  return { status: 200, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': '7a62c49f' }, body };
}

const oktaUser = {
  id: person.oktaId,
  status: 'ACTIVE',
  created: '2026-01-01T00:00:00.000Z',
  profile: { login: person.login, email: person.login },
};
const oktaGroup = {
  id: group.oktaId,
  type: 'OKTA_GROUP',
  created: '2026-01-01T00:00:00.000Z',
  objectClass: ['okta:user_group'],
  profile: { name: group.name },
};

function okta(method, path) {
  const [kind, id, part] = path.split('/').slice(3);
  if (method === 'PUT' || method === 'DELETE') {
    isIn.okta = method === 'PUT';
    return { status: 204, headers: {}, body: '' };
  }
  if (kind === 'users') return json(200, part === undefined ? oktaUser : isIn.okta ? [oktaGroup] : []);
  if (id === 'rules') return json(200, []);
  if (id === undefined) return json(200, [oktaGroup]);
  return json(200, part === undefined ? oktaGroup : isIn.okta ? [oktaUser] : []);
}

/** Signs in at once whoever starts to: what is measured comes later. */
async function issuerAt(address) {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const key = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' };
  const idToken = await new SignJWT({ email: person.login, email_verified: true })
    .setProtectedHeader({ alg: 'RS256', kid: 'bench' })
    .setIssuer(address)
    .setSubject(person.subject)
    .setAudience('bench')
    .setIssuedAt()
    .setExpirationTime('8h')
    .sign(privateKey);
  const at = (path) => `${address}${path}`;
  return {
    '/.well-known/openid-configuration': {
      issuer: address,
      authorization_endpoint: at('/authorize'),
      token_endpoint: at('/token'),
      jwks_uri: at('/keys'),
      device_authorization_endpoint: at('/device'),
      id_token_signing_alg_values_supported: ['RS256'],
    },
    '/keys': { keys: [key] },
    '/device': { device_code: 'code', user_code: 'BENC-HBEN', verification_uri: at('/activate'), expires_in: 600, interval: 1 },
    '/token': { access_token: 'opaque', token_type: 'Bearer', expires_in: 28_800, id_token: idToken },
  };
}

let issuer = {};

function answer(method, path, action) {
  if (path === '/oncalls') return pagerDuty();
  const [, , of, id, part] = path.split('/');
  if (of === 'schedules' && part !== undefined) return opsgenie(part);
  if (of === 'schedules' || of === 'schedule_entries') return incidentIo(id);
  if (action !== null) return iam(action);
  if (path === '/.well-known/okta-organization') return json(200, { id: '00oAAAAAAAAAAAAAAAAA' });
  if (path.startsWith('/api/v1/')) return okta(method, path);
  return Object.hasOwn(issuer, path) ? json(200, issuer[path]) : json(404, { error: 'not_found' });
}

const server = createServer((incoming, outgoing) => {
  const from = performance.now();
  const chunks = [];
  incoming.on('data', (chunk) => chunks.push(chunk));
  incoming.on('end', () => {
    const method = incoming.method ?? 'GET';
    const path = (incoming.url ?? '/').split('?')[0];
    const send = ({ status, headers, body }) =>
      outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
    if (path === '/bench/reset') {
      Object.assign(isIn, { aws: false, okta: false });
      return send(json(200, {}));
    }
    if (path === '/bench/calls') return send(json(200, calls.splice(0)));
    const action = method === 'POST' ? new URLSearchParams(Buffer.concat(chunks).toString()).get('Action') : null;
    setTimeout(() => {
      const said = answer(method, path, action);
      calls.push({ action: action ?? `${method} ${path}`, from, to: performance.now() });
      send(said);
    }, delayMs);
  });
});
// Longer than the measured programs pause between two runs.
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', async () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  issuer = await issuerAt(address);
  console.log(address);
});
// Ends with whoever started it.
process.stdin.on('end', () => process.exit(0)).resume();
