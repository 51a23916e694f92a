/** The fake is held against Okta's document, and the document is a judge that refuses: otherwise the other tests would prove little. */

import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeOkta, startOkta } from '../fakes/okta.ts';
import { oktaDocument } from '../fakes/okta-document.ts';

const document = await oktaDocument();

describe.skipIf(!document)(`the fake of Okta${document ? '' : ' (skipped: no ../shared/specs/okta.json)'}`, () => {
  let okta: FakeOkta;
  beforeAll(async () => {
    okta = await startOkta();
  });
  afterAll(() => okta.stop());
  beforeEach(() => okta.reset());

  const ask = (path: string, method = 'GET'): Promise<number> =>
    new Promise((resolve, reject) => {
      const outgoing = request(`${okta.url}${path}`, { method, headers: { authorization: `SSWS ${okta.token}` } }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      });
      outgoing.on('error', reject).end();
    });

  it('finds nothing wrong with what is right', async () => {
    const { id } = okta.addUser('maria@acme.dev');
    expect([await ask(`/api/v1/users/${id}`), await ask('/api/v1/groups?limit=5'), await ask('/api/v1/users/nobody')]).toEqual([
      200, 200, 404,
    ]);
    expect(okta.violations).toEqual([]);
  });

  it.each([
    ['a call that there is not', '/api/v1/grups', 'GET'],
    ['a method that there is not', '/api/v1/groups/rules', 'DELETE'],
    ['a limit that is no number', '/api/v1/groups?limit=abc', 'GET'],
    ['more rules than Okta gives at once', '/api/v1/groups/rules?limit=201', 'GET'],
  ])('refuses %s', async (_, path, method) => {
    expect(await ask(path, method)).toBe(400);
    expect(okta.violations).toHaveLength(1);
  });

  it('notices an answer of its own that Okta would not give', async () => {
    const { id } = okta.addUser('maria@acme.dev', 'BOGUS');
    await ask(`/api/v1/users/${id}`);
    expect(okta.violations.join()).toContain('response getUser 200');
  });
});
