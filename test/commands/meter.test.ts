/** Where a bar is drawn, and where nothing may be. */

import { expect, it } from 'vitest';
import type { Globals } from '../../src/commands/command.ts';
import { makeContext, type WireOptions } from '../../src/commands/context.ts';
import { fakeIo } from '../fakes/io.ts';

const globals: Globals = { json: false, quiet: false, verbose: false, yes: false, input: true, color: true, utc: false };

async function optionsFor(over: Partial<Globals>, { tty = true, env = {} }: { tty?: boolean; env?: Record<string, string> } = {}) {
  const io = fakeIo({ tty });
  const kept: WireOptions[] = [];
  const wire = async (options: WireOptions): Promise<never> => {
    kept.push(options);
    throw new Error('enough');
  };
  const wiring = { wire } as unknown as Parameters<typeof makeContext>[1]['wiring'];
  const { context } = await makeContext(
    { ...globals, ...over },
    { env, io, wiring, signal: new AbortController().signal, tellsItsStop: () => undefined },
  );
  await context.operations().catch(() => undefined);
  return { io, options: kept[0] as WireOptions };
}

it('draws on a terminal, and nowhere else', async () => {
  expect((await optionsFor({})).options.meter).toBeDefined();
  const without = [
    optionsFor({}, { tty: false }),
    optionsFor({ json: true }),
    optionsFor({ quiet: true }),
    // Its lines say more, and would tear it apart.
    optionsFor({ verbose: true }),
    optionsFor({}, { env: { CI: 'true' } }),
    optionsFor({}, { env: { TERM: 'dumb' } }),
  ];
  for (const { options } of await Promise.all(without)) expect(options.meter).toBeUndefined();
});

it('lets a line of progress pass above it', async () => {
  const { io, options } = await optionsFor({});
  options.meter?.show(1, 10);
  await io.sleep(1_500, new AbortController().signal);
  options.meter?.show(5, 10);
  options.progress('the next one goes on from here');
  options.meter?.over();
  expect(io.err()).toMatch(/5 of 10 .*\r\u001b\[2Kthe next one goes on from here\n.*5 of 10 .*\r\u001b\[2K$/);
});

it('says off a terminal only what must not go unsaid, in local time, and nothing with --quiet', async () => {
  for (const [over, text] of [
    [{}, 'until 2026-11-23 01:00Z\n'],
    [{ quiet: true }, ''],
  ] as const) {
    const { io, options } = await optionsFor({ utc: true, ...over }, { tty: false });
    options.progress('for who looks on');
    options.progress('until 2026-11-23T01:00:00.000Z', { alsoOffTerminal: true });
    expect(io.err()).toBe(text);
  }
});
