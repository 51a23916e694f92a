import { describe, expect, it } from 'vitest';
import { planLine } from '../../src/lifecycle/line.ts';
import type { Request } from '../../src/lifecycle/types.ts';

const waits = (name: string, state: Request['state'] = 'queued', pendingUntil = 100): Request =>
  ({ id: name, requester: { issuer: 'local', subject: name, email: name.slice(0, 3) }, state, pendingUntil }) as Request;

const plan = (line: readonly Request[], holders: readonly string[], places: number, now = 50) => {
  const { lapsed, offer, back } = planLine(line, holders, places, now);
  const names = (some: readonly Request[]): string => some.map(({ id }) => id).join(' ');
  return { lapsed: names(lapsed), offer: names(offer), back: names(back) };
};

const nothing = { lapsed: '', offer: '', back: '' };

describe('a line', () => {
  it('is offered what is free, in its order, and no more', () => {
    const line = [waits('ana'), waits('bob'), waits('cyd')];
    expect(plan(line, ['max'], 1)).toEqual(nothing);
    expect(plan(line, ['max'], 3)).toEqual({ ...nothing, offer: 'ana bob' });
    expect(plan(line, [], 5)).toEqual({ ...nothing, offer: 'ana bob cyd' });
    expect(plan([waits('ana', 'offered'), waits('bob')], ['max'], 2)).toEqual(nothing);
    expect(plan([waits('ana', 'offered'), waits('bob')], ['max'], 3)).toEqual({ ...nothing, offer: 'bob' });
  });

  it('lets what was not taken in time go to the next', () => {
    const line = [waits('ana', 'offered', 50), waits('bob'), waits('cyd', 'queued', 49)];
    expect(plan(line, [], 1)).toEqual({ lapsed: 'ana cyd', offer: 'bob', back: '' });
    expect(plan(line, [], 1, 48)).toEqual(nothing);
  });

  it('takes an offer back where there are fewer places than offers: the last ones', () => {
    const line = [waits('ana', 'offered'), waits('bob', 'offered'), waits('cyd')];
    expect(plan(line, ['max'], 2)).toEqual({ ...nothing, back: 'bob' });
    expect(plan(line, ['max', 'zoe'], 1)).toEqual({ ...nothing, back: 'ana bob' });
  });

  it('gives one person one place, in however many ways they have it', () => {
    expect(plan([waits('ana')], ['max', 'max'], 2)).toEqual({ ...nothing, offer: 'ana' });
    expect(plan([waits('max'), waits('bob')], ['max'], 1)).toEqual({ ...nothing, offer: 'max' });
    expect(plan([waits('ana-1'), waits('ana-2'), waits('bob')], [], 1)).toEqual({ ...nothing, offer: 'ana-1 ana-2' });
  });

  it('lets nobody past who cannot have a place, though that one could', () => {
    expect(plan([waits('ana'), waits('max')], ['max'], 1)).toEqual(nothing);
  });
});
