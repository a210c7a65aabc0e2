/** A chart on the screen: pointer and arrow keys read its items, two buttons save it. */
import { useComputedColorScheme } from '@mantine/core';
import { FileDown, ImageDown } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import type { KeyboardEvent, PointerEvent, ReactNode } from 'react';
import type { Chart } from './chart.ts';
import { itemAt, nextItem } from './chart.ts';
import { paintChart } from './draw-chart.ts';

export interface ChartViewProps {
  readonly chart: Chart;
  readonly onCsv: () => void;
  readonly onPng: () => void;
  /** Beside the title. */
  readonly controls?: ReactNode;
  /** Under the chart. */
  readonly children?: ReactNode;
}

const TIP_WIDTH = 232;

export function ChartView({ chart, onCsv, onPng, controls, children }: ChartViewProps) {
  const ref = useRef<HTMLCanvasElement>(null), scheme = useComputedColorScheme('dark'), [at, setAt] = useState<number | null>(null), id = useId();
  useEffect(() => {
    const canvas = ref.current, context = canvas?.getContext('2d');
    if (canvas === null || context === null || context === undefined) return;
    const ratio = window.devicePixelRatio, style = getComputedStyle(canvas), role = (name: string): string => style.getPropertyValue(`--${name}`).trim();
    canvas.width = Math.round(chart.width * ratio);
    canvas.height = Math.round(chart.height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, chart.width, chart.height);
    paintChart(context, chart.marks, { text: role('text'), secondary: role('secondary'), hairline: role('hairline'), warn: role('warn') });
  }, [chart, scheme]);
  const item = at === null ? undefined : chart.items[at];
  const move = (event: PointerEvent<HTMLElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(itemAt(chart, event.clientX - box.left, event.clientY - box.top));
  };
  const press = (event: KeyboardEvent<HTMLElement>): void => {
    if (event.key === 'Escape') { setAt(null); return; }
    const to = nextItem(chart, at, event.key);
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation(); // the arrows belong to the chart while it has the focus
    setAt(to);
  };
  return (
    <figure className="card chart">
      <figcaption className="chart-head">
        <b id={id} className="truncate">{chart.title}</b>
        <span className="grow" />
        {controls}
        <button type="button" className="inside-button" aria-label={`Save the numbers of “${chart.title}”`} title="Save as CSV" onClick={onCsv}><FileDown size={14} /></button>
        <button type="button" className="inside-button" aria-label={`Save the picture of “${chart.title}”`} title="Save as PNG" onClick={onPng}><ImageDown size={14} /></button>
      </figcaption>
      <div className="chart-body" style={{ width: chart.width, height: chart.height }} tabIndex={0} role="application" aria-roledescription="chart" aria-labelledby={id} aria-describedby={`${id}-now`}
        onPointerMove={move} onPointerLeave={() => { setAt(null); }} onKeyDown={press} onBlur={() => { setAt(null); }}>
        <canvas ref={ref} style={{ width: chart.width, height: chart.height }} aria-hidden="true" />
        {item !== undefined && <div className="chart-mark" style={{ left: item.x, top: item.y, width: item.w, height: item.h }} />}
        {item !== undefined && (
          <div className="chart-tip" style={{ left: Math.max(0, Math.min(item.x + item.w / 2 - TIP_WIDTH / 2, chart.width - TIP_WIDTH)), width: TIP_WIDTH, ...(item.y > chart.height / 2 ? { bottom: chart.height - item.y + 4 } : { top: item.y + Math.min(item.h, 40) + 4 }) }}>
            {item.lines.map((line, i) => <div key={line} className={i === 0 ? 'chart-tip-title' : 'number'}>{line}</div>)}
          </div>
        )}
        <span id={`${id}-now`} className="visually-hidden" aria-live="polite">{item?.lines.join('. ') ?? `${chart.items.length} values; the arrow keys read them`}</span>
      </div>
      {children}
    </figure>
  );
}
