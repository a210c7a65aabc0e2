/** An ablation table: our rows, the anchors, the study's own numbers under their own heading, the claims, and how it was made. */
import { Button, Tooltip } from '@mantine/core';
import { Check, FileDown, X } from 'lucide-react';
import type { AblationTable, TableRow } from '../../../common/ablation/table.ts';
import { stars, tableCsv, tableHtml, tableImagesCsv, tableLatex } from '../../../common/ablation/text.ts';
import { saveText } from '../../state/actions.ts';
import { useServices } from '../../state/app-context.ts';

/** Two-sided sign flips of fewer images cannot come below p 0.05. */
const LEAST_IMAGES = 6;

const probability = (p: number): string => (p < 0.001 ? '< 0.001' : p.toFixed(3));

function Cell({ row, name }: { readonly row: TableRow; readonly name: string }) {
  const cell = row.cells[name];
  if (cell === undefined) return <td className="right quiet">–</td>;
  const { versus } = cell;
  return (
    <td className="right number">
      <Tooltip label={versus === null ? 'Mean over images' : `Difference to complete ${versus.difference.toFixed(4)}, p ${probability(versus.p)}, Holm ${probability(versus.holm)}`}>
        <span><b style={{ fontWeight: row.id === 'both/complete' ? 650 : 500 }}>{cell.mean.toFixed(3)}</b><span className="stars">{stars(cell)}</span></span>
      </Tooltip>
      {cell.interval !== null && <span className="table-note">{cell.interval.low.toFixed(3)} to {cell.interval.high.toFixed(3)}</span>}
    </td>
  );
}

export function ResultTable({ table }: { readonly table: AblationTable }) {
  const services = useServices(), stem = `table-${table.table}-${table.data.subject}`;
  const exports: readonly (readonly [string, string, () => string])[] = [
    ['CSV', `${stem}.csv`, () => tableCsv(table)], ['CSV per image', `${stem}-images.csv`, () => tableImagesCsv(table)], ['LaTeX', `${stem}.tex`, () => tableLatex(table)], ['HTML', `${stem}.html`, () => tableHtml(table)],
  ];
  return (
    <section className="data-section">
      <div className="row" style={{ justifyContent: 'space-between', alignItems: 'flex-end' }}>
        <h2 className="section-title as-written">Table {table.table}. {table.title}. {table.data.label}{table.data.synthetic ? ' (synthetic)' : ''}, {table.data.subject}, {table.imageIds.length} images</h2>
        <div className="row" style={{ gap: 6, flex: 'none' }}>{exports.map(([label, name, text]) => <Button key={label} size="compact-sm" variant="default" leftSection={<FileDown size={14} />} onClick={() => { void saveText(services, name, text()); }}>{label}</Button>)}</div>
      </div>
      <div className="card scroll" style={{ padding: 0 }}>
        <table className="table table-result">
          <thead><tr><th aria-label="Arm" />{table.metrics.map((metric) => <th key={metric.name} className="right" title={metric.definition}>{metric.title} {metric.better === 'higher' ? '↑' : '↓'}</th>)}</tr></thead>
          <tbody>
            {table.rows.toSorted((a, b) => Number(a.anchor) - Number(b.anchor)).map((row) => (
              <tr key={row.id} data-anchor={row.anchor}><th scope="row">{row.title}<span className="table-note">{row.note}</span></th>{table.metrics.map(({ name }) => <Cell key={name} row={row} name={name} />)}</tr>
            ))}
            <tr><th scope="row" colSpan={table.metrics.length + 1} className="quiet">{table.published.source}: compare the order, not the size</th></tr>
            {table.published.rows.map((row) => (
              <tr key={`published ${row.id}`} data-anchor="true"><th scope="row">{row.title}</th>{table.metrics.map(({ name }) => <td key={name} className="right number">{row.values[name]?.toFixed(3) ?? '–'}</td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
      {table.imageIds.length < LEAST_IMAGES && <div className="warn-line" style={{ fontSize: 12 }}>On {table.imageIds.length} images no difference can reach p &lt; 0.05 (the least that a sign-flip test of so few can give is {(2 ** (1 - table.imageIds.length)).toFixed(2)}): the order below may be chance.</div>}
      <ul className="claims">
        {table.claims.map((claim) => <li key={claim.text} className="row" style={{ gap: 8 }}>{claim.holds ? <Check size={15} className="ok" aria-label="holds" /> : <X size={15} className="error" aria-label="does not hold" />}<span>{claim.text}</span></li>)}
      </ul>
      <div className="quiet" style={{ fontSize: 12 }}>Stars: the difference to “complete” after Holm, * p &lt; 0.05, ** p &lt; 0.01, *** p &lt; 0.001. Point at a number for its p.</div>
      {table.notes.map((note) => <div key={note} className="quiet" style={{ fontSize: 12 }}>{note}</div>)}
    </section>
  );
}
