/** Finds a secret wherever it turned up, and however it was written there: plain, in a URL, in JSON, in hex, in base64 at any offset. */

/** How a text looks in each form. The output of a whole run is searched by scripts/no-secrets.mjs, for one word that every fake's secret has in it. */
export function formsOf(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const json = JSON.stringify(text).slice(1, -1);
  return [...new Set([text, encodeURIComponent(text), json, bytes.toString('hex'), ...inBase64(bytes)])];
}

/** What base64 makes of it after 0, 1 or 2 other bytes: without the characters that also depend on its neighbours. */
function inBase64(bytes: Buffer): readonly string[] {
  const forms = [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    const first = Math.ceil((before * 8) / 6);
    return whole.toString('base64').slice(first, Math.floor((whole.length * 8) / 6));
  });
  return [...forms, ...forms.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))];
}

/** A long secret is known by its middle and its end: a message that cuts it off gives it away all the same. */
function needlesOf(secret: string): readonly string[] {
  const parts = secret.split(/\s+/).filter((part) => part.length >= 8 && !/^-{5}|-{5}$/.test(part));
  return parts.flatMap((part) => (part.length <= 32 ? [part] : [part.slice(part.length / 2, part.length / 2 + 24), part.slice(-24)]));
}

/** The names of the secrets of which something is in the text. */
export function secretsIn(text: string, secrets: ReadonlyMap<string, string>): readonly string[] {
  return [...secrets]
    .filter(([, secret]) => needlesOf(secret).some((needle) => formsOf(needle).some((form) => text.includes(form))))
    .map(([name]) => name);
}
