/** What is opened on first use. */

/** Opens on first use and never twice, whoever asks; a failure is remembered as well, because nothing changes within one command. */
export function once<T>(open: () => Promise<T>): (() => Promise<T>) & { opened(): Promise<T> | undefined } {
  let opened: Promise<T> | undefined;
  return Object.assign(() => (opened ??= open()), { opened: () => opened });
}
