/** Times `oncall request` for a role whose rules need one roster, and for one whose rules need three, which all take long to answer: three asked at the same time cost what one does. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, environment, interleaved, median, ratioOf, timed } from './bench-process.mjs';
import { startProviders } from './bench-request.mjs';

const slowMs = 300;
const secrets = { PAGERDUTY_TOKEN: 'bench', OPSGENIE_KEY: 'bench', INCIDENT_IO_KEY: 'bench' };

export const aboutRosters = `\`oncall request\` as a whole process, local directory, for a role whose rules ask PagerDuty, Opsgenie and incident.io who is on call, \
each a fake that takes ${slowMs} ms for each call. Held against the same request where the rules ask PagerDuty alone: a decision on three sources is to cost the slowest of them, not the sum.`;

const policy = (address) => `version: 1
ledger: ./oncall.db
directories:
  local: { path: ./groups.json }
rosters:
  pagerduty: { token: { env: PAGERDUTY_TOKEN }, endpoint: ${address} }
  opsgenie: { key: { env: OPSGENIE_KEY }, endpoint: ${address} }
  incident-io: { key: { env: INCIDENT_IO_KEY }, endpoint: ${address} }
roles:
  one:
    targets: { local: one }
    allow: [ { onCall: pagerduty/PDB1234, until: shift } ]
  three:
    targets: { local: three }
    allow:
      - { onCall: pagerduty/PDB1234, until: shift }
      - { onCall: opsgenie/primary, until: shift }
      - { onCall: incident-io/01G0J1EXE7AXZ2C93K61WBPYEH, until: shift }
`;

function makeWorld(folder, address) {
  const at = join(folder, 'rosters');
  mkdirSync(at);
  writeFileSync(join(at, 'oncall.yaml'), policy(address), { mode: 0o600 });
  writeFileSync(join(at, 'groups.json'), JSON.stringify({ users: ['maria@acme.dev'], groups: { one: [], three: [] } }));
  const home = { HOME: at, XDG_CACHE_HOME: join(at, 'cache'), XDG_STATE_HOME: join(at, 'state') };
  const env = environment({ ...secrets, ...home, ONCALL_POLICY: join(at, 'oncall.yaml'), ONCALL_USER: 'maria@acme.dev' });
  const options = { cwd: at, env };
  timed(process.execPath, [bin, 'sweep'], options);
  return options;
}

/** Rows: `name`, `measured`, `limit`, `more`, `missed`. */
export async function measureRosters(folder, rounds) {
  const providers = await startProviders(slowMs);
  try {
    const options = makeWorld(folder, providers.address);
    const calls = new Map();
    /** What it got is given back, untimed, so that the next one begins as it did. */
    const request = (role) => async () => {
      await providers.calls();
      const { ms } = timed(process.execPath, [bin, 'request', role], options);
      calls.set(role, (await providers.calls()).length);
      timed(process.execPath, [bin, 'release', role], options);
      return ms;
    };
    const floor = () => timed(process.execPath, ['-e', `setTimeout(() => {}, ${slowMs})`], options).ms;
    const [waited, one, three] = await interleaved([floor, request('one'), request('three')], rounds);
    const ms = (samples) => `${median(samples).toFixed(0)} ms`;
    const [ofOne, ofFloor] = [ratioOf(three, one), ratioOf(three, waited)];
    return [
      { name: `floor: node, setTimeout(${slowMs})`, measured: '1.00 x floor', limit: '', more: ms(waited), missed: false },
      {
        name: `oncall request, one roster (${calls.get('one')} call)`,
        measured: `${ratioOf(one, waited).toFixed(2)} x floor`,
        limit: '',
        more: ms(one),
        missed: false,
      },
      {
        name: `oncall request, three rosters (${calls.get('three')} calls)`,
        measured: `${ofFloor.toFixed(2)} x floor`,
        limit: '',
        more: ms(three),
        missed: false,
      },
      {
        name: 'the same, against one roster',
        measured: `${ofOne.toFixed(2)} x one`,
        limit: '<= 1.3 x one',
        more: ms(three),
        missed: ofOne > 1.3,
      },
    ];
  } finally {
    providers.stop();
  }
}
