/** Where a list of Okta's goes on: the `Link` header, which must not lead to another host or another list. */

import { broken } from './okta-errors.ts';

const link = /<([^<>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)/g;
const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))/i;

/** `undefined`: this was the last page. What cannot be understood is an error, as it may have been the way to the rest. */
export function nextPage(header: string | undefined, from: string, about: { readonly name: string }): string | undefined {
  if (header === undefined) return undefined;
  const found = [...header.matchAll(link)];
  const strange = header.replaceAll(link, '').replace(/[\s,]/g, '') !== '';
  const nexts = found.filter(([, , parameters = '']) => {
    const [, quoted, bare] = relation.exec(parameters) ?? [];
    return (quoted ?? bare ?? '').toLowerCase().split(/\s+/).includes('next');
  });
  const target = nexts[0]?.[1];
  if (strange || nexts.length > 1 || (target !== undefined && !URL.canParse(target, from))) {
    throw broken(about, 'malformed', `${about.name} says in a way that cannot be understood whether a list goes on`);
  }
  if (target === undefined) return undefined;
  const [here, there] = [new URL(from), new URL(target, from)];
  if (there.origin !== here.origin) {
    throw broken(
      about,
      'malformed',
      `${about.name} says that a list goes on at ${there.host}, and the credentials are not sent there`,
      'name as orgUrl the address that Okta itself uses, and look for a proxy',
    );
  }
  if (there.pathname !== here.pathname) throw broken(about, 'malformed', `${about.name} says that a list goes on as another list`);
  return there.href;
}
