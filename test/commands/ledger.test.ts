/** `ledger recover` and `audit verify` at the command line: what they ask, what they refuse, how they exit. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import type { Operations, RecoverInput, RecoverResult, Uncovered, VerifyResult } from '../../src/operations/types.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { type FakeIo, fakeIo, noon } from '../fakes/io.ts';
import { fakeWiring } from '../fakes/operations.ts';

const hash = 'ab'.repeat(32);
const head = { ledger: 'l', seq: 81, hash, at: noon };
const target = { directory: 'okta', group: 'db' };
const uncovered: readonly Uncovered[] = [
  {
    id: 'maria@acme.dev@okta/db',
    holder: 'maria@acme.dev',
    people: ['maria@acme.dev'],
    target,
    known: 'unknown',
    because: 'nothing is known',
  },
  { id: 'sam@acme.dev@okta/db', holder: 'sam@acme.dev', people: ['sam@acme.dev'], target, known: 'holder', because: 'had it once' },
  { id: 'old@acme.dev@okta/db', holder: 'old@acme.dev', people: ['old@acme.dev'], target, known: 'before', because: 'was in' },
];
const fault = 'the ledger has lost what it knew';

async function run(argv: readonly string[], answers: Partial<Operations>, io: FakeIo = fakeIo()) {
  const wiring = fakeWiring(answers);
  const exit = await main(argv, {}, io, wiring);
  return { exit, out: io.out(), err: io.err(), calls: wiring.calls.map(({ input }) => input) };
}

function recovering(over: Partial<RecoverResult> = {}): Partial<Operations> {
  return {
    recover: async ({ decided }: RecoverInput): Promise<RecoverResult> => {
      const fates = uncovered.map((one) => ({ ...one, fate: decided?.end.includes(one.id) ? ('ended' as const) : ('kept' as const) }));
      if (decided !== undefined) return { result: 'recovered', fault, uncovered: fates, passedOver: [], head };
      return { result: 'listed', fault, uncovered, passedOver: [], head, ...over };
    },
  };
}

type Answers = { readonly pick?: readonly string[]; readonly yes?: boolean; readonly width?: number };
const asked: string[] = [];
/** Without `pick`: what was marked is taken. */
const terminal = ({ pick, yes = true, width = 200 }: Answers): FakeIo =>
  fakeIo({
    tty: true,
    width,
    prompts: {
      checkbox: async (message, choices) => {
        asked.push(message);
        return choices.filter(({ short = '', checked = false }) => pick?.includes(short) ?? checked).map(({ value }) => value);
      },
      confirm: async (message) => asked.push(message) > 0 && yes,
      select: () => Promise.reject(new Error('not expected')),
      input: () => Promise.reject(new Error('not expected')),
    },
  });

const decided = (...end: readonly string[]) => ({
  decided: { end, keep: uncovered.map(({ id }) => id).filter((id) => !end.includes(id)) },
});

