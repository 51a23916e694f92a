/** Who may call how often: a bucket of calls for each, which fills again with time; bounded, however many there are. */

import { isIPv6 } from 'node:net';
import type { Rate } from './settings.ts';

export type Buckets = {
  /** 0: taken. Otherwise how long until there is one again, ms. */
  take(key: string): number;
};

type Bucket = { calls: number; at: number };

/** `clock`: one that is never set back, ms. */
export function buckets({ perMinute, burst }: Rate, clock: () => number = () => performance.now(), most = 10_000): Buckets {
  const perMs = perMinute / 60_000;
  const all = new Map<string, Bucket>();
  const now = (bucket: Bucket, at: number): number => Math.min(burst, bucket.calls + (at - bucket.at) * perMs);

  /** A full bucket is the same as none. Where that is not enough, those who called longest ago go. */
  const makeRoom = (at: number): void => {
    for (const [key, bucket] of all) if (now(bucket, at) >= burst) all.delete(key);
    for (const key of all.keys()) {
      if (all.size <= most / 2) break;
      all.delete(key);
    }
  };

  return {
    take: (key) => {
      const at = clock();
      const bucket = all.get(key) ?? { calls: burst, at };
      const calls = now(bucket, at);
      const taken = calls >= 1;
      // At the end again: the order is that of the last call.
      all.delete(key);
      all.set(key, { calls: taken ? calls - 1 : calls, at });
      if (all.size > most) makeRoom(at);
      return taken ? 0 : (1 - calls) / perMs;
    },
  };
}

/** Of IPv6 a whole /64 is one caller: whoever has one address there has all of them. */
export function addressKey(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const front = head.split(':').filter((part) => part !== '');
  const back = (tail ?? '').split(':').filter((part) => part !== '');
  const missing = tail === undefined ? 0 : 8 - front.length - back.length;
  return [...front, ...Array<string>(Math.max(0, missing)).fill('0'), ...back]
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':');
}
