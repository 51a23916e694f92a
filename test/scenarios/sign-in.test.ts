/** From `login` to the last removal: signed in at a real authorization server, in and out of an Okta group by Okta's own SDK, through both doors. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { type FakeOkta, startOkta } from '../fakes/okta.ts';
import { newPerson } from '../fakes/person.ts';
import { doors, type Stage, schedule, stage } from './stage.ts';

const canary = '00aCANARY-okta-token-0123456789abcdef';

const policy = (okta: string, issuer: Issuer): string => `version: 1
ledger: ./oncall.db
identity:
  - { kind: oidc, issuer: ${issuer.url}, clientId: ${issuer.identity({}).clientId}, audience: ${issuer.identity({}).audience}, domains: [acme.dev] }
directories:
  okta: { orgUrl: ${okta}, token: { file: ./okta-token } }
rosters:
  file: { path: ./schedule.yaml }
roles:
  db-admin:
    targets: { okta: On-Call Database Admin }
    allow: [ { onCall: file/db-primary, until: shift } ]
`;

let issuer: Issuer;
let okta: FakeOkta;
beforeAll(async () => {
  issuer = await startIssuer();
  okta = await startOkta({ token: canary, pageSize: 1 });
}, 60_000);
afterAll(async () => {
  await Promise.all([issuer.stop(), okta.stop()]);
});

for (const door of doors)
  describe(`signed in, through ${door}`, () => {
    let s: Stage;
    const members = (): readonly string[] => [...okta.named('On-Call Database Admin').members];
    const maria = (): string => okta.known('maria@acme.dev').id;

    beforeEach(() => {
      okta.reset();
      for (const login of ['ana', 'maria', 'sam']) okta.addUser(`${login}@acme.dev`);
      okta.addGroup('On-Call Database Admin');
      okta.addGroup('Engineering');
      issuer.knobs.interval = 1;
      s = stage(door, { 'oncall.yaml': policy(okta.url, issuer), 'schedule.yaml': schedule(), 'okta-token': `${canary}\n` });
      return () => s.remove();
    });

    it('knows nobody who is not signed in, whatever ONCALL_USER says', async () => {
      await s.run('cron', 'sweep');
      const asked = await s.run('maria', 'request', 'db-admin');
      expect(asked).toMatchObject({ exit: 4, out: '' });
      expect(asked.err).toMatch(/^error: [^\n]*\n( {2}why: [^\n]*\n)? {2}next: oncall login\n$/);
      expect((await s.run('maria', 'whoami')).exit).toBe(4);
      expect(members()).toEqual([]);
    });

    it('signs in by a code, gets in, is taken out, signs out; no secret is ever shown', async () => {
      const login = await s.runWatched('nobody', ['login', '--device'], async (shown) => {
        const page = /https?:\/\/\S+/.exec(shown)?.[0];
        const code = /\b[A-Z]{4}-[A-Z]{4}\b/.exec(shown)?.[0];
        if (page === undefined || code === undefined) return false;
        await newPerson().enterCode(page.replace(/[.,]$/, ''), code, { login: 'maria@acme.dev' });
        return true;
      });
      expect(login, login.err).toMatchObject({ exit: 0 });
      expect(login.out).toContain('signed in as maria@acme.dev');

      const runs = [login, await s.run('sam', 'whoami'), await s.run('cron', 'sweep')];
      // The token says who acts; the environment may say what it likes.
      expect(runs[1]?.out).toContain('maria@acme.dev, by http');
      const asked = await s.run('sam', 'request', 'db-admin', '--for', '5s', '--verbose');
      expect(asked, asked.err).toMatchObject({ exit: 0 });
      expect(members()).toEqual([maria()]);
      const held = { requester: { issuer: issuer.url, subject: '00u1maria', email: 'maria@acme.dev' } };
      expect((await s.json('sam', 'status')).document).toMatchObject({ requests: [held] });
      await s.pass(5100);
      const swept = await s.run('cron', 'sweep', '--verbose');
      expect(swept, swept.err).toMatchObject({ exit: 0 });
      expect(members()).toEqual([]);
      const events = await s.run('sam', 'audit', 'list', '--json');
      expect(events.out).toContain('grant.ended');
      expect((await s.run('sam', 'logout')).exit).toBe(0);
      expect((await s.run('sam', 'whoami')).exit).toBe(4);
      for (const { out, err } of [...runs, asked, swept, events]) expect(out + err).not.toContain('CANARY');
      expect(s.read('oncall.db')).not.toContain('CANARY');
      expect(okta.violations).toEqual([]);
    }, 60_000);
  });
