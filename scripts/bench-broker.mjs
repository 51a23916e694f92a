/**
 * Times commands that go through a broker, what a broker bears, and how soon one that was killed serves again. A broker is `oncall serve` of the
 * built program, but for its limits on how often somebody may call.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { endBroker, makeParts, makeSeat, startBroker, startHelper } from './bench-broker-parts.mjs';
import { bin, environment, interleaved, median, peakMemoryMb, ratioOf, timed } from './bench-process.mjs';
import { callMs, keys, ownAws, shapeOf, startProviders } from './bench-request.mjs';
import { fill } from './bench-scale-ledger.mjs';

const roundTrips = 3;
const connections = 32;
const live = 10;

export const aboutBrokers = `The same request, typed on a laptop that is signed in to a broker: the whole process of the client, over TLS, with a token that is kept and \
fresh; the broker asks PagerDuty and Okta, which take ${callMs} ms for each call, as above. The floor waits the same three calls and no more. \
The client alone has NODE_EXTRA_CA_CERTS, with the one certificate of this broker in it.

Calls of \`status\` are made by ${connections} connections that stay open, over plain HTTP on loopback, with a ledger of 10,000 past and ${live} live grants, on these \
two cores beside the process that calls. The route they are held against (\`scripts/bench-broker-bare.mjs\`) checks the same RS256 token with jose, reads the same grants \
with one SELECT by the same driver, and sends an answer of the same length. The broker has checked the token before, and remembers it; and what is asked at the same time \
it reads at one instant, once. That is worth nothing to who calls alone: then a transaction of six SELECTs and a look at a file stand against one, and that is the last line of the three. \
The measured broker has no limit on how often somebody calls; all else is as it ships.`;

const policy = (issuer, ledger = './oncall.db') => `version: 1
ledger: ${ledger}
identity: [ { kind: oidc, issuer: ${issuer}, clientId: bench, domains: [acme.dev] } ]
admins: [ { user: maria@acme.dev } ]
directories:
  okta: { orgUrl: '${issuer}', token: { env: OKTA_TOKEN } }
rosters:
  pagerduty: { token: { env: PAGERDUTY_TOKEN }, endpoint: ${issuer} }
roles:
  db-admin:
    targets: { okta: db-admins }
    allow: [ { onCall: pagerduty/PDB1234, until: shift } ]
`;

/** Where a broker runs; swept once, so that it grants. */
function makeHost(folder, name, issuer, more = {}) {
  const at = join(folder, name);
  mkdirSync(at);
  writeFileSync(join(at, 'oncall.yaml'), policy(issuer, more.ledger), { mode: 0o600 });
  for (const [file, text] of Object.entries(more.files ?? {})) writeFileSync(join(at, file), text, { mode: 0o600 });
  const own = { HOME: at, XDG_CACHE_HOME: join(at, 'cache'), XDG_STATE_HOME: join(at, 'state'), XDG_CONFIG_HOME: join(at, 'config') };
  const options = { cwd: at, env: environment({ ...keys, ...ownAws, ...own, ONCALL_POLICY: join(at, 'oncall.yaml') }) };
  // Whoever runs it signs in by themselves: the sweep is nobody's.
  timed(process.execPath, [bin, 'sweep'], options);
  return { at, options };
}

function makeLaptop(folder, { origin, caFile }) {
  const at = join(folder, 'laptop');
  mkdirSync(at);
  const { ONCALL_POLICY: _, ...env } = environment({
    HOME: at,
    XDG_CONFIG_HOME: join(at, 'config'),
    XDG_CACHE_HOME: join(at, 'cache'),
    NODE_EXTRA_CA_CERTS: caFile,
  });
  const options = { cwd: at, env };
  timed(process.execPath, [bin, 'login', origin, '--device'], options);
  return { at, options };
}

const row = (name, measured, unit, limit, isMissed, more = '') => ({
  name,
  measured: `${measured} ${unit}`,
  limit: limit === undefined ? '' : `${limit} ${unit}`,
  more,
  missed: isMissed,
});

const inPlain = (port) => ['--listen', `127.0.0.1:${port}`, '--url', `http://127.0.0.1:${port}`];

async function requests(host, seat, folder, providers, parts, rounds) {
  const tls = ['--listen', `127.0.0.1:${seat.port}`, '--url', seat.origin, '--tls-cert', seat.caFile, '--tls-key', seat.keyFile];
  const broker = await startBroker(parts.cli, tls, host.options);
  try {
    const laptop = makeLaptop(folder, seat);
    let calls = [];
    const typed = async () => {
      await Promise.all([providers.reset(), providers.calls()]);
      const { ms } = timed(process.execPath, [bin, 'request', 'db-admin'], laptop.options);
      calls = await providers.calls();
      timed(process.execPath, [bin, 'release', 'db-admin'], laptop.options);
      return ms;
    };
    const [start, floor, ours, looks] = await interleaved(
      [
        () => timed(process.execPath, ['-e', '0'], host.options).ms,
        () => timed(process.execPath, ['-e', `setTimeout(() => {}, ${roundTrips * callMs})`], host.options).ms,
        typed,
        () => timed(process.execPath, [bin, 'status'], laptop.options).ms,
      ],
      rounds,
    );
    const ratio = ratioOf(ours, floor);
    const shape = shapeOf(calls);
    const memory = ['request db-admin', 'status'].map((command) => [command, peakMemoryMb(laptop, command.split(' '))]);
    return [
      row(`floor: node, setTimeout(${roundTrips * callMs})`, '1.00', 'x floor', undefined, false, `${median(floor).toFixed(0)} ms`),
      row(
        `oncall request through a broker (${shape})`,
        ratio.toFixed(2),
        'x floor',
        '<= 1.6',
        ratio > 1.6,
        `${median(ours).toFixed(0)} ms`,
      ),
      row(
        'oncall status through a broker',
        ratioOf(looks, start).toFixed(2),
        'x node -e 0',
        undefined,
        false,
        `${median(looks).toFixed(0)} ms`,
      ),
      ...memory.map(([command, mb]) => row(`oncall ${command}, peak memory of the client`, mb.toFixed(0), 'MB', '<= 60', mb > 60)),
    ];
  } finally {
    await endBroker(broker);
  }
}

