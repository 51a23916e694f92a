import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import type { StatusResult } from '../../src/operations/types.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { fakeIo, noon } from '../fakes/io.ts';
import { aDecision, aGrant, aPending, aRequest, aStatus, awsTarget, fakeWiring, minute, oktaTarget } from '../fakes/operations.ts';

async function status(result: StatusResult, argv: string[] = [], io = fakeIo()) {
  const wiring = fakeWiring({ status: async () => result });
  const exit = await main(['status', '--utc', ...argv], {}, io, wiring);
  return { exit, out: io.out(), err: io.err(), calls: wiring.calls };
}

describe('status', () => {
  it('shows who has what until when, and when the sweep ran', async () => {
    const { exit, out } = await status(aStatus());
    expect(exit).toBe(0);
    expect(out).toBe(
      'id      role      holder          in      state   left        until\n' +
        'k7m2xq  db-admin  maria@acme.dev  2 of 2  active  2 h 47 min  14:47Z\n' +
        'swept 2 min ago\n',
    );
  });

  it('gives the holder the room of a column that says the same in every row, on a narrow screen', async () => {
    const narrow = () => fakeIo({ tty: true, width: 80 });
    const request = aRequest({ requester: { issuer: 'local', subject: 'm', email: 'maria.silva-santos@acme.dev' } });
    expect((await status(aStatus({ requests: [request] }), [], narrow())).out).toMatch(/ maria\.silva-santos@acme\.dev +active /);
    const half = [aGrant(oktaTarget), aGrant(awsTarget, { state: 'ended', endReason: 'failed' })];
    expect((await status(aStatus({ requests: [request], grants: half }), [], narrow())).out).toContain('1 of 2');
  });

  it('says of an emergency that it is one, and by when somebody has to look at it; what is overdue is a fault, and no note', async () => {
    const requests = [aRequest({ origin: 'break-glass' })];
    const owed = { requestId: 'k7m2xq', role: 'db-admin', holder: 'maria@acme.dev', dueAt: noon + 120 * minute };
    const { out } = await status(aStatus({ requests, emergencies: [owed] }));
    expect(out).toMatch(/2 of 2 +emergency /);
    expect(out).toContain(
      '  note: maria@acme.dev broke the glass of db-admin; to be reviewed by 14:00Z, 2 h left: oncall approve k7m2xq --reason "…"\n',
    );
    expect((await status(aStatus({ requests, emergencies: [{ ...owed, dueAt: noon - 1 }] }))).out).not.toContain('note:');
    const seen = await status(aStatus({ requests, emergencies: [{ ...owed, reviewedAt: noon - 5 * minute }] }), ['k7m2xq']);
    expect(seen.out).toContain('  seen: reviewed 11:55Z, 5 min ago\n');
    expect(seen.out).not.toContain('note:');
  });

  it('shows half a role as 1 of 2, with what failed', async () => {
    const grants = [aGrant(oktaTarget), aGrant(awsTarget, { state: 'ended', endReason: 'failed', lastError: 'IAM said no' })];
    const { out } = await status(aStatus({ grants }));
    expect(out).toContain('maria@acme.dev  1 of 2  active');
    expect(out).toContain('  k7m2xq: aws-prod/db-admins was not given: IAM said no\n');
  });

  it('counts each target by its newest grant, and tells no error of what is over', async () => {
    const old = { id: 'old', state: 'ended', endReason: 'failed', lastError: 'IAM said no' } as const;
    const grants = [aGrant(awsTarget, old), aGrant(oktaTarget), aGrant(awsTarget, { createdAt: noon + minute })];
    expect((await status(aStatus({ grants }))).out).toMatch(/2 of 2 +active[^:]*14:47Z\nswept/);
    const over = [oktaTarget, awsTarget].map((target) => aGrant(target, { ...old, id: target.directory }));
    expect((await status(aStatus({ grants: over }))).out).not.toContain('IAM said no');
  });

  it('counts who is out, but still signed in, as out', async () => {
    const { owned: _, ...out } = aGrant(oktaTarget, { state: 'revoking', lastError: 'maria is out of db, but still signed in' });
    expect((await status(aStatus({ grants: [out, aGrant(awsTarget)] }))).out).toMatch(/1 of 2 +ending/);
  });

  it('says of one request that is over who ended it, when and why', async () => {
    const grants = [aGrant(oktaTarget, { state: 'ended', endReason: 'revoked' })];
    const ended = { by: 'boss@acme.dev', at: noon - minute, how: 'revoked', because: 'lost laptop' } as const;
    const told = await status(aStatus({ grants, ended }), ['k7m2xq']);
    expect(told.out).toContain('  end:  revoked by boss@acme.dev 11:59:00Z, 1 min ago: "lost laptop"\n');
    const swept = aStatus({ grants, ended: { by: 'sweep', at: noon - minute, how: 'expired' } });
    expect((await status(swept)).out).toContain('  end:  ended by the sweep, its time or its reason being over, 11:59:00Z');
    expect(JSON.parse((await status(aStatus({ grants, ended }), ['--json'])).out).ended.at).toBe('2026-11-22T11:59:00.000Z');
  });

  it('counts somebody as in until the removal is confirmed', async () => {
    const revoking = (owned?: boolean) => aGrant(awsTarget, { state: 'revoking', ...(owned === undefined ? {} : { owned }) });
    const out = async (grant: ReturnType<typeof aGrant>) => (await status(aStatus({ grants: [aGrant(oktaTarget), grant] }))).out;
    expect(await out(revoking(true))).toContain('2 of 2  ending');
    expect(await out(revoking(false))).toContain('1 of 2  ending');
    expect(await out(aGrant(awsTarget, { state: 'ended', endReason: 'released' }))).toContain('1 of 2  active');
  });

  const unheld = (since: number) => {
    const rule = { name: 'db-admin.allow[0]', condition: { kind: 'user', email: 'x' }, until: 'incident', graceMs: 15 * minute } as const;
    const finding = { rule: rule.name, effect: 'allow', holds: true, because: 'assigned to INC-1' } as const;
    return aRequest({ unheldSince: since, decision: aDecision({ endsWith: [rule], findings: [finding] }) });
  };

  it('says of access whose reason is gone when it ends', async () => {
    expect((await status(aStatus({ requests: [unheld(noon - minute)] }))).out).toContain(
      '  k7m2xq: no longer assigned to INC-1: ends within 14 min, unless it is so again\n',
    );
    expect((await status(aStatus({ requests: [unheld(noon - 20 * minute)] }))).out).toContain('ends with the next sweep');
    expect((await status(aStatus())).out).not.toContain('no longer');
    const ending = [aGrant(oktaTarget, { state: 'revoking' })];
    expect((await status(aStatus({ requests: [unheld(noon - minute)], grants: ending }))).out).not.toContain('no longer');
  });

  it('shows no time that is left for what is being taken back', async () => {
    const grants = [aGrant(oktaTarget, { state: 'revoking' })];
    expect((await status(aStatus({ grants }))).out).toMatch(/ending +- +14:47Z/);
    expect((await status(aStatus({ grants, requests: [aRequest({ expiresAt: noon - minute })] }))).out).toMatch(/ending +over +11:59/);
  });

  it('says of access about which a roster was silent since when, and until when that can last', async () => {
    const { unheldSince: _, ...request } = unheld(noon);
    const line =
      '  k7m2xq: not known since 11:59:00Z, 1 min ago, whether the incident still lasts: stays until its own end at the latest\n';
    const silent = { ...request, unknownSince: noon - minute };
    expect((await status(aStatus({ requests: [silent] }))).out).toContain(line);
    expect((await status(aStatus({ requests: [request] }))).out).not.toContain('not known');
    const { out } = await status(aStatus({ requests: [{ ...silent, unheldSince: noon - 2 * minute }] }));
    expect(out).toContain('whether the incident still lasts (the last answer was no): stays');
    expect(out).not.toContain('unless it is so again');
    const ending = [aGrant(oktaTarget, { state: 'revoking' })];
    expect((await status(aStatus({ requests: [silent], grants: ending }))).out).not.toContain('not known');
  });

  it('says of one request what it was given for, and what the rosters answered then', async () => {
    const evidence = [
      { kind: 'shift', roster: 'pagerduty', schedule: 'Database', startsAt: noon - minute, endsAt: noon + 60 * minute },
    ] as const;
    const finding = { rule: 'db-admin.allow[0]', effect: 'allow', holds: true, because: 'on call for "Database"', evidence } as const;
    const shown = aStatus({ requests: [aRequest({ decision: aDecision({ findings: [finding] }) })] });
    expect((await status(shown, ['k7m2xq'])).out).toContain(
      '  why:  on call for "Database"\n  found: pagerduty: "Database", from 11:59:00Z until 13:00Z\n',
    );
    expect((await status(shown)).out).not.toContain('found:');
  });

  it('writes since when in RFC 3339', async () => {
    const document = JSON.parse((await status(aStatus({ requests: [unheld(noon - minute)] }), ['--json'])).out);
    expect(document.requests[0].unheldSince).toBe('2026-11-22T11:59:00.000Z');
  });

  it.each([
    [{ grants: [aGrant(oktaTarget, { state: 'activating' }), aGrant(awsTarget)] }, 'starting'],
    [
      {
        grants: [
          aGrant(oktaTarget, { state: 'ended', endReason: 'released' as const }),
          aGrant(awsTarget, { state: 'ended', endReason: 'released' as const }),
        ],
      },
      'released',
    ],
    [{ requests: [aPending()], grants: [] }, 'pending'],
    [{ requests: [aRequest({ state: 'denied' })], grants: [] }, 'denied'],
  ])('has one word for the state (%#)', async (changes, word) => {
    expect((await status(aStatus(changes))).out).toContain(`  ${word} `);
  });

  it('shows how long a pending request still waits', async () => {
    expect((await status(aStatus({ requests: [aPending()], grants: [] }))).out).toMatch(/ - +pending +1 h +13:00Z/);
  });

  it('does not show an end that has passed as time that is left', async () => {
    const request = aRequest({ expiresAt: noon - minute });
    expect((await status(aStatus({ requests: [request] }))).out).toMatch(/active +over +11:59/);
  });

  it('fits 80 columns, whatever people and roles are called', async () => {
    const long = aRequest({
      role: 'a-role-with-quite-a-long-name',
      requester: { issuer: 'i', subject: 's', email: 'somebody.with.a.very.long.name@subsidiary.acme.dev' },
    });
    const { out } = await status(aStatus({ requests: [long] }), [], fakeIo({ tty: true, width: 80 }));
    for (const line of out.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
    expect(out).toContain('k7m2xq');
  });

  it('says once that the sweep is late or never ran, and what to do', async () => {
    const late = {
      code: 'late-sweep',
      message: 'never swept: okta, aws-prod; nobody is let in there until it runs',
      next: 'oncall sweep',
    } as const;
    const { out } = await status(aStatus({ requests: [], grants: [], sweep: { late: true, directory: 'okta' }, faults: [late] }));
    expect(out).toBe('nothing open\n  fault: never swept: okta, aws-prod; nobody is let in there until it runs\n  next: oncall sweep\n');
    const swept = aStatus({ sweep: { lastAt: noon - 20 * minute, late: true, directory: 'okta' }, faults: [late] });
    expect((await status(swept)).out).not.toContain('swept 20 min ago');
  });

  it('tells what a fault tells once, with what to do, at 80 columns', async () => {
    const because = 'maria@acme.dev is out of db, but still signed in: okta does not let these credentials end sessions (403 E0000006)';
    const grants = [aGrant(oktaTarget, { state: 'revoking', lastError: because })];
    const next =
      "grant the app the scope okta.users.manage, and the app or the token's owner an admin role with okta.users.lifecycle.clearSessions";
    const fault = {
      code: 'action-needed',
      message: `not signed out: maria@acme.dev (k7m2xq): ${because}`,
      next,
      grantId: 'g-okta',
    } as const;
    const { out } = await status(aStatus({ grants, faults: [fault] }), [], fakeIo({ tty: true, width: 80 }));
    expect(out.match(/still signed/g)).toHaveLength(1);
    expect(out.replaceAll(/\s+/g, ' ')).toContain(`next: ${next}`);
    for (const line of out.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
  });

  it('tells of drift as a note, which is no fault', async () => {
    const userNames = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const { exit, out } = await status(aStatus({ drift: [{ target: oktaTarget, userNames }] }), ['--check']);
    expect(exit).toBe(0);
    expect(out).toContain('  note: came into okta/On-Call Database Admin without oncall, and stays: a, b, c, d, e and 2 more\n');
  });

  const faults = [{ code: 'past-end' as const, message: 'k7m2xq should have ended 20 min ago' }];

  it('exits 1 for faults with --check only', async () => {
    expect((await status(aStatus({ faults }))).exit).toBe(0);
    const checked = await status(aStatus({ faults }), ['--check']);
    expect(checked.exit).toBe(1);
    expect(checked.out).toContain('fault: k7m2xq should have ended 20 min ago');
    expect((await status(aStatus(), ['--check'])).exit).toBe(0);
  });

  it('says where it is a courtesy and not a control', async () => {
    const note = (await status(aStatus({ courtesy: true }))).out.split('\n').filter((line) => line.includes('courtesy'));
    expect(note).toEqual(['  note: direct mode: a courtesy, not a control (README)']);
    expect((await status(aStatus())).out).not.toContain('courtesy');
  });

  it('asks for one request, or for my own', async () => {
    expect((await status(aStatus(), ['k7m2xq'])).calls).toEqual([{ verb: 'status', input: { of: 'k7m2xq' } }]);
    expect((await status(aStatus(), ['--mine'])).calls).toEqual([{ verb: 'status', input: { mine: true } }]);
  });

  it('prints its document', async () => {
    const document = JSON.parse((await status(aStatus({ faults }), ['--json'])).out);
    expect(Object.keys(document)).toEqual([
      'schema',
      'requests',
      'grants',
      'sweep',
      'faults',
      'drift',
      'lines',
      'standing',
      'emergencies',
      'courtesy',
    ]);
    expect(document.sweep).toEqual({ lastAt: '2026-11-22T11:58:00.000Z', late: false });
  });
});
