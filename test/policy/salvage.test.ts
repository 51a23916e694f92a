import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePolicy, salvage } from '../../src/policy/parse.ts';
import { fileWith, input, minute } from './world.ts';

const sound = fileWith('allow: [ { onCall: file/db } ]', 'sweep: { refuseWhenLate: 30m }\npeople: { maria@acme.dev: { local: maria } }');
const kept = (text: string) => salvage(text, input);

describe('what a sweep can use of a policy', () => {
  it('is all of it where it has no fault', () => {
    const { policy } = parsePolicy(sound, input);
    const { issues, ...rest } = kept(sound);
    expect(issues).toEqual([]);
    expect(policy).toMatchObject(rest);
    expect(Object.keys(rest.directories)).toEqual(['local']);
    expect(rest.sweep.refuseWhenLateMs).toBe(30 * minute);
  });

  it.each([
    ['a role has a fault', sound.replace('onCall:', 'onCal:'), 'unknown-key'],
    ['a role is missing everything', `${sound}  web: {}\n`, 'nobody-can-get'],
    ['a source is undeclared', sound.replace('file/db', 'fil/db'), 'undeclared-roster'],
    ['a key is used that nobody knows', `${sound}    sitting: {}\n`, 'unknown-key'],
    ['something else stands twice', `${sound}version: 1\n`, 'duplicate-key'],
    ['a bracket of a role is not closed', sound.replace('file/db } ]', 'file/db }'), 'syntax'],
    ['a quote of a role is not closed', sound.replace('file/db', '"file/db'), 'syntax'],
    ['the last line is garbage', `${sound}%%%\n\t- :`, 'syntax'],
  ])('is everything it needs although %s', (_, text, code) => {
    const { issues, ledger, directories, rosters, people, sweep } = kept(text);
    expect(issues.map((issue) => issue.code)).toContain(code);
    expect({ ledger, directories: Object.keys(directories), rosters: Object.keys(rosters), people, sweep }).toEqual({
      ledger: { sqlite: '/etc/oncall/oncall.db' },
      directories: ['local'],
      rosters: ['file', 'paging'],
      people: { 'maria@acme.dev': { local: 'maria' } },
      sweep: { refuseWhenLateMs: 30 * minute, reconcileMs: 15 * minute, deadlineMs: 4.5 * minute },
    });
  });

  it('is every directory but the one that has the fault', () => {
    const two = sound.replace('rosters:', '  other: { kind: local, path: b.json, pth: x }\nrosters:');
    expect(Object.keys(kept(two).directories)).toEqual(['local']);
    expect(Object.keys(kept(sound.replace('path: ./groups', 'pth: ./groups')).directories)).toEqual([]);
  });

  it('is not a directory that stands there twice, because nobody knows which of the two was meant', () => {
    const twice = sound.replace('rosters:', '  local: { path: ./other.json }\nrosters:');
    expect(kept(twice).directories).toEqual({});
    expect(kept(twice).ledger).toBeDefined();
  });

  it('is a PostgreSQL ledger as well, but none whose address stands in the file', () => {
    const faulty = sound.replace('onCall:', 'onCal:');
    const named = faulty.replace('./oncall.db', '{ postgres: { file: database-url } }');
    expect(kept(named).ledger).toEqual({ postgres: { file: 'database-url' } });
    expect(kept(faulty.replace('./oncall.db', 'postgres://db.acme.dev/oncall')).ledger).toBeUndefined();
    expect(kept(faulty.replace('./oncall.db', '{ postgres: { file: x, env: y } }')).ledger).toBeUndefined();
  });

  it('is not the ledger where that stands there twice', () => {
    expect(kept(`${sound}ledger: ./other.db\n`).ledger).toBeUndefined();
  });

  it('is no part that a syntax error stands in', () => {
    const { directories, ledger } = kept(
      sound.replace('{ path: ./groups.json, exclusive: [db-admins] }', '{ path: ./groups.json, exclusive: [db-admins }'),
    );
    expect(directories).toEqual({});
    expect(ledger).toBeDefined();
  });

  it('has the usual times where its own are faulty', () => {
    expect(kept(sound.replace('30m', '30')).sweep).toEqual({
      refuseWhenLateMs: 15 * minute,
      reconcileMs: 15 * minute,
      deadlineMs: 4.5 * minute,
    });
  });

  it('is nothing, without an exception, where there is nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.nat({ max: sound.length }), fc.nat({ max: 30 }), (text, from, cut) => {
        for (const faulty of [text, sound.slice(0, from) + text + sound.slice(from + cut), sound.slice(0, from)]) {
          const { issues, sweep } = kept(faulty);
          expect(Array.isArray(issues)).toBe(true);
          expect(sweep.reconcileMs).toBeGreaterThan(0);
        }
      }),
      { numRuns: 150 },
    );
  });
});
