import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { OncallError } from '../../src/errors.ts';
import type { Check } from '../../src/operations/types.ts';
import { fakeIo } from '../fakes/io.ts';
import { fakeWiring } from '../fakes/operations.ts';

const ok: Check = { area: 'sweep', what: 'okta', outcome: 'ok', because: 'it last did its work there 2 min ago' };
const fault: Check = {
  ...{ area: 'directory', what: 'okta', outcome: 'fault', because: 'okta refuses to list groups: the token lacks a right' },
  next: 'give it the right to see groups',
};
const warning: Check = { ...ok, outcome: 'warning' };
const skipped: Check = { ...ok, outcome: 'skipped' };
const file: Check = {
  area: 'policy',
  what: '/etc/oncall/oncall.yaml',
  outcome: 'ok',
  because: 'in use because it is the system-wide policy',
};

type World = {
  files?: readonly Check[];
  checks?: readonly Check[];
  doctor?: () => Promise<never>;
  wire?: unknown;
  io?: ReturnType<typeof fakeIo>;
};

async function doctor(argv: string[], { files = [file], checks = [], doctor: broken, wire, io = fakeIo() }: World) {
  const wiring = fakeWiring({ doctor: broken ?? (async () => ({ checks })) });
  const salvage: (boolean | undefined)[] = [];
  const exit = await main(['--utc', 'doctor', ...argv], {}, io, {
    ...wiring,
    checkFiles: async () => files,
    wire: async (options) => {
      salvage.push(options.salvage);
      if (wire !== undefined) throw wire;
      return wiring.wire(options);
    },
  });
  return { exit, out: io.out(), err: io.err(), salvage };
}

describe('doctor', () => {
  it('lists what the files and the operations say, with what to do next, and counts', async () => {
    const { exit, out, err } = await doctor([], { checks: [ok, fault, skipped, warning] });
    expect([exit, err]).toEqual([1, '']);
    expect(out).toBe(`         area       what was found
ok       policy     /etc/oncall/oncall.yaml: in use because it is the system-wide policy
ok       sweep      okta: it last did its work there 2 min ago
FAULT    directory  okta: okta refuses to list groups: the token lacks a right
                    next: give it the right to see groups
skipped  sweep      okta: it last did its work there 2 min ago
warning  sweep      okta: it last did its work there 2 min ago

1 fault, 1 warning, 1 skipped in 5 checks
`);
  });

  it('exits 0 where nothing is a fault', async () => {
    const { exit, out } = await doctor([], { checks: [ok, warning, skipped] });
    expect(exit).toBe(0);
    expect(out).toContain('no faults, 1 warning, 1 skipped in 4 checks');
  });

  it('prints the table only under --quiet', async () => {
    const { out } = await doctor(['--quiet'], { checks: [ok] });
    expect(out.trimEnd().split('\n')).toHaveLength(3);
  });

  it('exits 1 where only the files have a fault', async () => {
    expect((await doctor([], { files: [{ ...file, outcome: 'fault' }], checks: [ok] })).exit).toBe(1);
  });

  it('prints one document for a program, as the types are', async () => {
    const { exit, out } = await doctor(['--json'], { checks: [fault] });
    expect([exit, JSON.parse(out)]).toEqual([1, { schema: 1, checks: [file, fault] }]);
  });

  it('fits a terminal of 80 columns, and lets no provider write on it', async () => {
    const long: Check = { ...fault, because: `\u001b[2Jevil ${'word '.repeat(40)}` };
    const { out } = await doctor([], { checks: [long], io: fakeIo({ tty: true, width: 80 }) });
    const plain = out.replaceAll(/\u001b\[\d+m/g, '');
    expect(plain).not.toContain('\u001b');
    for (const line of plain.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('works with what is sound in a policy with faults', async () => {
    expect((await doctor([], { checks: [ok] })).salvage).toEqual([true]);
  });

  it('still tells about the files where no policy can be used', async () => {
    const refused = new OncallError('policy-not-trusted', 'the policy is not used', {
      exit: 2,
      why: 'others may write',
      next: 'chmod go-w',
    });
    const told = await doctor([], { files: [{ ...file, outcome: 'fault', because: 'others may write' }], wire: refused });
    expect(told.exit).toBe(1);
    expect(told.out).toMatch(/FAULT {4}policy .*others may write[\s\S]*skipped {2}policy {2}all else: not looked at/);
    const untold = await doctor([], { wire: refused });
    expect(untold.exit).toBe(1);
    expect(untold.out).toContain('FAULT    policy  all else: the policy is not used: others may write\n                 next: chmod go-w');
  });

  it('is ended by Ctrl-C with 130', async () => {
    const io = fakeIo();
    const interrupted = async () => {
      io.interrupt();
      throw new OncallError('interrupted', 'interrupted', { exit: 130 });
    };
    expect((await doctor([], { doctor: interrupted, io })).exit).toBe(130);
  });
});
