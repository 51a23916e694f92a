/** Two entries that lead to one place would take out whom the other lets in: of every kind that can tell, they are refused. */

import { describe, expect, it } from 'vitest';
import { directoryKinds } from '../../src/directories/index.ts';

const okta = { orgUrl: 'https://acme.okta.com', token: { env: 'A' } };
const iam = { account: '111122223333' };
const center = { identityStoreId: 'd-1234567890', region: 'eu-central-1' };

const placeOf = async (kind: keyof typeof directoryKinds, settings: unknown) => (await directoryKinds[kind]()).place?.(settings);

describe('the place of a directory', () => {
  it.each<[kind: keyof typeof directoryKinds, one: object, same: object, other: object]>([
    ['local', { path: './groups.json' }, { path: 'groups.json' }, { path: './other.json' }],
    ['okta', okta, { orgUrl: 'https://ACME.okta.com/', token: { env: 'B' } }, { ...okta, orgUrl: 'https://acme.oktapreview.com' }],
    ['aws-iam', iam, { ...iam, credentials: { profile: 'p' } }, { account: '444455556666' }],
    ['aws-iam', iam, iam, { ...iam, endpoint: 'http://127.0.0.1:5000' }],
    ['aws-identity-center', center, { ...center, credentials: { profile: 'p' } }, { ...center, identityStoreId: 'd-0987654321' }],
  ])('%s is the same whoever goes there, and another one elsewhere', async (kind, one, same, other) => {
    expect(await placeOf(kind, one)).toBe(await placeOf(kind, same));
    expect(await placeOf(kind, one)).not.toBe(await placeOf(kind, other));
  });

  it('is not known of an account that only its credentials name', async () => {
    expect(await placeOf('aws-iam', { credentials: { profile: 'p' } })).toBeUndefined();
  });
});
