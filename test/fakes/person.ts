/** A person at a browser, before the pages of test/fakes/issuer.ts: follows redirects, keeps cookies, fills in forms. */

export type Page = { readonly url: string; readonly status: number; readonly html: string };

export type Person = {
  /** Opens the page that a program sends them to, signs in, consents, and is sent back. */
  signIn(url: string, login: string): Promise<Page>;
  /** Refuses instead. */
  refuse(url: string): Promise<Page>;
  enterCode(page: string, code: string, answer: { readonly login: string } | 'deny'): Promise<Page>;
};

export function newPerson(): Person {
  const go = browser();
  const signIn = async (first: Page, login: string): Promise<Page> => {
    let page = first;
    for (let steps = 0; steps < 6; steps += 1) {
      const prompt = /name="prompt" value="(\w+)"/.exec(page.html)?.[1];
      if (prompt === undefined) return page;
      page = await go(actionOf(page), prompt === 'login' ? { prompt, login, password: 'x' } : { prompt });
    }
    throw new Error('the issuer asks for ever');
  };
  return {
    signIn: async (url, login) => signIn(await go(url), login),
    refuse: async (url) => {
      const page = await go(url);
      const abort = /href="([^"]+\/abort)"/.exec(page.html)?.[1] ?? '';
      return go(new URL(abort, page.url).href);
    },
    enterCode: async (address, code, answer) => {
      const form = await go(address);
      const xsrf = /name="xsrf" value="(\w+)"/.exec(form.html)?.[1] ?? '';
      const confirm = await go(actionOf(form), { xsrf, user_code: code });
      const choice = answer === 'deny' ? { abort: 'yes' } : { confirm: 'yes' };
      const next = await go(actionOf(confirm), { xsrf, user_code: code, ...choice });
      return answer === 'deny' ? next : signIn(next, answer.login);
    },
  };
}

function actionOf({ html, url }: Page): string {
  return new URL(/action="([^"]+)"/.exec(html)?.[1] ?? '', url).href;
}

function browser(): (url: string, form?: Record<string, string>) => Promise<Page> {
  const jar = new Map<string, string>();
  return async (start, form) => {
    let url = start;
    let body = form === undefined ? null : new URLSearchParams(form);
    for (let hops = 0; hops < 12; hops += 1) {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(url, { method: body === null ? 'GET' : 'POST', body, redirect: 'manual', headers: { cookie } });
      for (const line of response.headers.getSetCookie()) {
        const [name = '', value = ''] = (line.split(';')[0] ?? '').split(/=(.*)/s);
        if (value === '') jar.delete(name);
        else jar.set(name, value);
      }
      const to = response.headers.get('location');
      if (to === null) return { url, status: response.status, html: await response.text() };
      [url, body] = [new URL(to, url).href, null];
    }
    throw new Error('redirected for ever');
  };
}
