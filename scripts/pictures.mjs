/** Makes the pictures of docs/pictures: the built program in a terminal of 80 columns (tmux), as people use it, on a policy of files in a scratch folder. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';
import { toSvg } from './terminal-svg.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const to = join(root, 'docs/pictures');
const [columns, rows] = [80, 40];
const prompt = /(?:^|\n)\$$/;

/** A shell in a terminal, in a folder where everything is that it may touch. */
function openTerminal(folder) {
  const tmux = (...args) => {
    const { status, stdout, stderr } = spawnSync('tmux', ['-S', join(folder, 'tmux'), '-f', '/dev/null', ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr.trim()}`);
    return stdout;
  };
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'oncall'), `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/oncall.js')}' "$@"\n`, { mode: 0o755 });
  // The zone of whoever makes them is of no concern; the times are those at which they were made.
  const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: folder, TERM: 'tmux-256color', LANG: 'C.UTF-8', TZ: 'America/New_York', PS1: '$ ' };
  const shell = ['env', '-i', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), 'sh'];
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), '-c', join(folder, 'team'), ...shell);
  const screen = () => tmux('capture-pane', '-p', '-e').trimEnd();
  const plain = () => tmux('capture-pane', '-p').trimEnd();
  const until = async (shown) => {
    for (const start = Date.now(); Date.now() - start < 20_000; await sleep(50)) {
      if (shown.test(plain())) return screen();
    }
    throw new Error(`the screen did not come to ${shown}:\n${plain()}`);
  };
  const type = (text) => tmux('send-keys', '-l', text);
  const press = (...keys) => tmux('send-keys', ...keys);
  return {
    screen,
    until,
    press,
    /** Types a line, and waits for the prompt of the shell, or for what is asked. */
    run: async (line, shown = prompt) => {
      type(line);
      // Else the prompt from before would be taken for the one after it.
      await until(/(?:^|\n)(?!\$$)[^\n]+$/);
      press('Enter');
      return until(shown);
    },
    close: () => tmux('kill-server'),
  };
}

const hour = 3_600_000;
const at = (ms) => new Date(Math.floor((Date.now() + ms) / 60_000) * 60_000).toISOString().replace('.000', '');

/** examples/4-task-roles, with its people on call in shifts of a night that is under way. */
function makeTeam(folder) {
  const team = join(folder, 'team');
  cpSync(join(root, 'examples/4-task-roles'), team, { recursive: true });
  rmSync(join(team, 'oncall.db'), { force: true });
  const shift = (user, from, until) => `    - { user: ${user}@example.com, start: ${at(from * hour)}, end: ${at(until * hour)} }\n`;
  const schedules = `  db-primary:\n${shift('bo', -2, 3)}${shift('maria', 3, 12)}  web-primary:\n${shift('maria', -2, 12)}`;
  writeFileSync(join(team, 'schedule.yaml'), `schedules:\n${schedules}`);
}

async function takePictures({ run, press, until }, save) {
  const as = async (name) => {
    await run(`export ONCALL_USER=${name}@example.com`);
    await run('clear');
  };
  await run('oncall sweep');
  await as('bo');
  await run('oncall request', /select$/);
  press('Down');
  await until(/❯ db-admin/);
  await save('request', 'oncall request asks which role, and says beside each what one would get');
  press('Enter');
  await until(/For how long.*select$/s);
  press('Enter');
  await until(prompt);
  await save('requested', 'a role was chosen, and is there at once, with its end');
  await as('maria');
  await run('oncall request server-admin');
  await as('sam');
  await run('oncall explain db-admin');
  await save('explain', 'oncall explain says which rules there are, which of them hold, and what would change that');
  await run('oncall request db-admin --reason "INC-42: replica lag since the failover"');
  await run('clear');
  await run('oncall status');
  await save('status', 'oncall status says who has what until when, and what waits');
  await as('ana');
  const id = /^(\S+) {2}db-admin/m.exec(await run('oncall approve --no-color'))?.[1];
  await run('clear');
  await run('oncall approve');
  await run(`oncall approve ${id}`);
  await save('approve', 'oncall approve shows what waits for a yes, with the facts that decide; then the yes');
}

async function main() {
  if (spawnSync('tmux', ['-V']).status !== 0) {
    const lines = [
      'error: pictures are made in a terminal that can be read',
      'why:  there is no tmux here',
      'next: install tmux, then: npm run pictures',
    ];
    process.stderr.write(`${lines.join('\n  ')}\n`);
    return 1;
  }
  setup();
  const folder = mkdtempSync(join(tmpdir(), 'oncall-pictures-'));
  makeTeam(folder);
  const terminal = openTerminal(folder);
  try {
    mkdirSync(to, { recursive: true });
    await terminal.until(prompt);
    await takePictures(terminal, async (name, title) => {
      writeFileSync(join(to, `${name}.svg`), toSvg(terminal.screen(), { title, columns }));
      process.stdout.write(`docs/pictures/${name}.svg\n`);
    });
    return 0;
  } finally {
    terminal.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();
