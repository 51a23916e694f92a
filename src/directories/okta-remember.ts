/** Work whose answer is shared by whoever asks meanwhile and for a time afterwards; a failure is not kept. */

export function remember<T>(work: () => Promise<T>, keepMs: number, now: () => number): { get(): Promise<T>; forget(): void } {
  let known: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return {
    get: () => {
      const age = now() - (known?.at ?? Number.NEGATIVE_INFINITY);
      if (known && age >= 0 && age <= keepMs) return known.answer;
      const mine = { at: now(), answer: work() };
      known = mine;
      mine.answer.catch(() => {
        if (known === mine) known = undefined;
      });
      return mine.answer;
    },
    forget: () => {
      known = undefined;
    },
  };
}
