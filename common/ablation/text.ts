/** An ablation table as CSV, LaTeX and HTML. Pure functions of the table: no clock, so that the same table is the same bytes. */
import type { AblationTable, TableCell, TableRow } from './table.ts';

/** At most six significant digits. */
const short = (value: number): string => String(Number(value.toPrecision(6)));
const three = (value: number): string => value.toFixed(3);
const probability = (p: number): string => (p < 0.001 ? p.toExponential(1) : p.toFixed(3));

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const line = (cells: readonly (string | number)[]): string => `${cells.map((cell) => quoted(String(cell))).join(',')}\n`;

/** One line per row and metric. */
export function tableCsv(table: AblationTable): string {
  const head = line(['arm', 'title', 'note', 'anchor', 'metric', 'mean', 'low95', 'high95', 'shuffled', 'difference', 'p', 'p_holm', 'images', 'data', 'subject', 'seed']);
  const ours = table.rows.flatMap((row) => table.metrics.flatMap(({ name }) => {
    const cell = row.cells[name];
    if (cell === undefined) return [];
    const { mean, interval, shuffled, versus } = cell;
    return [line([row.id, row.title, row.note, String(row.anchor), name, short(mean), interval === null ? '' : short(interval.low), interval === null ? '' : short(interval.high), shuffled === null ? '' : short(shuffled),
      ...(versus === null ? ['', '', ''] : [short(versus.difference), short(versus.p), short(versus.holm)]), table.imageIds.length, table.data.label, table.data.subject, table.seed])];
  }));
  const theirs = table.published.rows.flatMap((row) => Object.entries(row.values).map(([metric, value]) => line([row.id, row.title, table.published.source, 'published', metric, value, '', '', '', '', '', '', '', 'NSD', '', ''])));
  return head + ours.join('') + theirs.join('');
}

/** One line per row, metric and image. */
export function tableImagesCsv(table: AblationTable): string {
  return line(['arm', 'metric', 'imageId', 'value']) + table.rows.flatMap((row) => Object.entries(row.cells).flatMap(([metric, cell]) => cell.perImage.map((value, i) => line([row.id, metric, table.imageIds[i] ?? '', short(value)])))).join('');
}

const STARS: readonly (readonly [number, string])[] = [[0.001, '***'], [0.01, '**'], [0.05, '*']];
/** Stars of a cell by its p after Holm; none for the row that the others are compared with. */
export const stars = (cell: TableCell): string => STARS.find(([least]) => (cell.versus?.holm ?? 1) < least)?.[1] ?? '';

const tex = (text: string): string => text.replace(/Z_CLIP/g, '$Z_{CLIP}$').replace(/([%&#_])(?![{])/g, '\\$1');

export function tableLatex(table: AblationTable): string {
  const columns = table.metrics.length, cells = (row: TableRow): string => table.metrics.map(({ name }) => {
    const cell = row.cells[name];
    return cell === undefined ? '--' : `${three(cell.mean)}${cell.interval === null ? '' : ` [${three(cell.interval.low)}, ${three(cell.interval.high)}]`}${stars(cell) === '' ? '' : `$^{${stars(cell)}}$`}`;
  }).join(' & ');
  const published = table.published.rows.map((row) => `${tex(row.title)} & ${table.metrics.map(({ name }) => { const value = row.values[name]; return value === undefined ? '--' : three(value); }).join(' & ')} \\\\`);
  return [
    '% needs booktabs', '\\begin{table}', '\\centering', `\\caption{${tex(caption(table))}}`, `\\begin{tabular}{l${'r'.repeat(columns)}}`, '\\toprule',
    `& ${table.metrics.map((metric) => `${tex(metric.title)} ${metric.better === 'higher' ? '$\\uparrow$' : '$\\downarrow$'}`).join(' & ')} \\\\`, '\\midrule',
    ...table.rows.filter((row) => !row.anchor).map((row) => `${tex(row.title)} & ${cells(row)} \\\\`), '\\midrule',
    ...table.rows.filter((row) => row.anchor).map((row) => `\\textit{${tex(row.title)}} & ${cells(row)} \\\\`), '\\midrule',
    `\\multicolumn{${columns + 1}}{l}{${tex(table.published.source)}} \\\\`, ...published, '\\bottomrule', '\\end{tabular}', '\\end{table}', '',
  ].join('\n');
}

const html = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A page of its own, without script or outside reference. */
export function tableHtml(table: AblationTable): string {
  const cell = (row: TableRow, name: string): string => {
    const value = row.cells[name];
    if (value === undefined) return '<td>–</td>';
    const about = value.versus === null ? '' : ` title="difference ${short(value.versus.difference)}, p ${probability(value.versus.p)}, Holm ${probability(value.versus.holm)}"`;
    return `<td${about}>${three(value.mean)}${value.interval === null ? '' : ` <small>[${three(value.interval.low)}, ${three(value.interval.high)}]</small>`}${stars(value)}</td>`;
  };
  const rows = (anchor: boolean): string => table.rows.filter((row) => row.anchor === anchor).map((row) => `<tr${anchor ? ' class="anchor"' : ''}><th scope="row">${html(row.title)}<br><small>${html(row.note)}</small></th>${table.metrics.map(({ name }) => cell(row, name)).join('')}</tr>`).join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${html(table.title)}</title>
<style>body{font:14px system-ui,sans-serif;margin:2rem;max-width:70rem}table{border-collapse:collapse}td,th{padding:.35rem .8rem;text-align:right;border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums}th[scope=row]{text-align:left;font-weight:500}small{color:#666;font-weight:400}.anchor{color:#555;font-style:italic}caption{text-align:left;margin-bottom:.8rem}</style></head>
<body><table><caption>${html(caption(table))}</caption>
<thead><tr><th></th>${table.metrics.map((metric) => `<th scope="col" title="${html(metric.definition)}">${html(metric.title)} ${metric.better === 'higher' ? '↑' : '↓'}</th>`).join('')}</tr></thead>
<tbody>
${rows(false)}
${rows(true)}
<tr><th scope="row" colspan="${table.metrics.length + 1}">${html(table.published.source)}</th></tr>
${table.published.rows.map((row) => `<tr class="anchor"><th scope="row">${html(row.title)}</th>${table.metrics.map(({ name }) => `<td>${row.values[name] === undefined ? '–' : three(row.values[name])}</td>`).join('')}</tr>`).join('\n')}
</tbody></table>
<ul>${table.claims.map((claim) => `<li>${claim.holds ? 'holds' : '<b>does not hold</b>'}: ${html(claim.text)}</li>`).join('')}</ul>
${table.notes.map((note) => `<p><small>${html(note)}</small></p>`).join('\n')}
</body></html>
`;
}

function caption(table: AblationTable): string {
  return `Table ${table.table}. ${table.title}. ${table.data.label}${table.data.synthetic ? ' (synthetic)' : ''}, ${table.data.subject}, ${table.imageIds.length} images, seed ${table.seed}, ${table.pack}. Stars: paired sign-flip test against "complete", Holm over the table (* 0.05, ** 0.01, *** 0.001).`;
}
