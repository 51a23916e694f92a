import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openBrowser, whyNoBrowser } from '../../src/sign-in/browser.ts';

it.each([
  ['a display', { DISPLAY: ':0' }, 'linux', undefined],
  ['Wayland', { WAYLAND_DISPLAY: 'wayland-0' }, 'linux', undefined],
  ['a Mac', {}, 'darwin', undefined],
  ['no display', {}, 'linux', /no display/],
  ['an SSH session that forwards a display', { DISPLAY: 'localhost:10.0', SSH_CONNECTION: 'x' }, 'linux', /SSH/],
  ['an SSH session to a Mac', { SSH_CONNECTION: 'x' }, 'darwin', /SSH/],
  ['sudo, where a browser would run as root', { DISPLAY: ':0', SUDO_UID: '1000' }, 'linux', /sudo/],
] as const)('knows whether a browser can be opened with %s', (_, env, platform, why) => {
  const said = whyNoBrowser(env, platform);
  if (why === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(why);
});

it('hands the address over as one argument, whatever is in it, and says whether the program could be started', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'oncall-browser-'));
  try {
    const program = join(folder, 'browser');
    writeFileSync(program, `#!/bin/sh\nprintf '%s|' "$#" "$1" > ${folder}/got.new && mv ${folder}/got.new ${folder}/got\n`);
    chmodSync(program, 0o755);
    const url = 'https://acme.okta.com/authorize?a=1&b=$(touch x);echo';
    expect(await openBrowser(url, [program])).toBe(true);
    await expect.poll(() => readFileSync(join(folder, 'got'), 'utf8')).toBe(`1|${url}|`);
    expect(await openBrowser(url, [join(folder, 'none')])).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
