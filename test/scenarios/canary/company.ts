/** A company whose every secret is known, so that it can be searched for: two Oktas, PagerDuty, the Identity Store, AWS IAM where moto is, an issuer, who is told, and a proxy; all of them may repeat what they were sent. */

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { CreateGroupCommand, CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { type Answer, type Fault, startFaultProxy } from '../../fakes/fault-proxy.ts';
import { startIdentityStore, storeError } from '../../fakes/identity-store.ts';
import { startIssuer } from '../../fakes/issuer.ts';
import { motoAccount, startMoto } from '../../fakes/moto.ts';
import { startOkta } from '../../fakes/okta.ts';
import { startPagerDuty } from '../../fakes/pagerduty.ts';
import { startProxy } from '../../fakes/proxy.ts';
import { startReceiver } from '../../fakes/receiver.ts';
import { identity } from '../faults/world.ts';
import { type Stage, stage } from '../stage.ts';

export type Company = Awaited<ReturnType<typeof startCompany>>;

const canary = (of: string): string => `CANARY-${of}-${randomBytes(9).toString('hex')}`;
/** As long as AWS makes them, and longer. */
const sessionToken = (of: string): string => `IQoJb3JpZ2luX2VjEOP${canary(of)}${randomBytes(120).toString('base64')}`;
const clientId = '0oaCanaryApp';
const groups = ['db-admins', 'readers'];
const storeId = 'd-1234567890';
const moods = ['refusing', 'forbidding', 'limiting', 'failing', 'portal', 'silent', 'cutting', 'behind a proxy'] as const;
type Mood = (typeof moods)[number] | 'well';

async function startAws(secrets: Map<string, string>) {
  const moto = await startMoto();
  if (!moto) return undefined;
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const client = new IAMClient({ region: 'us-east-1', endpoint: moto.url, credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' } });
  await client.send(new CreateUserCommand({ UserName: 'maria' }));
  for (const name of groups) await client.send(new CreateGroupCommand({ GroupName: name }));
  const proxy = await startFaultProxy(moto.url);
  // What moto makes up would be no canary.
  const [key, token] = [canary('assumed-secret'), sessionToken('assumed')];
  proxy.rewrite(({ action }, answer) => {
    if (action !== 'AssumeRole') return answer;
    const body = answer.body
      .replace(/<SecretAccessKey>[^<]*/, `<SecretAccessKey>${key}`)
      .replace(/<SessionToken>[^<]*/, `<SessionToken>${token}`);
    secrets.set('aws: secret key of the IAM role', key).set('aws: session token of the IAM role', token);
    return { ...answer, body };
  });
  return { moto, proxy };
}

export async function startCompany() {
  const secrets = new Map<string, string>();
  const secret = (name: string, value = canary(name.replace(/\W+/g, '-'))): string => {
    secrets.set(name, value);
    return value;
  };
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const [issuer, okta, app, pagerduty, sso, receiver, aws] = await Promise.all([
    startIssuer(),
    startOkta({ token: `00a${secret('okta: token')}` }),
    startOkta(),
    startPagerDuty(),
    startIdentityStore(),
    startReceiver(),
    startAws(secrets),
  ]);
  issuer.knobs.interval = 1;
  app.oauth.apps.set(clientId, { clientId, key: publicKey, scopes: ['okta.groups.manage', 'okta.users.read'] });
  for (const org of [okta, app]) {
    for (const login of ['maria@acme.dev', 'sam@acme.dev']) org.addUser(login);
    for (const group of groups) org.addGroup(group);
  }
  for (const name of ['maria@acme.dev', 'sam@acme.dev']) sso.store(storeId).addUser(name);
  for (const group of groups) sso.store(storeId).addGroup(group);
  pagerduty.user('Maria', 'maria@acme.dev');
  const schedule = pagerduty.schedule('Database Primary');
  pagerduty.shift({ schedule: 'Database Primary', user: 'Maria', start: null, end: new Date(Date.now() + 6 * 3_600_000).toISOString() });
  const proxies = await Promise.all([okta, app, pagerduty, sso, receiver].map(({ url }) => startFaultProxy(url)));
  const [toOkta = '', toApp = '', toPagerDuty = '', toStore = '', toReceiver = ''] = proxies.map(({ url }) => url);
  const password = secret('proxy: password');
  const companyProxy = await startProxy({ route: () => undefined, user: { name: 'oncall', password } });

  const policy = (pagerdutyAt = toPagerDuty): string => `version: 1
ledger: ./oncall.db
${identity(issuer.url)}
directories:
  okta: { orgUrl: ${toOkta}, token: { file: ./okta-token }, timeout: 1s }
  okta-app: { kind: okta, orgUrl: ${toApp}, clientId: ${clientId}, privateKey: { file: ./app-key }, timeout: 1s }
  aws-sso: { kind: aws-identity-center, identityStoreId: ${storeId}, region: us-east-1, endpoint: ${toStore}, timeout: 1s }
${aws === undefined ? '' : `  aws-prod: { kind: aws-iam, endpoint: ${aws.proxy.url}, userName: local-part, timeout: 1s, credentials: { assumeRole: { arn: 'arn:aws:iam::${motoAccount}:role/oncall' } } }\n`}rosters:
  pagerduty: { token: { command: [cat, ./pagerduty-key] }, endpoint: ${pagerdutyAt}, timeout: 1s }
notify:
  slack: { url: { file: ./slack-address }, timeout: 1s }
  trail: { kind: webhook, url: ${toReceiver}/trail, secret: { file: ./signing-key }, events: all, timeout: 1s }
roles:
${['db-admin', 'reader'].map((role, at) => `  ${role}: { targets: { okta: ${groups[at]}, okta-app: ${groups[at]}, aws-sso: ${groups[at]}${aws === undefined ? '' : `, aws-prod: ${groups[at]}`} }, allow: [ { onCall: pagerduty/${schedule}, until: shift } ] }`).join('\n')}
`;
  const inputs: Record<string, string> = {
    'oncall.yaml': policy(),
    'okta-token': `${okta.token}\n`,
    'app-key': secret('okta: private key', privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()),
    'pagerduty-key': `${secret('pagerduty: key', pagerduty.key)}\n`,
    'slack-address': `${toReceiver}/${secret('slack: address')}\n`,
    'signing-key': `${secret('webhook: signing key')}\n`,
  };
  const browser = fakeBrowser();
  const s: Stage = stage('the built bundle', inputs, {
    AWS_ACCESS_KEY_ID: 'AKIATHISISNOSECRET',
    AWS_SECRET_ACCESS_KEY: secret('aws: secret key'),
    AWS_SESSION_TOKEN: secret('aws: session token', sessionToken('own')),
    AWS_EC2_METADATA_DISABLED: 'true',
    HTTPS_PROXY: companyProxy.url,
    DISPLAY: ':0',
    PATH: `${browser.folder}${delimiter}${process.env.PATH}`,
  });

  const faulty = [...proxies, ...(aws === undefined ? [] : [aws.proxy])];
  const be = (mood: Mood): void => {
    for (const proxy of faulty) proxy.draw((request) => (mood === 'well' ? undefined : answerIn(mood, request)));
    s.write('oncall.yaml', policy(mood === 'behind a proxy' ? 'https://pagerduty.invalid' : undefined));
  };
  return {
    stage: s,
    /** The address that the browser was to open. */
    opened: browser.opened,
    moods,
    be,
    kinds: [
      'okta',
      'pagerduty',
      'issuer',
      'slack',
      'webhook',
      'proxy',
      ...(aws === undefined ? [] : ['aws: secret key of', 'aws: session token of']),
    ],
    /** Now, as new ones are made all the time. */
    secrets: (): ReadonlyMap<string, string> => {
      for (const [at, token] of [...issuer.secrets].entries()) secrets.set(`issuer: ${at}`, token);
      for (const [at, token] of [...app.oauth.tokens.keys()].entries()) secrets.set(`okta: access token ${at}`, token);
      const assertions = (proxies[1]?.seen ?? []).map(({ body }) => new URLSearchParams(body).get('client_assertion'));
      for (const [at, jwt] of assertions.entries()) if (jwt !== null) secrets.set(`okta: client assertion ${at}`, jwt);
      return secrets;
    },
    /** Secrets that are broken, or stand where they do not belong; each gives how to put it right. */
    faultyFiles: Object.entries(faultyFiles(inputs)).flatMap(([name, texts]) => texts.map((text) => () => changed(s, name, text))),
    endTokens: async () => {
      for (const file of signInFiles(s)) {
        const kept = JSON.parse(readFileSync(file, 'utf8'));
        writeFileSync(file, JSON.stringify({ ...kept, expiresAt: Date.now() - 1000 }));
      }
    },
    written: () =>
      filesBelow(s.folder)
        .map((path) => ({ name: relative(s.folder, path), text: readFileSync(path, 'latin1') }))
        .filter(({ name }) => !(name in inputs) && !signInFiles(s).includes(join(s.folder, name))),
    signInFile: () =>
      signInFiles(s)
        .map((file) => readFileSync(file, 'utf8'))
        .join('\n'),
    stop: async () => {
      s.remove();
      rmSync(browser.folder, { recursive: true });
      await Promise.all([
        issuer.stop(),
        okta.stop(),
        app.stop(),
        pagerduty.stop(),
        sso.stop(),
        receiver.stop(),
        companyProxy.stop(),
        aws?.moto.stop(),
        ...faulty.map((proxy) => proxy.stop()),
      ]);
    },
  };
}

/** Everything a provider was sent comes back, in the form of each of their errors. */
function answerIn(mood: (typeof moods)[number], { headers, body }: { readonly headers: object; readonly body: string }): Fault | undefined {
  if (mood === 'silent') return 'silence';
  if (mood === 'cutting') return 'drop';
  if (mood === 'behind a proxy') return undefined;
  const echo = `${JSON.stringify(headers)} ${body}`;
  const status = { refusing: 401, forbidding: 403, limiting: 429, failing: 503, portal: 200 }[mood];
  if (mood === 'portal') return { status, headers: { 'content-type': 'text/html' }, body: `<html><body>${echo}</body></html>` };
  if (body.includes('Action=')) return inXml(status, mood, echo);
  if (echo.includes('AWSIdentityStore')) return storeError(storeErrors[mood] ?? 'InternalServerException', echo);
  const said = {
    errorCode: 'E0000011',
    errorSummary: echo,
    errorCauses: [],
    error: { message: echo, code: 2006, errors: [echo] },
    error_description: echo,
  };
  return { status, headers: { 'content-type': 'application/json', 'x-rate-limit-reset': '4000000000' }, body: JSON.stringify(said) };
}

const storeErrors: Readonly<Record<string, string>> = {
  refusing: 'UnrecognizedClientException',
  forbidding: 'AccessDeniedException',
  limiting: 'ThrottlingException',
};

function inXml(status: number, mood: string, echo: string): Answer {
  const code = { refusing: 'InvalidClientTokenId', forbidding: 'AccessDenied', limiting: 'Throttling' }[mood] ?? 'ServiceUnavailable';
  const message = echo.replace(/[<>&]/g, ' ');
  return {
    status: mood === 'failing' ? status : 403,
    headers: { 'content-type': 'text/xml' },
    body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
  };
}

function faultyFiles(inputs: Record<string, string>): Record<string, readonly string[]> {
  const of = (name: string): string => (inputs[name] ?? '').trimEnd();
  return {
    // With a line break in it, cut off, and of another kind.
    'okta-token': [`${of('okta-token')}\n${of('okta-token')}\n`],
    'app-key': [of('app-key').slice(0, 900), of('app-key').replaceAll('\n', ' '), of('okta-token')],
    'pagerduty-key': [`${of('pagerduty-key')}\n${of('pagerduty-key')}`],
    'slack-address': [`${of('slack-address')}\n${of('slack-address')}`, of('slack-address').replace('http://', 'https://user:CANARY@')],
    'signing-key': [of('signing-key').slice(0, 15)],
    // In the policy itself, or as an argument of the command that should only print it.
    'oncall.yaml': [
      of('oncall.yaml').replace('{ file: ./okta-token }', of('okta-token')),
      of('oncall.yaml').replace('{ file: ./okta-token }', `{ ${of('okta-token')}: x }`),
      of('oncall.yaml').replace('[cat, ./pagerduty-key]', `[./no-such-program, ${of('pagerduty-key')}]`),
      of('oncall.yaml').replace('[cat, ./pagerduty-key]', '[sh, -c, "cat ./pagerduty-key ./app-key >&2; exit 3"]'),
    ],
  };
}

function changed(s: Stage, name: string, text: string): () => void {
  const before = s.read(name);
  s.write(name, text);
  return () => s.write(name, before);
}

/** A program on the PATH that leaves the address which it is to open in a file. */
function fakeBrowser(): { readonly folder: string; readonly opened: string } {
  const folder = mkdtempSync(join(tmpdir(), 'oncall-browser-'));
  const opened = join(folder, 'opened');
  writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\nprintf '%s' "$1" > ${opened}.new && mv ${opened}.new ${opened}\n`);
  chmodSync(join(folder, 'xdg-open'), 0o755);
  return { folder, opened };
}

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());

const signInFiles = (s: Stage): readonly string[] => filesBelow(s.folder).filter((path) => /\/sign-in\/tokens-[^/]+\.json$/.test(path));