describe('ledger recover', () => {
  it('asks whom to take out, then whether to, and does it', async () => {
    const io = terminal({ pick: ['maria@acme.dev@okta/db'] });
    const { exit, out, calls } = await run(['ledger', 'recover'], recovering(), io);
    expect([exit, calls]).toEqual([0, [{}, decided('maria@acme.dev@okta/db')]]);
    expect(asked.slice(-2)).toEqual([
      'Whom to take out? Who is not marked keeps standing access.',
      'Take out 1 member, leave 2 with standing access, and believe the ledger from here on?',
    ]);
    expect(out).toMatch(
      /^out +maria@acme\.dev in okta\/db\nstays +sam@.*\nstays +old@.*\n2 with standing access: no end takes them out\nrecovered: .*event 81 on; requests are answered again after the next sweep: oncall sweep\n$/,
    );
  });

  it('marks at first whom nobody knows, and who had it once', async () => {
    const { calls } = await run(['ledger', 'recover'], recovering(), terminal({}));
    expect(calls[1]).toEqual(decided('maria@acme.dev@okta/db', 'sam@acme.dev@okta/db'));
  });

  describe('where a person has other names elsewhere', () => {
    const aws = { directory: 'aws-prod', group: 'db' };
    const people = ['maria@acme.dev'];
    const hers: Uncovered = {
      id: 'maria@aws-prod/db',
      holder: 'maria',
      people,
      target: aws,
      known: 'unknown',
      because: 'nothing is known',
    };
    const all = [...uncovered, hers];
    const both = { decided: { end: ['maria@acme.dev@okta/db', hers.id], keep: ['sam@acme.dev@okta/db', 'old@acme.dev@okta/db'] } };

    it.each([['maria@acme.dev'], ['MARIA@acme.dev'], ['maria']])('takes them out everywhere by %s', async (name) => {
      const { calls } = await run(['ledger', 'recover', '--end', name, '--yes'], recovering({ uncovered: all }));
      expect(calls[1]).toMatchObject(both);
    });

    it('takes them out of one group where it is named as listed, and says where they stay', async () => {
      const { calls, err } = await run(['ledger', 'recover', '--end', hers.id, '--yes'], recovering({ uncovered: all }));
      expect(calls[1]).toMatchObject({ decided: { end: [hers.id] } });
      expect(err).toContain('maria@acme.dev stays in okta/db, and is taken out of aws-prod/db alone');
    });

    it('does not take a second person along for a name that could be either', async () => {
      const either = { ...hers, people: ['maria@acme.dev', 'maria@elsewhere.dev'] };
      const { calls } = await run(['ledger', 'recover', '--end', 'maria', '--yes'], recovering({ uncovered: [...uncovered, either] }));
      expect(calls[1]).toMatchObject({ decided: { end: [hers.id] } });
    });

    it('lists each person once, with all of it, within 80 columns', async () => {
      const listed = [uncovered[0] as Uncovered, hers, ...uncovered.slice(1)].map((one) => ({
        ...one,
        because: 'was in '.repeat(12).trim(),
      }));
      const { out } = await run(
        ['ledger', 'recover'],
        recovering({ uncovered: listed, fault: `${fault}: ${'seen '.repeat(30)}` }),
        fakeIo({ width: 80 }),
      );
      expect(out.match(/^maria@acme\.dev$/gm)).toHaveLength(1);
      expect(out).toMatch(/^maria@acme\.dev\n {2}maria@acme\.dev@okta\/db .*(\n {4}.*)*\n {2}maria@aws-prod\/db /m);
      for (const line of out.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
    });
  });

  it('does nothing where the answer is no', async () => {
    const { exit, out, calls } = await run(['ledger', 'recover', '--keep-all'], recovering(), terminal({ yes: false }));
    expect([exit, out, calls]).toEqual([1, 'nothing was changed\n', [{}]]);
  });

  it.each([
    [['--end-unknown'], ['maria@acme.dev@okta/db', 'sam@acme.dev@okta/db']],
    [
      ['--end', 'old@acme.dev', 'sam@acme.dev@okta/db'],
      ['sam@acme.dev@okta/db', 'old@acme.dev@okta/db'],
    ],
    [['--end', 'old@acme.dev', '--end-unknown'], uncovered.map(({ id }) => id)],
    [['--keep-all'], []],
  ])('understands %j in a script', async (flags, end) => {
    const { exit, calls } = await run(['ledger', 'recover', ...flags, '--yes'], recovering());
    const called = flags.filter((word) => /^old@/.test(word)).concat(flags.filter((word) => word.includes('@okta/')));
    const extra = called.length === 0 ? {} : { called };
    expect([exit, calls]).toEqual([0, [extra, { ...extra, ...decided(...end) }]]);
  });

  it.each([
    [[], 1, 'nothing was decided'],
    [['--yes'], 1, 'nothing was decided'],
    [['--end-unknown'], 1, '--yes'],
    [['--keep-all', '--end-unknown', '--yes'], 2, 'takes nobody out'],
    [['--end', 'mari@acme.dev', '--yes'], 2, 'nobody on the list is called mari@acme.dev'],
  ])('changes nothing at %j without a terminal', async (flags, exit, said) => {
    const found = await run(['ledger', 'recover', ...flags], recovering());
    expect([found.exit, found.calls.filter((input) => (input as RecoverInput).decided !== undefined)]).toEqual([exit, []]);
    expect(found.err).toContain(said);
  });

  it('wants only a yes where nobody is in without a grant', async () => {
    const none = recovering({ uncovered: [] });
    expect((await run(['ledger', 'recover'], none)).err).toContain('next: oncall ledger recover --yes');
    expect((await run(['ledger', 'recover', '--yes'], none)).calls).toEqual([{}, { decided: { end: [], keep: [] } }]);
  });

  it('says so where nothing is lost, and goes on only where somebody knows better', async () => {
    const { fault: _, ...whole } = await (recovering().recover as Operations['recover'])({});
    const healthy = {
      recover: async (input: RecoverInput) => (input.decided ? (recovering().recover as Operations['recover'])(input) : whole),
    };
    const found = await run(['ledger', 'recover'], healthy);
    expect([found.exit, found.calls]).toEqual([0, [{}]]);
    expect(found.out).toContain('nothing shows here that the ledger has lost anything');
    expect((await run(['ledger', 'recover', '--keep-all', '--yes'], healthy)).calls).toEqual([{}, decided()]);
  });

  it('fails where somebody is not out yet', async () => {
    const ending = {
      recover: async (input: RecoverInput) => ({
        ...(await (recovering().recover as Operations['recover'])(input)),
        uncovered: uncovered.map((one) => ({ ...one, fate: 'ending' as const })),
      }),
    };
    const { exit, err } = await run(['ledger', 'recover', '--end-unknown', '--yes'], ending);
    expect([exit, err]).toEqual([1, expect.stringContaining('not out yet: maria@acme.dev@okta/db')]);
  });
});

describe('audit verify', () => {
  const whole: VerifyResult = {
    rows: 81,
    firstAt: noon - 1000,
    lastAt: noon,
    head: { ledger: 'l', seq: 81, hash },
    kept: { ...head, at: noon - 120_000 },
  };

  it('tells how far it is right, its head, and what it was held against', async () => {
    const { exit, out, calls } = await run(['audit', 'verify', '--head', hash], { verify: async () => ({ ...whole, foundSeq: 80 }) });
    expect([exit, calls]).toEqual([0, [{ head: hash }]]);
    expect(out).toContain(`81 events: the chain is whole`);
    expect(out).toMatch(
      new RegExp(`head: ${hash} \\(event 81\\)\n +kept: event 81, seen 2 min ago, is part of it\n +given: event 80 has it; 1 followed`),
    );
    expect((await run(['audit', 'verify', '--quiet'], { verify: async () => whole })).out).toBe(`${hash}\n`);
  });

  it('says where no head was kept, and what follows from that', async () => {
    const { kept: _, ...alone } = whole;
    expect((await run(['audit', 'verify'], { verify: async () => alone })).out).toContain('events cut off its end are not noticed');
  });

  it('says who has recovered the ledger since the head was kept', async () => {
    const recovered = { seq: 60, at: noon - 60_000, by: 'boss@acme.dev' };
    const { exit, out } = await run(['audit', 'verify'], { verify: async () => ({ ...whole, recovered }) });
    expect(exit).toBe(0);
    expect(out).toMatch(/kept: event 81, seen 2 min ago, was lost; boss@acme\.dev has recovered the ledger since \(event 60\)\n/);
  });

  it('exits 1 with the first row that is wrong, and its kind', async () => {
    const breach = { kind: 'gap' as const, seq: 40, because: 'no row has this number; the next one is 42' };
    const { exit, out, err } = await run(['audit', 'verify', '--json'], { verify: async () => ({ ...whole, rows: 39, breach }) });
    expect(exit).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      whole: false,
      rows: 39,
      breach: { kind: 'gap', seq: 40 },
      kept: { at: '2026-11-22T11:58:00.000Z' },
      error: { code: 'audit-broken' },
    });
    expect(err).toContain('error: the audit trail is broken at event 40: gap');
  });

  it('takes no half of a hash', async () => {
    expect((await run(['audit', 'verify', '--head', 'abcd'], {})).exit).toBe(2);
  });
});
