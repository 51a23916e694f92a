/** A screen of a terminal, with its colours (SGR), as a picture that is text: one `<text>` a line, one `<tspan>` for what looks alike. */

const cell = { width: 8.4, height: 18, size: 14 };
const edge = 12;

/** On a ground of its own, so that it can be read on a light page and on a dark one. */
const style = `text{font:${cell.size}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d8dee9}
.bold{font-weight:700}.dim{fill:#98a2b3}.red{fill:#f28b82}.green{fill:#a3d977}.yellow{fill:#f2cc60}.blue{fill:#82b1ff}.magenta{fill:#d7a6ff}.cyan{fill:#76d7ea}`;

const colours = ['', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', ''];

/** What one SGR code makes of how it looked before. */
function turned(look, code) {
  if (code === 0) return { colour: '', bold: false, dim: false };
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 39) return { ...look, colour: '' };
  if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) return { ...look, colour: code === 90 ? 'dim' : colours[code % 10] };
  return look;
}

/** Every line as runs of `{ at, text, look }`, `at` in columns; two spaces end one. A look goes on from line to line. */
function runsOf(screen) {
  let look = turned({}, 0);
  return screen.split('\n').map((line) => {
    const runs = [];
    let at = 0;
    for (const [, codes, text, gap] of line.matchAll(/\x1b\[([\d;]*)m|([^\x00-\x20]+(?: [^\x00-\x20]+)*)|( +)/g)) {
      if (codes !== undefined) for (const code of codes.split(';')) look = turned(look, Number(code));
      if (text !== undefined)
        runs.push({ at, text, look: [look.bold && 'bold', look.dim && 'dim', look.colour].filter(Boolean).join(' ') });
      at += [...(text ?? gap ?? '')].length;
    }
    return runs;
  });
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const points = (number) => String(Math.round(number * 10) / 10);

/** Where a run begins and how long it is stands there, so that columns meet whatever the font is. */
function span({ at, text, look }) {
  const [x, width] = [edge + at * cell.width, [...text].length * cell.width].map(points);
  return `<tspan x="${x}" textLength="${width}"${look === '' ? '' : ` class="${look}"`}>${escaped(text)}</tspan>`;
}

/** `title` is for those who hear it instead. */
export function toSvg(screen, { title, columns }) {
  const lines = runsOf(screen);
  const [width, height] = [2 * edge + columns * cell.width, 2 * edge + lines.length * cell.height];
  const texts = lines.map((runs, row) => `<text y="${points(edge + row * cell.height + cell.size)}">${runs.map(span).join('')}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${points(width)} ${points(height)}" width="${points(width)}" role="img">
<title>${escaped(title)}</title>
<style>${style}</style>
<rect width="100%" height="100%" rx="8" fill="#1c2128"/>
${texts.filter((text) => text.includes('<tspan')).join('\n')}
</svg>
`;
}
