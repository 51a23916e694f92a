/** `init` at a terminal: what it asks, what it does where an answer fails its check, and that nothing is written before the last yes. */

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Prompts } from '../../src/terminal/prompt.ts';
import type { FakeIo } from '../fakes/io.ts';
import { argvOf, beforehand, type Flags, type Folder, file, newFolder } from './init-world.ts';

let folder: Folder;
beforeEach(() => {
  folder = newFolder();
});
afterEach(() => folder.remove());

/** By how a question begins; a list is answered one after the other, the last again and again. `''`: Enter. */
type Answers = Readonly<Record<string, string | readonly string[]>>;

function person(answers: Answers) {
  const asked: { message: string; start: unknown; refused: string | undefined }[] = [];
  let press = (): void => undefined;
  const left = new Map(Object.entries(answers).map(([begins, answer]) => [begins, [answer].flat()]));
  const answer = (message: string): string => {
    const found = [...left].find(([begins]) => message.startsWith(begins));
    if (found === undefined) return '';
    const [, [first = '', ...rest]] = found;
    if (rest.length > 0) left.set(found[0], rest);
    if (first === 'Ctrl-C') throw Object.assign(new Error('User force closed the prompt'), { name: 'ExitPromptError' });
    if (first === 'SIGINT') press();
    return first === 'SIGINT' ? '' : first;
  };
  const prompts: Prompts = {
    select: async (message, choices, start) => {
      asked.push({ message, start, refused: undefined });
      const typed = answer(message);
      const chosen =
        typed === '' ? (choices.find(({ value }) => value === start) ?? choices[0]) : choices.find(({ name }) => name.startsWith(typed));
      if (chosen === undefined) throw new Error(`${message} has no choice ${typed}`);
      return chosen.value;
    },
    input: async (message, check, start) => {
      for (let tries = 0; tries < 3; tries += 1) {
        const typed = answer(message) || (start ?? '');
        const refused = check(typed);
        asked.push({ message, start, refused });
        if (refused === undefined) return typed;
      }
      throw new Error(`${message} takes nothing`);
    },
    confirm: () => Promise.reject(new Error('not expected')),
    checkbox: () => Promise.reject(new Error('not expected')),
  };
  const meet = (io: FakeIo): void => {
    press = io.interrupt;
  };
  return { prompts, asked, meet, questions: () => asked.map(({ message }) => message.replace(/ \(.*\)/, '')) };
}

const init = (answers: Answers, flags: Flags = {}, ...more: readonly string[]) => {
  const at = person(answers);
  return folder.run(['init', ...argvOf(flags), ...more], at).then((run) => ({ ...run, ...at }));
};

const all: Answers = {
  'Who may end': 'ana@acme.dev',
  'Where does access live': 'a JSON file',
  'Which group': 'db-admins',
  'Who knows': 'a YAML file',
  'Which schedule': 'db-primary',
  'Who may say yes': 'leads',
  'Who may ask': 'engineering',
};