/** As somebody who has just signed in holds it, with the keys to check it by. */
async function tokenOf(issuer) {
  const [{ id_token: token }, keySet] = await Promise.all(
    ['/token', '/keys'].map(async (path) => (await fetch(`${issuer}${path}`)).json()),
  );
  return { token, keys: keySet };
}

async function statuses(host, port, issuer, cli, rounds) {
  await fill(join(host.at, 'oncall.db'), { past: 10_000, live });
  const { token, keys: keySet } = await tokenOf(issuer);
  const broker = await startBroker(cli, inPlain(port), host.options);
  const helpers = [];
  try {
    const answer = await (
      await fetch(`http://127.0.0.1:${port}/v1/status`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: '{}',
      })
    ).json();
    if (answer.result?.grants.length !== live) throw new Error(`not the status that was wanted: ${JSON.stringify(answer)}`);
    const bareOptions = JSON.stringify({ ledger: join(host.at, 'oncall.db'), issuer, audience: 'bench', keys: keySet, answer });
    const bare = startHelper('bench-broker-bare.mjs', bareOptions);
    const caller = startHelper('bench-broker-load.mjs');
    helpers.push(bare, caller);
    const theirs = Number(new URL(await bare.line()).port);
    const rate = async (at, many) => {
      caller.child.stdin.write(`${JSON.stringify({ port: at, token, connections: many, ms: 1500 })}\n`);
      const { calls, ms } = JSON.parse(await caller.line());
      return (calls / ms) * 1000;
    };
    const rates = await interleaved(
      [connections, 1].flatMap((many) => [() => rate(theirs, many), () => rate(port, many)]),
      rounds,
    );
    const [bareRates, ourRates, bareAlone, ourAlone] = rates;
    const [ratio, alone] = [ratioOf(ourRates, bareRates), ratioOf(ourAlone, bareAlone)];
    const perSecond = (samples) => `${median(samples).toFixed(0)} calls/s`;
    return [
      row('bare route: hono, jose, one SELECT', '1.00', 'x bare', undefined, false, perSecond(bareRates)),
      row('status at a broker', ratio.toFixed(2), 'x bare', '>= 0.8', ratio < 0.8, perSecond(ourRates)),
      row('the same, one call at a time', alone.toFixed(2), 'x bare', undefined, false, perSecond(ourAlone)),
    ];
  } finally {
    for (const helper of helpers) helper.stop();
    await endBroker(broker);
  }
}

/** Until /readyz says so, from the moment of the kill; whoever restarts it does so at once. */
async function restarts(host, name, { cli, port }, times) {
  const args = inPlain(port);
  let broker = await startBroker(cli, args, host.options);
  const samples = [];
  try {
    for (let round = 0; round < times; round += 1) {
      const from = performance.now();
      await endBroker(broker, 'SIGKILL');
      broker = await startBroker(cli, args, host.options);
      while ((await readiness(port)) !== 200) await new Promise((resolve) => setTimeout(resolve, 10));
      samples.push((performance.now() - from) / 1000);
    }
  } finally {
    await endBroker(broker);
  }
  const seconds = median(samples);
  return row(`kill -9 of a broker until it is ready again, ${name}`, seconds.toFixed(2), 's', '<= 2', seconds > 2);
}

const readiness = (port) =>
  new Promise((resolve) =>
    get(`http://127.0.0.1:${port}/readyz`, { agent: false }, (answer) => resolve(answer.resume().statusCode)).on('error', () => resolve(0)),
  );

async function onPostgres({ fakes }, folder, issuer, measure) {
  if (fakes.noPostgres !== undefined)
    return { name: 'the same, on PostgreSQL', measured: 'skipped', limit: '', more: fakes.noPostgres, missed: false };
  const server = await fakes.startPostgres();
  try {
    const url = server.url(await server.createDatabase());
    const host = makeHost(folder, 'postgres', issuer, {
      ledger: '{ postgres: { file: ./database-url } }',
      files: { 'database-url': `${url}\n` },
    });
    return await measure(host);
  } finally {
    await server.remove();
  }
}

/** Rows: `name`, `measured`, `limit`, `more`, `missed`. */
export async function measureBrokers(folder, rounds) {
  const own = join(folder, 'broker');
  mkdirSync(own);
  const [providers, parts] = [await startProviders(), await makeParts()];
  try {
    const issuer = providers.address;
    const seat = await makeSeat(own, parts.fakes.makeCertificate);
    const [host, filled] = ['host', 'filled'].map((name) => makeHost(own, name, issuer));
    const at = { cli: parts.cli, port: seat.port };
    return [
      ...(await requests(host, seat, own, providers, parts, rounds)),
      ...(await statuses(filled, seat.port, issuer, parts.cli, rounds)),
      await restarts(filled, 'SQLite', at, Math.min(rounds, 7)),
      await onPostgres(parts, own, issuer, (other) => restarts(other, 'PostgreSQL', at, Math.min(rounds, 7))),
    ];
  } finally {
    parts.remove();
    providers.stop();
  }
}
