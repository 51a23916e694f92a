/** Plays one night on call through the real command line, in a folder of its own, and checks that every step came out as it says. Needs no account anywhere. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const bin = join(root, 'bin/oncall.js');
const hour = 3_600_000;

const say = (text = '') => process.stdout.write(`${text}\n`);
const heading = (text) => say(`\n# ${text}`);

function makeScratch() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'oncall-quickstart-')));
  cpSync(join(root, 'examples/quickstart'), folder, { recursive: true });
  const at = (ms) => `${new Date(Date.now() + ms).toISOString().slice(0, 16)}:00Z`;
  // Maria's shift is under way and ends before the 12 hours she will ask for; Kim's comes after it.
  const [start, change, end] = [at(-2 * hour), at(6 * hour), at(14 * hour)];
  const shift = (user, from, to) => `    - { user: ${user}@example.com, start: ${from}, end: ${to} }\n`;
  const shifts = shift('maria', start, change) + shift('kim', change, end);
  writeFileSync(join(folder, 'schedule.yaml'), `# Who is on call.\nschedules:\n  db-primary:\n${shifts}`);
  return folder;
}

/** What surrounds the person who typed `npm run quickstart` must not decide how this comes out. */
function cleanEnv(folder) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ONCALL_') && name !== 'FORCE_COLOR'));
  return {
    ...env,
    ONCALL_POLICY: join(folder, 'oncall.yaml'),
    XDG_CACHE_HOME: join(folder, '.cache'),
    XDG_STATE_HOME: join(folder, '.state'),
  };
}

function makeStage(folder) {
  const env = cleanEnv(folder);
  const wrong = [];

  const expect = (what, holds) => {
    if (holds) return;
    wrong.push(what);
    say(`!! not as it should be: ${what}`);
  };

  /** `line` as a person types it: `maria: request db-admin` runs as her. */
  const run = (line, { exit, shows = [] }) => {
    const [, person, args] = /^(?:(\w+): )?(.*)$/.exec(line);
    const who = person === undefined ? {} : { ONCALL_USER: `${person}@example.com` };
    say(`$ ${person === undefined ? '' : `ONCALL_USER=${who.ONCALL_USER} `}oncall ${args}`);
    const done = spawnSync(process.execPath, [bin, ...args.split(' ')], { cwd: folder, env: { ...env, ...who }, encoding: 'utf8' });
    const output = `${done.stdout}${done.stderr}`;
    say(output.trimEnd() || '(prints nothing: there was nothing to do)');
    if (done.status !== 0) say(`(exit ${done.status})`);
    expect(`exit ${exit} of: oncall ${args} (it was ${done.status})`, done.status === exit);
    for (const text of shows) expect(`"${text}" in the output of: oncall ${args}`, output.includes(text));
    return output;
  };

  const dbAdmins = (wanted) => {
    const { groups } = JSON.parse(readFileSync(join(folder, 'groups.json'), 'utf8'));
    say(`$ node -p 'require("./groups.json").groups["db-admins"]'`);
    say(groups['db-admins'].length === 0 ? '[]' : `[ '${groups['db-admins'].join("', '")}' ]`);
    expect(`db-admins is [${wanted}]`, groups['db-admins'].join() === wanted.join());
  };

  return { run, dbAdmins, expect, wrong };
}

async function play(folder) {
  const { run, dbAdmins, expect, wrong } = makeStage(folder);
  heading('The policy, the groups and the schedule are three files in a folder of their own.');
  say(`$ cd ${folder}\n$ export ONCALL_POLICY=$PWD/oncall.yaml\n$ alias oncall='node ${bin}'`);

  heading('The sweep ends access; without a recent one nobody gets in. Elsewhere cron runs it every 5 minutes.');
  expect('the first sweep prints nothing', run('sweep', { exit: 0 }).trim() === '');

  heading('Maria is paged. She is on call and is in at once, until her shift ends.');
  run('maria: request db-admin --hours 12', { exit: 0, shows: ['db-admin until', 'not the 12 h you asked', 'local/db-admins'] });
  dbAdmins(['maria@example.com']);

  heading('Sam is not, and is told why and what to do next.');
  run('sam: request db-admin --hours 12', { exit: 3, shows: ['not on call for', 'next:'] });
  run('status', { exit: 0, shows: ['maria@example.com'] });

  heading('Maria gives it back, asks for 3 seconds more, and forgets about it.');
  run('maria: release db-admin', { exit: 0 });
  dbAdmins([]);
  run('maria: request db-admin --for 3s', { exit: 0, shows: ['db-admin until'] });
  dbAdmins(['maria@example.com']);
  await new Promise((wait) => setTimeout(wait, 3500));

  heading('The next sweep ends it, and says what it removed.');
  run('sweep', { exit: 0, shows: ['maria@example.com', 'local/db-admins'] });
  dbAdmins([]);
  return wrong;
}

async function main() {
  try {
    setup();
  } catch {
    return 1; // It has said why.
  }
  const folder = makeScratch();
  const wrong = await play(folder);
  if (wrong.length > 0) {
    say(`\n${wrong.length} of the above did not come out as it should; the files are in ${folder}`);
    return 1;
  }
  heading('Everything came out as it should. Three commands to try next, after the three lines at the top:');
  say('ONCALL_USER=kim@example.com oncall request db-admin --reason "slow queries"   # waits for an approver');
  say('ONCALL_USER=ana@example.com oncall approve                                    # what waits for her');
  say('ONCALL_USER=ana@example.com oncall audit list                                 # what happened, as an approver may read it');
  say(`\nTo clean up: rm -r ${folder}`);
  return 0;
}

process.exitCode = await main();
