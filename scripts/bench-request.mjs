/**
 * Times `oncall request` as it is on the night: signed in at an issuer, PagerDuty asked, a member added to AWS IAM or to Okta, 50 ms for each call.
 * Against a process that only waits three such calls, one after the other, and against the script that people write instead.
 */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { coreOnly, wholeSdk, withOktaSdk } from './bench-okta-sdk.mjs';
import { bin, environment, interleaved, median, ratioOf, root, timed } from './bench-process.mjs';

export const callMs = 50;
/** No fewer can be waited for: who is on call and which ids are meant; whether she is in; the add. */
const roundTrips = 3;
export const keys = { PAGERDUTY_TOKEN: 'bench', OKTA_TOKEN: 'bench', AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' };
export const ownAws = {
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_PAGER: '',
};

export const aboutRequests = `What somebody waits for at night: \`oncall request\` as a whole process, signed in at an issuer (the ID token is kept and is verified anew each time), \
with PagerDuty and the directory as fakes in a process of their own that take ${callMs} ms for each call, over plain HTTP. Real HTTPS costs some 25 ms more on Node 20. \
The floor is a process that does nothing but wait three such calls, for no fewer can follow one another: who is on call and which ids are meant; whether she is in; the add. \
The script asks PagerDuty with curl, adds with \`aws iam add-user-to-group\` and leaves the removal to \`at\`; it reads nothing first and keeps no record.`;

export async function startProviders(delayMs = callMs) {
  const child = spawn(process.execPath, [join(root, 'scripts/bench-providers.mjs'), `--delay=${delayMs}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const address = await new Promise((ready, failed) => {
    child.stdout.once('data', (line) => ready(String(line).trim()));
    child.once('exit', (code) => failed(new Error(`the fake providers ended with ${code}`)));
  });
  return {
    address,
    /** Takes everybody out. */
    reset: () => fetch(`${address}/bench/reset`),
    /** The calls since the last time. */
    calls: async () => (await fetch(`${address}/bench/calls`)).json(),
    stop: () => child.stdin.end(),
  };
}

const policy = (address, [name, directory]) => `version: 1
ledger: ./oncall.db
identity: [ { kind: oidc, issuer: ${address}, clientId: bench, domains: [acme.dev] } ]
directories:
  ${name}: ${directory}
rosters:
  pagerduty: { token: { env: PAGERDUTY_TOKEN }, endpoint: ${address} }
roles:
  db-admin:
    targets: { ${name}: db-admins }
    allow: [ { onCall: pagerduty/PDB1234, until: shift } ]
`;

/** A folder where somebody is signed in and the sweep has run. */
function makeWorld(folder, address, directory) {
  const at = join(folder, directory[0]);
  mkdirSync(at);
  writeFileSync(join(at, 'oncall.yaml'), policy(address, directory), { mode: 0o600 });
  const home = { HOME: at, XDG_CONFIG_HOME: join(at, 'config'), XDG_CACHE_HOME: join(at, 'cache') };
  const options = { cwd: at, env: environment({ ...keys, ...ownAws, ...home, ONCALL_POLICY: join(at, 'oncall.yaml') }) };
  timed(process.execPath, [bin, 'login', '--device'], options);
  timed(process.execPath, [bin, 'sweep'], options);
  return { at, options };
}

/** What it got is given back, untimed, so that the next one begins as it did. */
function requester(world, providers, cli = bin) {
  let calls = [];
  const run = async () => {
    await Promise.all([providers.reset(), providers.calls()]);
    const { ms } = timed(process.execPath, [cli, 'request', 'db-admin'], world.options);
    calls = await providers.calls();
    timed(process.execPath, [bin, 'release', 'db-admin'], world.options);
    return ms;
  };
  return { run, shape: () => shapeOf(calls) };
}

/** How many calls, and the longest row of those to the directory that did not overlap: so often somebody waited for it. */
export function shapeOf(calls) {
  let [waits, end] = [0, Number.NEGATIVE_INFINITY];
  const directory = calls.filter(({ action }) => action !== 'GET /oncalls');
  for (const { from, to } of directory.toSorted((a, b) => a.to - b.to)) {
    if (from < end) continue;
    waits += 1;
    end = to;
  }
  return `${calls.length} calls, ${waits} after one another`;
}

const script = `set -e
on_call=$(curl -fsSg -H "Authorization: Token token=$PAGERDUTY_TOKEN" -H "Accept: application/vnd.pagerduty+json;version=2" \\
  "$PROVIDERS/oncalls?schedule_ids[]=PDB1234&include[]=users")
grep -q '"email":"maria@acme.dev"' <<<"$on_call"
"$AWS" iam add-user-to-group --user-name maria --group-name db-admins --endpoint-url "$PROVIDERS"
echo "$AWS iam remove-user-from-group --user-name maria --group-name db-admins --endpoint-url $PROVIDERS" | at now + 12 hours
`;

/** Removes the job again: it is the bench's, and nobody waits for it. */
function scripts(world, providers, aws) {
  const options = { ...world.options, env: { ...world.options.env, PROVIDERS: providers.address, AWS: aws } };
  return () => {
    const { ms, stderr } = timed('bash', ['-c', script], options);
    const job = /^job (\d+) at /m.exec(stderr)?.[1];
    if (job !== undefined) spawnSync('atrm', [job]);
    return ms;
  };
}

function onPath(program) {
  const found = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  const usable = found.filter((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return [...new Map(usable.map((path) => [realpathSync(path), path])).values()];
}

/** The quickest `aws` there is, so that nothing is won by a slow wrapper; or what is missing for the script. */
function findAws() {
  const missing = ['bash', 'curl', 'at', 'aws'].filter((program) => onPath(program).length === 0);
  if (missing.length > 0) return { missing };
  const tried = onPath('aws').map((path) => {
    const [first, second] = [0, 1].map(() => timed(path, ['--version'], { env: environment(ownAws) }));
    return { path, ms: Math.min(first.ms, second.ms), version: (first.stdout || first.stderr).split(' ')[0] };
  });
  return tried.sort((a, b) => a.ms - b.ms)[0];
}

const times = (name, samples, base, what, goal) => {
  const ratio = ratioOf(samples, base);
  const limit = goal === undefined ? '' : `<= ${goal} x ${what}`;
  return { name, measured: `${ratio.toFixed(2)} x ${what}`, limit, more: `${median(samples).toFixed(0)} ms`, missed: ratio > goal };
};

function scriptRows(ours, theirs, floor, aws) {
  if (theirs === undefined)
    return [{ name: 'script of curl, aws and at', measured: 'skipped', limit: '', more: `not installed: ${aws.missing.join(', ')}` }];
  return [
    times('the same, against the script', ours, theirs, 'script', 0.6),
    times(`script: curl, ${aws.version}, at`, theirs, floor, 'floor'),
  ];
}

/** Rows: `name`, `measured`, `limit`, `more`, `missed`. */
export async function measureRequests(folder, rounds) {
  const providers = await startProviders();
  const variants = [];
  try {
    const { address } = providers;
    const iam = makeWorld(folder, address, ['aws-prod', `{ kind: aws-iam, endpoint: ${address}, userName: local-part }`]);
    const okta = makeWorld(folder, address, ['okta', `{ orgUrl: ${address}, token: { env: OKTA_TOKEN } }`]);
    for (const variant of [wholeSdk, coreOnly]) variants.push(await withOktaSdk(variant));
    const aws = findAws();
    const [onIam, onOkta] = [requester(iam, providers), requester(okta, providers)];
    const contenders = [
      () => timed(process.execPath, ['-e', `setTimeout(() => {}, ${roundTrips * callMs})`], iam.options).ms,
      onIam.run,
      onOkta.run,
      ...variants.map(({ cli }) => requester(okta, providers, cli).run),
      ...(aws.missing ? [] : [scripts(iam, providers, aws.path)]),
    ];
    const [floor, ours, oktas, whole, core, theirs] = await interleaved(contenders, rounds);
    return [
      times(`floor: node, setTimeout(${roundTrips * callMs})`, floor, floor, 'floor'),
      times(`oncall request, PagerDuty and AWS IAM (${onIam.shape()})`, ours, floor, 'floor', 2.2),
      ...scriptRows(ours, theirs, floor, aws),
      times(`oncall request, PagerDuty and Okta (${onOkta.shape()})`, oktas, floor, 'floor'),
      times("the same, if all of Okta's SDK were loaded", whole, floor, 'floor'),
      times('the same, if only its HTTP core were', core, floor, 'floor'),
    ];
  } finally {
    for (const { remove } of variants) remove();
    providers.stop();
  }
}