describe('init at a terminal', () => {
  it('asks for everything in turn, says what it found, shows the policy and writes it', async () => {
    const { exit, err, out, questions } = await init(all);
    expect(exit).toBe(0);
    expect(questions()).toEqual([
      "Who may end anybody's access, and read the whole audit?",
      'Where does access live?',
      'In which file are users and groups?',
      'Which group there gives the access?',
      'Who knows who is on call?',
      'In which file are the shifts?',
      'Which schedule lets people in?',
      'How do people prove who they are?',
      'What do people call it when they ask for it?',
      'For how long at most?',
      'Who may say yes to others?',
      'Who may ask them?',
      'What runs the sweep, which takes people out again?',
      `Write this to ${folder.file}?`,
    ]);
    expect(err).toContain('ok: local: 1 group found');
    expect(err).toContain(folder.text());
    expect(out).toContain('*/5 * * * * ');
    expect((await folder.check()).exit).toBe(0);
    expect(parse(folder.text()).roles['db-admins'].ask).toEqual([{ member: 'local/engineering' }]);
  });

  it('asks only for what no flag gave, and with --yes only for what has no usual answer', async () => {
    const { exit, questions } = await init({ 'Which group': 'db-admins' }, { admin: 'ana@acme.dev', directory: 'local', ...file }, '--yes');
    expect([exit, questions()]).toEqual([0, ['Which group there gives the access?']]);
  });

  it('lets an answer be corrected that fails its check, beside what was answered before', async () => {
    const { exit, err, asked } = await init({ ...all, 'Which group': ['nobodies', 'db-admins'], 'What now': 'correct' }, file);
    expect(exit).toBe(0);
    expect(err).toContain('error: local/nobodies does not pass its check\n  why:  there is no such group\n  next: correct the policy');
    expect(asked.filter(({ message }) => message.startsWith('Which group')).map(({ start }) => start)).toEqual([undefined, 'nobodies']);
    expect(asked.filter(({ message }) => message.startsWith('Where does')).map(({ start }) => start)).toEqual([undefined, 'local']);
    // What comes after it is none of the answers that are corrected.
    expect(asked.filter(({ message }) => message.startsWith('Who knows'))).toEqual([]);
    expect(parse(folder.text()).roles['db-admins'].targets).toEqual({ local: 'db-admins' });
  });

  it('goes on all the same where somebody wants to, asks that once, and says at the end what was not verified', async () => {
    const { exit, out, questions } = await init({ ...all, 'Which group': 'nobodies', 'What now': 'go on' });
    expect([exit, out]).toEqual([0, expect.stringContaining('not verified: local/nobodies: there is no such group')]);
    expect(questions().filter((message) => message === 'What now?')).toHaveLength(1);
  });

  it.each([
    ['stops where somebody wants to', { ...all, 'Which group': 'nobodies', 'What now': 'stop' }, 1],
    ['takes a no at the last question', { ...all, 'Write this': 'no' }, 1],
    ['is left by Ctrl-C at the first question', { ...all, 'Who may end': 'Ctrl-C' }, 130],
    ['is left by Ctrl-C at the last question', { ...all, 'Write this': 'Ctrl-C' }, 130],
  ])('%s, and nothing is written', async (_, answers, expected) => {
    const { exit, out } = await init(answers);
    expect([exit, out, folder.files()]).toEqual([expected, '', beforehand]);
  });

  it('asks nothing where a file is there already', async () => {
    writeFileSync(folder.file, 'mine');
    const { exit, questions } = await init(all);
    expect([exit, questions(), folder.text()]).toEqual([2, [], 'mine']);
  });

  it('says before any further question that others may write to the folder', async () => {
    chmodSync(folder.path, 0o777);
    const flags = { admin: 'ana@acme.dev', directory: 'okta', 'okta-url': 'https://acme.invalid', 'okta-token': 'env:NOT_SET', group: 'x' };
    const { exit, err, questions } = await init({ 'What now': 'stop' }, flags);
    expect([exit, err]).toEqual([2, expect.stringContaining(`next: chmod go-w ${folder.path}`)]);
    expect(questions()).toEqual(['Which API service app?', 'What now?']);
  });

  it('asks nothing more after an interrupt while an answer is checked', async () => {
    const flags = {
      admin: 'ana@acme.dev',
      directory: 'local',
      group: 'db-admins',
      ...file,
      issuer: 'http://127.0.0.1:9',
      'client-id': 'x',
    };
    const { exit, questions } = await init({ 'On which port': 'SIGINT', 'What now': 'stop' }, flags);
    expect([exit, questions().at(-1), folder.files()]).toEqual([130, 'On which port does a browser come back?', beforehand]);
  });

  it('writes where --policy says, too', async () => {
    const { exit, out } = await init(all, {}, '--policy', 'next.yaml', '--yes');
    expect([exit, out]).toEqual([0, expect.stringContaining(`${join(folder.path, 'next.yaml')} is written`)]);
  });

  it('offers nobody to go on with what policy check would not pass', async () => {
    const flags = { admin: 'ana@acme.dev', directory: 'okta', 'okta-url': 'http://acme.okta.com', 'okta-token': 'env:NOT_SET', group: 'x' };
    const { err } = await init({ 'What now': 'go on' }, flags);
    expect(err).toContain('What now? has no choice go on');
    expect((await init({ 'What now': 'stop' }, flags)).exit).toBe(2);
    expect(folder.files()).toEqual(beforehand);
  });

  it('takes no answer that is none, and repeats no secret', async () => {
    const flags = { admin: 'ana@acme.dev', directory: 'okta', 'okta-url': 'https://acme.invalid', group: 'x' };
    const answers = { 'Where is the API token': ['00aCANARY0000000000000000000000000000000', 'env:NOT_SET'], 'What now': 'stop' };
    const { asked, err } = await init(answers, flags);
    const token = asked.filter(({ message }) => message.startsWith('Where is the API token'));
    expect(token).toMatchObject([
      { start: 'env:OKTA_TOKEN', refused: expect.stringContaining('never the secret itself') },
      { refused: undefined },
    ]);
    expect(token.map(({ refused }) => refused).join() + err).not.toContain('CANARY');
    const { err: empty } = await init({ 'Who may end': ' ' });
    expect(empty).toContain('takes nothing');
  });
});

