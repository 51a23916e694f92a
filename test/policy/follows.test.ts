/** `follows`: what may stand there, and what it comes to. */

import { describe, expect, it } from 'vitest';
import { schedulesIn } from '../../src/policy/follows.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { marked } from './marked.ts';
import { fileWith, hour, input, minute, roleOf } from './world.ts';

/** Marks say where each fault is told. */
function check(written: string, severities: readonly string[] = ['error']): void {
  const { text, expected } = marked(written);
  const { issues } = parsePolicy(text, input);
  expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
  expect(issues.map(({ severity }) => severity)).toEqual(expected.length === 0 ? [] : severities);
}

const schedule = (name: string, levels: readonly number[] = []) => ({ kind: 'onCall', roster: 'file', schedule: name, levels });

describe('a role that follows a rotation', () => {
  it.each([
    ['file/db', [schedule('db')]],
    ['[ file/db, file/web ]', [schedule('db'), schedule('web')]],
    ['{ onCall: file/db, levels: [1] }', [schedule('db', [1])]],
    ['{ onCall: [ file/db, file/web ], levels: [1, 2] }', [schedule('db', [1, 2]), schedule('web', [1, 2])]],
    ['{ escalationPolicy: paging/esc }', [{ kind: 'onCall', roster: 'paging', escalationPolicy: 'esc', levels: [1] }]],
    ['file/a schedule/with a slash', [schedule('a schedule/with a slash')]],
  ])('names its schedules as conditions do: %s', (written, expected) => {
    const { follows } = roleOf(`follows: ${written}`);
    expect(follows && schedulesIn(follows)).toEqual(expected);
    expect(follows).toMatchObject({ rule: { name: 'db.follows', graceMs: 0 }, overlapMs: 0, holdOverMs: 24 * hour });
  });

  it('has an overlap and a hold-over of its own', () => {
    const { follows } = roleOf('follows: file/db\noverlap: 30m\nholdOver: 2h');
    expect(follows).toMatchObject({ overlapMs: 30 * minute, holdOverMs: 2 * hour });
    expect(roleOf('follows: file/db\noverlap: 0s\nholdOver: 0s').follows).toMatchObject({ overlapMs: 0, holdOverMs: 0 });
  });

  it('needs nobody else who could get it, and may have them', () => {
    check(fileWith('follows: file/db'));
    check(fileWith('follows: file/db\nallow: [ { user: a@acme.dev } ]'));
    check(fileWith('follows: file/db\nask: [ { user: a@acme.dev } ]\napprovers: [ { user: b@acme.dev } ]'));
  });

  it('has groups into which nobody comes by another way', () => {
    check(fileWith('follows: ‹not-exclusive›file/db').replace(', exclusive: [db-admins]', ''));
  });

  it('follows something that there is', () => {
    check(fileWith('follows: ‹undeclared-roster›other/db'));
    check(fileWith('follows: ‹bad-source›file/'));
    check(fileWith('follows: [ file/db, ‹undeclared-roster›other/db ]'));
    check(fileWith('follows: ‹empty-list›[]'));
    check(fileWith('follows: { onCall: file/db, levels: ‹empty-list›[] }'));
    check(fileWith('follows: { ‹orphan-key›levels: [1] }'));
    check(fileWith('follows: { onCall: file/db, ‹unknown-key›level: 1 }'));
    check(fileWith('follows: { ‹unknown-key›member: local/db-admins }'));
    check(fileWith('follows: { onCall: file/db }\n‹unknown-key›overlaps: 5m'));
    check(fileWith('follows: file/db\noverlap: ‹bad-duration›30'));
  });

  it('is warned of where it follows a whole roster, and where its people would wait for one another', () => {
    check(fileWith('follows: ‹any-schedule›file'), ['warning']);
    check(fileWith('follows: file/db\nmaxHolders: ‹places-on-rotation›2'), ['warning']);
  });

  it('is what an overlap and a hold-over need', () => {
    check(fileWith('allow: [ { user: a@acme.dev } ]\n‹orphan-key›overlap: 5m'));
    check(fileWith('allow: [ { user: a@acme.dev } ]\n‹orphan-key›holdOver: 5m'));
  });
});
