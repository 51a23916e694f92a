/** Every provider × every way in which it can fail, through the whole tool: what is printed, the exit code, and that nothing is left half-done. `UPDATE_DOCS=1` writes docs/errors.md anew. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aws } from './faults/aws.ts';
import { commandRoster } from './faults/command.ts';
import { pageOf, rewrite, written } from './faults/docs.ts';
import { identityCenter } from './faults/identity-center.ts';
import { okta } from './faults/okta.ts';
import { fileRoster, localDirectory, signInIssuer } from './faults/others.ts';
import { ask, keepWhatEndsWith, outlast, play, type Row } from './faults/play.ts';
import { incidentIo, opsgenie, pagerduty } from './faults/rosters.ts';
import type { Failure, Provider, Started } from './faults/world.ts';

const providers: readonly Provider[] = [
  okta('token'),
  okta('private key'),
  aws('IAM'),
  aws('STS'),
  identityCenter,
  pagerduty,
  opsgenie,
  incidentIo,
  signInIssuer,
  localDirectory,
  fileRoster,
  commandRoster,
];

/** What has to be told of each failure; and whether a sweep that met it has failed: only where somebody has to change something. */
const expected: Record<Failure, { readonly told: RegExp; readonly sweep: 0 | 1 }> = {
  'wrong key': {
    told: /not accept the credentials|no credentials for those|does not let the app sign in|does not know this client|secret[\s\S]*chmod/,
    sweep: 1,
  },
  'no right': { told: /does not let|may not|does not give the app the scopes/, sweep: 1 },
  'no right to change': {
    told: /does not let these credentials change|may not do (iam:AddUserToGroup|identitystore:CreateGroupMembership)/,
    sweep: 1,
  },
  'wrong store': { told: /knows no such identity store[\s\S]*identityStoreId and region/, sweep: 1 },
  'rate limit': { told: /too many calls[\s\S]*(again in 42 s|again in a minute)/, sweep: 0 },
  'time-out': { told: /did not answer|no AWS credentials within/, sweep: 0 },
  down: { told: /is not available/, sweep: 0 },
  'web page': { told: /web page|is not AWS/, sweep: 0 },
  'half an answer': { told: /half an answer|is not AWS|something else than one JSON document/, sweep: 0 },
  'wrong shape': { told: /another shape|is not AWS|not as it must be|should be a list|needs a list/, sweep: 0 },
  'wrong certificate': { told: /certificate is not trusted[\s\S]*NODE_EXTRA_CA_CERTS/, sweep: 0 },
  'not listening': { told: /nothing listens there[\s\S]*address in the policy/, sweep: 0 },
  'unknown name': { told: /name cannot be resolved/, sweep: 0 },
  'proxy is down': { told: /through the proxy \S+: nothing listens there[\s\S]*HTTPS_PROXY/, sweep: 0 },
  'proxy wants a sign-in': { told: /through the proxy [\s\S]*407[\s\S]*HTTPS_PROXY/, sweep: 1 },
  'broken file': { told: /(groups\.json|schedule\.yaml):\d+[\s\S]*correct the/, sweep: 0 },
  'no file': { told: /no file|does not exist[\s\S]*create it|cannot be found[\s\S]*put the program there/, sweep: 1 },
  'unreadable file': { told: /it is a folder|not a regular file|may not be run by this user[\s\S]*chmod u\+x/, sweep: 1 },
  'others may write': { told: /is not run: others may write[\s\S]*chmod go-w/, sweep: 1 },
  'exit code': { told: /ended with code 3: "no route to the database"/, sweep: 0 },
  'too long': { told: /printed more than 1048576 bytes/, sweep: 0 },
  'its own no': { told: /ours says: there is no schedule "primary"[\s\S]*name one that there is/, sweep: 1 },
};
/** The issuer's own no: you are not signed in. Nobody is let in by any other failure either, but that is this host's trouble. */
const exitOf = (provider: Provider, failure: Failure): number =>
  provider === signInIssuer && (failure === 'wrong key' || failure === 'no right') ? 4 : 1;

for (const provider of providers)
  describe.skipIf(provider.skip !== undefined)(
    `${provider.name}${provider.skip === undefined ? '' : ` (skipped: ${provider.skip})`}`,
    () => {
      let started: Started;
      const rows: Row[] = [];
      beforeAll(async () => {
        started = await provider.start();
      }, 60_000);
      afterAll(() => started.stop());

      it.each(provider.failures)(
        'is told, bounded and half-does nothing: %s',
        async (failure) => {
          const row = await play(started, provider, failure);
          rows.push(row);
          const { told, sweep } = expected[failure];
          for (const { exit, error, why = '', next } of row.login === undefined ? [row.request] : [row.request, row.login]) {
            expect(exit).toBe(exitOf(provider, failure));
            expect(`${error}\n${why}\n${next}`).toMatch(told);
            expect(next).toMatch(/\w/);
          }
          expect(row.sweep.exit).toBe(provider.isDirectory ? sweep : 0);
          // Told on the spot, with the person whose access did not end; cron sends both streams.
          if (provider.isDirectory) expect(row.sweep.out + row.sweep.why).toMatch(/maria@acme\.dev in \S+\/db-admins/);
        },
        60_000,
      );

      it('is what docs/errors.md says', () => {
        const page = pageOf(provider, rows);
        if (process.env.UPDATE_DOCS !== undefined) rewrite(provider, page);
        expect(rows).toHaveLength(provider.failures.length);
        expect(written(provider)).toBe(page);
      });
    },
  );

describe('a directory that is down', () => {
  it('is no failure of the sweep until it is late for it, and then it is', async () => {
    const started = await okta('token').start();
    try {
      await outlast(started);
    } finally {
      await started.stop();
    }
  });
});

describe('a roster that the sweep asks again', () => {
  it.each<[Failure, number]>([
    ['wrong key', 1],
    ['down', 0],
  ])('is told where it fails, and nobody loses access by it: %s', async (failure, exit) => {
    const started = await pagerduty.start();
    try {
      await keepWhatEndsWith(started, failure, exit);
    } finally {
      await started.stop();
    }
  });
});

describe('the built bundle', () => {
  const some: readonly [Provider, readonly Failure[]][] = [
    [okta('token'), ['wrong key', 'web page', 'wrong certificate']],
    [aws('IAM'), ['no right', 'not listening']],
    [identityCenter, ['no right to change', 'rate limit']],
    [pagerduty, ['rate limit', 'time-out']],
    [signInIssuer, ['no right', 'down']],
  ];
  for (const [provider, several] of some)
    it.skipIf(provider.skip !== undefined)(
      `says the same: ${provider.name}${provider.skip === undefined ? '' : ` (skipped: ${provider.skip})`}`,
      async () => {
        const started = await provider.start();
        try {
          for (const failure of several) {
            const { exit, error, why, next } = await ask(started, failure, 'the built bundle');
            expect(exit).toBe(exitOf(provider, failure));
            expect(`${error}\n${why}\n${next}`).toMatch(expected[failure].told);
          }
        } finally {
          await started.stop();
        }
      },
      60_000,
    );
});
