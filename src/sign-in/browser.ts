/** Whether this machine has a browser for the person who types, and opening an address in it. */

type Env = Readonly<Record<string, string | undefined>>;

/** `undefined`: there is one. Else why not, as a clause for people. */
export function whyNoBrowser(env: Env, platform: NodeJS.Platform = process.platform): string | undefined {
  if (env.SUDO_UID) return 'this runs through sudo, and a browser would run as another user';
  if (env.SSH_CONNECTION || env.SSH_TTY) return 'this is a session over SSH';
  if (['darwin', 'win32'].includes(platform) || env.DISPLAY || env.WAYLAND_DISPLAY) return undefined;
  return 'there is no display';
}

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly [program: string, ...args: string[]]>>> = {
  darwin: ['/usr/bin/open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** Without a shell: an address is data. Resolves to whether the program could be started; what the browser then does is not known. */
export async function openBrowser(url: string, [program, ...args] = openers[process.platform] ?? ['xdg-open']): Promise<boolean> {
  const { spawn } = await import('node:child_process');
  return new Promise((resolve) => {
    const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
