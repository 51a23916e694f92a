import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clean, cleanDeep, cut, pad, widthOf, wrap } from '../../src/terminal/text.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 60 });
/** Text with much of what is dangerous in it. */
const hostile = fc
  .array(fc.oneof(anyText, fc.constantFrom('\u001b[31m', '\u001b]0;title\u0007', '\u009b2J', '\u202e', '\u200b', '\r', '\n', '\u0000')), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''));

describe('clean', () => {
  it('leaves no control, escape, bidi or invisible character, whatever it is given', () => {
    fc.assert(fc.property(hostile, (text) => !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(clean(text))));
  });

  it('leaves text alone that was clean already', () => {
    fc.assert(fc.property(hostile, (text) => clean(clean(text)) === clean(text)));
    expect(clean('Zoë Müller 李雷 (db-primary) – 50 %')).toBe('Zoë Müller 李雷 (db-primary) – 50 %');
  });

  it.each([
    ['a colour', 'a\u001b[31mred\u001b[0mb', 'aredb'],
    ['a cursor that moves up to rewrite the line above', '\u001b[1A\u001b[2Kyou are in', 'you are in'],
    ['a window title', '\u001b]0;pwned\u0007ok', 'ok'],
    ['a link', '\u001b]8;;https://evil.example\u001b\\text\u001b]8;;\u001b\\', 'text'],
    ['the one-byte form of an escape', 'a\u009b31mb', 'ab'],
    ['a carriage return', 'denied\rgranted', 'denied granted'],
    ['line breaks', 'one\n\ntwo\u2028three', 'one two three'],
    ['right-to-left override', 'user\u202egpj.exe', 'usergpj.exe'],
    ['zero-width characters', 'ad\u200bmin\ufeff', 'admin'],
    ['an escape without an end', 'a\u001b', 'a'],
  ])('takes out %s', (_, dirty, plain) => {
    expect(clean(dirty)).toBe(plain);
  });
});

describe('cleanDeep', () => {
  it('reaches every string of a result, in lists and keys too, and keeps everything else', () => {
    const dirty = { 'a\u001b[1m': ['x\u0007', { deep: '\u202ey', at: 5, none: null, yes: true }], gone: undefined };
    expect(cleanDeep(dirty)).toEqual({ a: ['x', { deep: 'y', at: 5, none: null, yes: true }], gone: undefined });
  });

  it('leaves nothing dangerous in any value', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => !/[\u0000-\u001f\u007f-\u009f\u202e]/.test(JSON.stringify(cleanDeep(value)))));
  });
});

describe('width', () => {
  it('counts wide characters twice, combining ones and colours not at all', () => {
    expect(widthOf('李雷')).toBe(4);
    expect(widthOf('e\u0301')).toBe(1);
    expect(widthOf('\u001b[31mred\u001b[39m')).toBe(3);
  });

  it('cuts to the width and says so with an ellipsis', () => {
    expect(cut('maria@acme.dev', 8)).toBe('maria@a…');
    expect(cut('李雷李雷', 5)).toBe('李雷…');
    expect(cut('short', 5)).toBe('short');
    expect(pad('李', 4)).toBe('李  ');
  });

  it('wraps at spaces with later lines indented, and never breaks a word', () => {
    expect(wrap('  why:  one two three', 15, 8)).toBe('  why:  one two\n        three');
    expect(wrap('aaa bbbbbbbbbbbb c', 6, 2)).toBe('aaa\n  bbbbbbbbbbbb\n  c');
    expect(wrap('never wrapped off a terminal', Number.POSITIVE_INFINITY, 2)).toBe('never wrapped off a terminal');
  });

  it('never breaks a command, which would be two where it is copied', () => {
    expect(wrap("  next: make one: $ printf '%s' 'a b' > c", 18, 8)).toBe("  next: make one:\n        $ printf '%s' 'a b' > c");
    expect(wrap('costs 5$ or $5 here', 8, 2)).toBe('costs 5$\n  or $5\n  here');
  });

  it.each([
    'oncall approve k7m2xq',
    'oncall approve k7m2xq --reason "…"',
    "oncall --policy '/etc/on call/a.yaml' request support customer=acme --queue",
    'oncall --policy p.yaml sweep',
  ])('keeps %s in one line, and breaks what stands around it', (command) => {
    expect(wrap(`to be reviewed by then: ${command}; or never`, 30, 2)).toContain(`\n  ${command};`);
  });
});
