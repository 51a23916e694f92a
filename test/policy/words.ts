/** What docs/policy.md says about each key, cut to a sentence: the descriptions of the JSON Schema have no words of their own, so the two cannot part. */

export type Words = (section: string, key: string) => string | undefined;

type Row = { readonly keys: readonly string[]; readonly text: string; readonly fallback: string };

/** Keys that share a row, or a sentence, with another one. */
const nested: Readonly<Record<string, string>> = {
  'The file.version': 'The version of the policy language: 1.',
  'The file.admins': 'Who may revoke any access, read the whole audit, override a late sweep, and recover a ledger.',
  'Directories and rosters.kind': "Of which kind it is. Default: the entry's name.",
  'Identity.kind': 'local, which proves nothing, or oidc.',
  'credentials.profile': "A profile of AWS's own configuration files.",
  'credentials.assumeRole': 'The IAM role that is assumed.',
  'IAM roles.assumeRole': 'The ARN of an IAM role in the account of the directory.',
  'The file.sweep': 'How late a sweep may be, how often whole groups are compared, and when a run begins nothing more.',
  'ledger.postgres': 'Where the address of a PostgreSQL database is.',
  'secret.env': 'The name of the environment variable that holds it.',
  'secret.file': 'The path of the file that holds it, relative to the policy.',
  'secret.command': 'A program and its arguments that prints it.',
  'ttl.default': 'How long if nothing is said.',
  'ttl.max': 'How long at most, counted from the first start.',
  'breakGlass.when': 'Whoever meets one of these may break the glass.',
  'breakGlass.ttl': 'How long it is for.',
  'breakGlass.review': 'Who looks at it afterwards, and how soon.',
  'review.by': 'Who looks at it afterwards, never who did it.',
  'review.within': 'How soon. Default: 72h.',
  'delegate.to': 'Who says yes in their place.',
  'delegate.from': 'The first day, such as 2026-11-20. Default: at once.',
  'delegate.until': 'The last day, which is over at midnight in UTC.',
  'onEnd.endSessions': 'When the membership has been removed, what the holder is signed in to there is ended too.',
  'during.days': 'The days on which the hours begin. Default: every day.',
  'during.from': 'From this time of day on, such as 09:00.',
  'during.to': 'Until this time of day; before from: past midnight, counted to the day it began.',
  'during.zone': 'The time zone, such as Europe/Berlin.',
  'incident.services': 'Only incidents of one of these services.',
  'incident.severities': 'Only incidents of one of these severities.',
  'incident.types': 'Only incidents of one of these types.',
  'incident.anyIncident': 'Every live incident counts, however small.',
};

export function wordsOf(page: string): Words {
  const sections = new Map(page.split(/^##+ /m).map((text) => [(text.split('\n', 1)[0] ?? '').replaceAll('`', ''), text]));
  return (section, key) => {
    const own = nested[`${section}.${key}`];
    if (own !== undefined) return own;
    const text = sections.get(section) ?? sections.get(section.replace(/^(Directory|Roster) /, '')) ?? '';
    const row = rowsOf(text).find(({ keys }) => keys.includes(key));
    if (row !== undefined) return sentence(row.text, section, row.fallback);
    // `path` (required): a JSON file, …
    const prose = new RegExp(`\`${key}\` \\((?:required|optional|[\\dhms]+)\\): ([^|]*?\\.)(?=\\s|$)`).exec(text.replaceAll('\n', ' '));
    return prose?.[1] === undefined ? undefined : sentence(prose[1], section, '');
  };
}

function rowsOf(section: string): Row[] {
  const lines = section.split('\n').filter((line) => line.startsWith('| `'));
  return lines.map((line) => {
    const cells = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim());
    const [keys = '', need = '', fallback = ''] = cells;
    return {
      keys: [...keys.matchAll(/`([a-zA-Z.]+)(?:: [^`]*)?`/g)].map((match) => match[1] ?? ''),
      text: cells.at(-1) ?? '',
      fallback: cells.length > 3 && need === 'optional' ? fallback : '',
    };
  });
}

function sentence(cell: string, section: string, fallback: string): string {
  const plain = cell
    .replaceAll(/,? \[(?:below|more)\]\([^)]*\)/g, '')
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[`*]/g, '');
  const first = /^.*?[.](?= |$)/.exec(plain)?.[0] ?? plain;
  const lead = section === 'Conditions' && /^(that|members|whoever|anyone)/.test(first) ? `holds for ${first}` : first;
  // What begins with a key or a value is spelled as that is.
  const start = cell.startsWith('`') ? lead.charAt(0) : lead.charAt(0).toUpperCase();
  const whole = `${start}${lead.slice(1)}`.replace(/[.;:,]?$/, '.');
  return fallback === '' ? whole : `${whole} Default: ${fallback.replaceAll('`', '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')}.`;
}
