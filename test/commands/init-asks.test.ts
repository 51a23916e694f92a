/** `init` at a terminal: what it asks, what it does where an answer fails its check, and that nothing is written before the last yes. */

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Prompts } from '../../src/terminal/prompt.ts';
import type { FakeIo } from '../fakes/io.ts';
import { hasScript, onTerminal, scriptMissing, type Typed } from '../fakes/terminal.ts';
import { argvOf, beforehand, type Flags, type Folder, file, newFolder } from './init-world.ts';

let folder: Folder;
beforeEach(() => {
  folder = newFolder();
});
afterEach(() => folder.remove());

/** By how a question begins; a list is answered one after the other, the last again and again. `''`: Enter; `Backspace` takes out what Enter would keep. */
type Answers = Readonly<Record<string, string | readonly string[]>>;

/** `meanwhile`: what somebody does elsewhere who is asked what now, shown all that was printed. */
function person(answers: Answers, meanwhile: (printed: string) => void = () => undefined) {
  const asked: { message: string; start: unknown; refused: string | undefined }[] = [];
  let press = (): void => undefined;
  let printed = (): string => '';
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
      if (message === 'What now?') meanwhile(printed());
      const typed = answer(message);
      const chosen =
        typed === '' ? (choices.find(({ value }) => value === start) ?? choices[0]) : choices.find(({ name }) => name.startsWith(typed));
      if (chosen === undefined) throw new Error(`${message} has no choice ${typed}`);
      return chosen.value;
    },
    input: async (message, check, start) => {
      for (let tries = 0; tries < 3; tries += 1) {
        const key = answer(message);
        const typed = key === 'Backspace' ? '' : key || (start ?? '');
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
    printed = io.err;
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

  it('keeps by Enter what was answered before, also to what is optional', async () => {
    const answers = { ...all, 'For how long': ['4h', ''], 'Who may say yes': ['nobodies', 'leads'], 'Who may ask': ['engineering', ''] };
    const { exit, asked } = await init({ ...answers, 'What now': 'correct' }, file);
    expect(exit).toBe(0);
    const starts = (begins: string) => asked.filter(({ message }) => message.startsWith(begins)).map(({ start }) => start);
    expect(starts('What do people call it')).toEqual(['db-admins', 'db-admins']);
    expect(starts('For how long')).toEqual(['12h', '4h']);
    expect(starts('Who may say yes')).toEqual([undefined, 'nobodies']);
    expect(starts('Who may ask')).toEqual([undefined, 'engineering']);
    expect(parse(folder.text()).roles['db-admins']).toMatchObject({
      ttl: { max: '4h' },
      ask: [{ member: 'local/engineering' }],
      approvers: [{ member: 'local/leads' }],
    });
  });

  it('keeps every answer of a part, so that one is corrected by typing one', async () => {
    const wrongly = {
      'Which schedule': ['nothing', 'db-primary'],
      'In which file are the shifts': ['schedule.yaml', ''],
      'What now': 'correct',
    };
    const { exit, asked } = await init({ ...all, ...wrongly, 'Who knows': ['a YAML file', ''] });
    const again = asked.slice(asked.findIndex(({ message }) => message === 'What now?')).slice(1, 4);
    expect([exit, again.map(({ start }) => start)]).toEqual([0, ['file', 'schedule.yaml', 'nothing']]);
  });

  it('says how an answer to what is optional is taken out, where Enter would keep it', async () => {
    const twice = { 'Who may say yes': ['nobodies', 'Backspace', ''], 'What do people call': ['', 'x'.repeat(300), 'db-admins'] };
    const { exit, asked } = await init({ ...all, ...twice, 'What now': 'correct' }, file);
    expect([exit, parse(folder.text()).roles['db-admins'].approvers]).toEqual([0, undefined]);
    const questions = asked.filter(({ message }) => message.startsWith('Who may say yes'));
    expect(questions.map(({ message }) => message.includes('Backspace takes this out'))).toEqual([false, true, false]);
  });

  it('needs a schedule of the roster: empty is no answer', async () => {
    const { exit, asked } = await init({ ...all, 'Which schedule': [' ', 'db-primary'] });
    expect([exit, parse(folder.text()).roles['db-admins'].allow]).toEqual([0, [{ onCall: 'file/db-primary', until: 'shift' }]]);
    const [empty] = asked.filter(({ message }) => message.startsWith('Which schedule'));
    expect(empty?.refused).toContain('an answer is needed');
    const { exit: refused, err } = await init(all, { ...file, 'on-call': ' ', output: 'next.yaml' }, '--yes');
    expect([refused, err]).toEqual([2, expect.stringContaining('--on-call has no value')]);
  });

  it('says the form of an answer at its question, and writes it so where the meaning is plain', async () => {
    const flags = { admin: 'ana@acme.dev', directory: 'okta', group: 'x', 'okta-token': 'env:NOT_SET' };
    const typed = { 'What is the org': ['http://acme.okta.com', 'acme okta', '127.0.0.1:9'], 'What now': ['go on', 'stop'] };
    const { asked } = await init({ ...typed, 'Who knows': 'nobody', 'What is the issuer': 'acme', 'On which port': '80' }, flags);
    const refused = asked.filter(({ message }) => message.startsWith('What is the org')).map((one) => one.refused);
    const form = "write the org's https:// address alone, such as https://acme.okta.com";
    expect(refused).toEqual([form, form, undefined]);
    const [issuer] = asked.filter(({ message }) => message.startsWith('What is the issuer'));
    expect(issuer?.refused).toContain('such as https://acme.okta.com/oauth2/default');
  });

  it('says before the first question which flag is not right', async () => {
    const { exit, err, asked } = await init(all, { ...file, ttl: '12', domains: 'acme dev@' });
    expect([exit, asked, err]).toEqual([2, [], expect.stringContaining('--ttl and --domains are not right')]);
  });

  it('says which commands make the files that are not there, checks again with the same answers, and lets somebody in', async () => {
    for (const name of ['groups.json', 'schedule.yaml']) rmSync(join(folder.path, name));
    const at = person({ ...all, 'Who may say yes': '', 'What now': 'check again' }, (printed) => {
      const commands = [...printed.matchAll(/next: make one to begin with: \$ (printf .*)\n/g)].map((match) => match[1] ?? '');
      spawnSync('sh', ['-c', commands.at(-1) ?? 'false'], { cwd: '/' });
    });
    const { exit, out } = await folder.run(['init'], at);
    expect(exit).toBe(0);
    expect(at.questions().filter((message) => message === 'What now?')).toHaveLength(2);
    expect(at.questions().filter((message) => message.startsWith('Which group'))).toHaveLength(1);
    expect(JSON.parse(folder.textOf('groups.json'))).toEqual({ users: ['ana@acme.dev'], groups: { 'db-admins': [] } });
    expect(parse(folder.textOf('schedule.yaml'))).toEqual({ schedules: { 'db-primary': [{ user: 'ana@acme.dev' }] } });
    expect(out).toContain(`ONCALL_USER=ana@acme.dev oncall --policy ${folder.file} request db-admins`);
    expect((await folder.run(['sweep'])).exit).toBe(0);
    expect((await folder.run(['request', 'db-admins'], { user: 'ana' })).exit).toBe(0);
  });

  it('has those commands first at the end, where somebody went on without the files', async () => {
    for (const name of ['groups.json', 'schedule.yaml']) rmSync(join(folder.path, name));
    const { exit, out } = await init({ ...all, 'Who may say yes': '', 'What now': 'go on' });
    const next = out
      .slice(out.indexOf('next: '))
      .split('\n')
      .map((line) => line.trim());
    expect([exit, next.slice(0, 3)]).toEqual([
      0,
      [
        expect.stringMatching(/^next: make one to begin with: \$ printf .*> \S*\/groups\.json$/),
        expect.stringMatching(/^make one to begin with: \$ printf .*> \S*\/schedule\.yaml$/),
        expect.stringContaining(' sweep '),
      ],
    ]);
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
    chmodSync(folder.path, 0o777);
    const flags = { admin: 'ana@acme.dev', directory: 'okta', 'okta-url': 'https://acme.invalid', 'okta-token': 'env:NOT_SET', group: 'x' };
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

const root = resolve(import.meta.dirname, '../..');

describe.skipIf(!hasScript)(`init on a real terminal${scriptMissing}`, () => {
  it('is answered by keys alone, and writes a policy that an editor knows the schema of', async () => {
    const keys: Typed = [
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
      ['Who may say yes to others?', 'nobodies\r'],
      ['Who may ask them?', 'engineering\r'],
      ['What now?', '\r'],
      ['What do people call it', '\r'],
      ['For how long at most?', '\r'],
      ['Backspace takes this out', '\u007f\r'],
      ['What runs the sweep', '\r'],
      ['Write this to', '\r'],
    ];
    const { exit, out } = await atTerminal(keys);
    expect([exit, out]).toEqual([0, expect.stringContaining(`${folder.file} is written`)]);
    expect(folder.text()).toContain(`# yaml-language-server: $schema=${join(root, 'schema/oncall.schema.json')}\n`);
    expect(existsSync(join(root, 'schema/oncall.schema.json'))).toBe(true);
    const { ttl, approvers } = parse(folder.text()).roles['db-admins'];
    expect([ttl, approvers]).toEqual([{ default: '4h', max: '4h' }, undefined]);
    expect((await folder.check()).exit).toBe(0);
    expect(out).toContain(`*/5 * * * * ${join(root, 'bin/oncall.js')} --policy ${folder.file} sweep`);
  });
});

function atTerminal(typed: Typed) {
  const env = { PATH: process.env['PATH'], HOME: folder.path, XDG_STATE_HOME: folder.path, ONCALL_USER: 'maria@acme.dev', TERM: 'xterm' };
  return onTerminal({ command: `${process.execPath} ${join(root, 'bin/oncall.js')} init`, columns: 100, cwd: folder.path, env }, typed);
}