const hasScript = spawnSync('script', ['--version']).status === 0;
const root = resolve(import.meta.dirname, '../..');

describe.skipIf(!hasScript)(`init on a real terminal${hasScript ? '' : ' (skipped: there is no script(1) here to make one)'}`, () => {
  it('is answered by keys alone, and writes a policy that an editor knows the schema of', async () => {
    const keys: (readonly [appears: string, types: string])[] = [
      ["Who may end anybody's access", 'ana@acme.dev\r'],
      ['Where does access live?', '\u001b[A\u001b[B\u001b[B\u001b[B\r'],
      ['In which file are users and groups?', '\r'],
      ['Which group there gives the access?', 'db-admins\r'],
      ['Who knows who is on call?', '\u001b[B\u001b[B\u001b[B\u001b[B\r'],
      ['In which file are the shifts?', '\r'],
      ['Which schedule lets people in?', 'db-primary\r'],
      ['How do people prove who they are?', '\r'],
      ['What do people call it', '\r'],
      ['For how long at most?', '4h\r'],
      ['Who may say yes to others?', '\r'],
      ['What runs the sweep', '\r'],
      ['Write this to', '\r'],
    ];
    const { exit, out } = await onTerminal(keys);
    expect([exit, out]).toEqual([0, expect.stringContaining(`${folder.file} is written`)]);
    expect(folder.text()).toContain(`# yaml-language-server: $schema=${join(root, 'schema/oncall.schema.json')}\n`);
    expect(existsSync(join(root, 'schema/oncall.schema.json'))).toBe(true);
    expect(parse(folder.text()).roles['db-admins'].ttl).toEqual({ default: '4h', max: '4h' });
    expect((await folder.check()).exit).toBe(0);
    expect(out).toContain(`*/5 * * * * ${join(root, 'bin/oncall.js')} --policy ${folder.file} sweep`);
  });
});

/** Types each text when what stands before it has appeared. */
function onTerminal(typed: readonly (readonly [appears: string, types: string])[]) {
  const env = { PATH: process.env['PATH'], HOME: folder.path, XDG_STATE_HOME: folder.path, ONCALL_USER: 'maria@acme.dev', TERM: 'xterm' };
  const command = `stty cols 100; ${process.execPath} ${join(root, 'bin/oncall.js')} init`;
  const child = spawn('script', ['-qefc', command, '/dev/null'], { cwd: folder.path, env });
  const left = [...typed];
  let [out, seen] = ['', 0];
  child.stdout.on('data', (chunk) => {
    out += chunk;
    const [next] = left;
    if (next === undefined || !out.slice(seen).includes(next[0])) return;
    left.shift();
    seen = out.length;
    child.stdin.write(next[1]);
  });
  return new Promise<{ exit: number | null; out: string }>((done, fail) => {
    child.on('error', fail);
    child.on('close', (exit) => done({ exit, out: out.replaceAll(/\u001b\[[\d;?]*[A-Za-z]/g, '').replaceAll('\r', '') }));
  });
}
