import { useMemo, useRef, useState } from 'react';
import { cssGradient, LUTS } from '../../../common/colour/luts.ts';
import { formatValue, histogramOf, rgbaOf, ruleOf } from '../../../common/colour/scale.ts';
import type { Scale } from '../../../common/colour/scale.ts';
import type { VoxelMap } from '../../../common/contract/payloads.ts';
import { percent } from '../../parts/words.ts';
import { useServices } from '../../state/app-context.ts';

const WIDTH = 268;
const TALL = 40;
const BINS = 67;

/** A limit that can be typed over; the other end of a signed map follows. */
function Limit({ value, align, onChange }: { readonly value: number; readonly align: 'left' | 'right'; readonly onChange: (value: number | null) => void }) {
  const [text, setText] = useState<string | null>(null);
  const commit = (): void => {
    const typed = text === null ? Number.NaN : Number(text.replace('−', '-').replace(',', '.'));
    setText(null);
    if (Number.isFinite(typed)) onChange(typed);
  };
  return (
    <input className="limit number" style={{ textAlign: align }} value={text ?? formatValue(value)} aria-label={align === 'left' ? 'Lower limit' : 'Upper limit'} title="Type a limit; double-click for the 98th percentile"
      onFocus={(event) => { setText(formatValue(value).replace('−', '-')); event.currentTarget.select(); }} onChange={(event) => { setText(event.currentTarget.value); }} onBlur={commit}
      onDoubleClick={() => { setText(null); onChange(null); }} onKeyDown={(event) => { if (event.key === 'Enter') event.currentTarget.blur(); if (event.key === 'Escape') { setText(null); event.currentTarget.blur(); } }} />
  );
}

export function Legend({ map, scale }: { readonly map: VoxelMap; readonly scale: Scale }) {
  const { view } = useServices();
  const plot = useRef<SVGSVGElement>(null);
  const histogram = useMemo(() => histogramOf(map.values, scale.low, scale.high, BINS), [map, scale.low, scale.high]);
  const magnitudes = useMemo(() => Float32Array.from(map.values.filter((value) => Number.isFinite(value)), (value) => (map.signed ? Math.abs(value) : value)).sort(), [map]);
  const most = Math.max(1, ...histogram.counts);
  const x = (value: number): number => ((value - scale.low) / (scale.high - scale.low || 1)) * WIDTH;
  const valueAt = (clientX: number): number => {
    const box = plot.current?.getBoundingClientRect();
    return box === undefined ? 0 : scale.low + (Math.min(1, Math.max(0, (clientX - box.left) / box.width))) * (scale.high - scale.low);
  };
  const setThreshold = (value: number): void => {
    let low = 0, high = magnitudes.length;
    while (low < high) { const middle = (low + high) >> 1; if (magnitudes[middle]! < value) low = middle + 1; else high = middle; }
    view.look('Threshold', { thresholdShare: Math.min(0.995, magnitudes.length === 0 ? 0 : low / magnitudes.length) });
  };
  const drag = (event: React.PointerEvent<SVGSVGElement>): void => {
    if (event.buttons !== 1) return;
    const value = valueAt(event.clientX);
    setThreshold(Math.max(0, map.signed ? Math.abs(value) : value));
  };
  const limits = (end: 'low' | 'high') => (value: number | null): void => {
    if (value === null) { view.look('Limits', { limits: null }); return; }
    if (map.signed) { const size = Math.abs(value); if (size > 0) view.look('Limits', { limits: { low: -size, high: size } }); return; }
    const next = end === 'low' ? { low: value, high: scale.high } : { low: scale.low, high: value };
    if (next.high > next.low) view.look('Limits', { limits: next });
  };
  const cut = magnitudes.length === 0 || scale.threshold <= 0 ? 0 : view.store.getState().look.thresholdShare;
  const handles = scale.threshold <= 0 ? [scale.signed ? 0 : scale.low] : scale.signed ? [-scale.threshold, scale.threshold] : [scale.threshold];
  const binWidth = WIDTH / BINS;
  return (
    <div className="legend">
      <div className="legend-title truncate" title={map.title}>{map.title}</div>
      <div className="legend-unit truncate">{map.unit}</div>
      <svg ref={plot} width={WIDTH} height={TALL + 8} className="legend-plot" role="slider" aria-label="Threshold" aria-valuenow={Number(cut.toFixed(2))} aria-valuemin={0} aria-valuemax={1} aria-valuetext={`${percent(cut)} of the voxels below ${formatValue(scale.threshold)}`} tabIndex={0}
        onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); drag(event); }} onPointerMove={drag}
        onKeyDown={(event) => {
          const step = event.key === 'ArrowRight' || event.key === 'ArrowUp' ? 0.02 : event.key === 'ArrowLeft' || event.key === 'ArrowDown' ? -0.02 : 0;
          if (step !== 0) { event.preventDefault(); view.look('Threshold', { thresholdShare: Math.min(0.995, Math.max(0, view.store.getState().look.thresholdShare + step)) }); }
        }}>
        {Array.from(histogram.counts, (n, i) => {
          const centre = scale.low + ((i + 0.5) / BINS) * (scale.high - scale.low);
          const [r, g, b, a] = rgbaOf({ ...scale, opacity: 1 }, centre);
          const height = n === 0 ? 0 : Math.max(1, TALL * Math.sqrt(n / most));
          return <g key={i}>
            <rect x={i * binWidth + 0.5} width={binWidth - 1} y={TALL - height} height={height} fill="var(--hairline)" />
            <rect x={i * binWidth + 0.5} width={binWidth - 1} y={TALL - height} height={height} fill={`rgb(${r} ${g} ${b})`} opacity={a / 255} />
          </g>;
        })}
        {handles.map((value) => (
          <g key={value} transform={`translate(${x(value)} 0)`} className="legend-handle">
            <line y1="0" y2={TALL} stroke="var(--text)" strokeWidth="1.25" /><path d={`M-5 ${TALL + 8}L0 ${TALL + 1}L5 ${TALL + 8}Z`} fill="var(--text)" />
          </g>
        ))}
      </svg>
      <div className="legend-bar" style={{ background: cssGradient(LUTS[scale.lut]) }} />
      <div className="legend-limits">
        <Limit value={scale.low} align="left" onChange={limits('low')} />
        <span className="legend-rule number">{scale.threshold > 0 && scale.below !== 'show' ? `${scale.signed ? '±' : '≥'} ${formatValue(scale.threshold)}, ${percent(1 - cut)} of voxels` : 'no threshold'}</span>
        <Limit value={scale.high} align="right" onChange={limits('high')} />
      </div>
      <div className="legend-caveat" title={ruleOf(scale)}>{map.caveat}</div>
    </div>
  );
}
