import { describe, expect, it } from 'vitest';
import { canPrompt, colorLevel, makePaint } from '../../src/terminal/io.ts';

describe('colorLevel', () => {
  it.each([
    ['a terminal', true, {}, true, 1],
    ['a terminal of 256 colours', true, { TERM: 'xterm-256color' }, true, 2],
    ['a terminal of all colours', true, { COLORTERM: 'truecolor' }, true, 3],
    ['no terminal', false, {}, true, 0],
    ['--no-color, even against FORCE_COLOR', true, { FORCE_COLOR: '3' }, false, 0],
    ['NO_COLOR, even against FORCE_COLOR', true, { NO_COLOR: '1', FORCE_COLOR: '3' }, true, 0],
    ['an empty NO_COLOR, which does not count', true, { NO_COLOR: '' }, true, 1],
    ['FORCE_COLOR off a terminal', false, { FORCE_COLOR: '1' }, true, 1],
    ['FORCE_COLOR=3', false, { FORCE_COLOR: '3' }, true, 3],
    ['FORCE_COLOR=0', true, { FORCE_COLOR: '0' }, true, 0],
    ['a dumb terminal', true, { TERM: 'dumb' }, true, 0],
  ])('%s', (_, isTty, env, wanted, level) => {
    expect(colorLevel({ isTty }, env, wanted)).toBe(level);
  });
});

describe('makePaint', () => {
  it('adds nothing at level 0, and colour at level 1', async () => {
    expect((await makePaint(0)).red('x')).toBe('x');
    expect((await makePaint(1)).red('x')).toBe('\u001b[31mx\u001b[39m');
  });
});

describe('canPrompt', () => {
  const io = (stdin: boolean, stderr: boolean) => ({
    stdin: { isTty: stdin },
    stderr: { isTty: stderr, width: 80, write: () => undefined },
  });

  it('asks only where both ends of the conversation are a terminal', () => {
    expect(canPrompt(io(true, true), {}, true)).toBe(true);
    expect(canPrompt(io(false, true), {}, true)).toBe(false);
    expect(canPrompt(io(true, false), {}, true)).toBe(false);
  });

  it('does not ask with --no-input, in CI, or on a dumb terminal', () => {
    expect(canPrompt(io(true, true), {}, false)).toBe(false);
    expect(canPrompt(io(true, true), { CI: 'true' }, true)).toBe(false);
    expect(canPrompt(io(true, true), { CI: '' }, true)).toBe(true);
    expect(canPrompt(io(true, true), { TERM: 'dumb' }, true)).toBe(false);
  });
});
