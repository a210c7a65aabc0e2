/** Small drawings of numbers: bars, sparklines, heat maps. All take plain values. */
import { useEffect, useRef } from 'react';
import { LUTS } from '../../common/colour/luts.ts';
import type { LutName } from '../../common/colour/luts.ts';
import type { F32, U8 } from '../../common/ndarray.ts';

/** A horizontal bar from zero; `baseline` is drawn as a tick. All in the unit of `max`. */
export function Bar({ value, max, baseline, colour = 'var(--accent)', height = 6 }: { readonly value: number; readonly max: number; readonly baseline?: number | undefined; readonly colour?: string; readonly height?: number }) {
  const place = (x: number): string => `${100 * Math.min(1, Math.max(0, max > 0 ? x / max : 0))}%`;
  return (
    <div className="bar" style={{ height }}>
      <div className="bar-fill" style={{ width: place(value), background: colour }} />
      {baseline !== undefined && <div className="bar-tick" style={{ left: place(baseline) }} />}
    </div>
  );
}

/** A line over equal steps with a zero line; `mark` is one index to point at. */
export function Sparkline({ values, colour = 'var(--accent)', width = 260, height = 36, mark }: { readonly values: ArrayLike<number>; readonly colour?: string; readonly width?: number; readonly height?: number; readonly mark?: number | undefined }) {
  const list = Array.from(values);
  if (list.length === 0) return null;
  const low = Math.min(0, ...list), high = Math.max(0, ...list), span = high - low || 1;
  const x = (i: number): number => 2 + (i / Math.max(1, list.length - 1)) * (width - 4);
  const y = (v: number): number => 3 + (1 - (v - low) / span) * (height - 6);
  const step = (width - 4) / list.length;
  return (
    <svg width="100%" height={height} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <line x1="0" x2={width} y1={y(0)} y2={y(0)} stroke="var(--hairline)" />
      {list.length <= 120
        ? list.map((v, i) => <rect key={i} x={2 + i * step} width={Math.max(1, step - 1)} y={Math.min(y(v), y(0))} height={Math.max(0.75, Math.abs(y(v) - y(0)))} fill={i === mark ? 'var(--text)' : colour} opacity={i === mark ? 1 : 0.85} />)
        : <polyline points={list.map((v, i) => `${x(i)},${y(v)}`).join(' ')} fill="none" stroke={colour} strokeWidth="1.25" vectorEffect="non-scaling-stroke" />}
    </svg>
  );
}

/** A small matrix as cells of a colour table, 0 .. its maximum. `[height, width]` */
export function Heat({ values, lut = 'inferno', size = 96, label }: { readonly values: F32; readonly lut?: LutName; readonly size?: number; readonly label: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const height = values.shape[0] ?? 1, width = values.shape[1] ?? 1;
  useEffect(() => {
    const context = ref.current?.getContext('2d');
    if (context === null || context === undefined) return;
    const picture = context.createImageData(width, height);
    let high = 0;
    for (const value of values.data) if (value > high) high = value;
    for (let i = 0; i < width * height; i++) {
      const entry = Math.round(255 * Math.min(1, Math.max(0, high > 0 ? values.data[i]! / high : 0)));
      picture.data.set(LUTS[lut].rgba.subarray(entry * 4, entry * 4 + 4), i * 4);
    }
    context.putImageData(picture, 0, 0);
  }, [values, lut, width, height]);
  return <canvas ref={ref} width={width} height={height} className="heat" style={{ width: size, height: size }} role="img" aria-label={label} />;
}

/** Bars over an index, 0 .. maximum, e.g. weights per token. */
export function Profile({ values, colour, height = 34, label }: { readonly values: F32; readonly colour: string; readonly height?: number; readonly label: string }) {
  const list = Array.from(values.data), high = Math.max(...list, 1e-12);
  return (
    <svg width="100%" height={height} viewBox={`0 0 ${list.length} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {list.map((value, i) => <rect key={i} x={i + 0.08} width={0.84} y={height - (height * value) / high} height={(height * value) / high} fill={colour} />)}
    </svg>
  );
}

/** One picture of a stack `[images, height, width, 3]`. */
export function Thumb({ stack, index, size, label }: { readonly stack: U8; readonly index: number; readonly size: number; readonly label: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const height = stack.shape[1] ?? 1, width = stack.shape[2] ?? 1;
  useEffect(() => {
    const context = ref.current?.getContext('2d');
    if (context === null || context === undefined) return;
    const picture = context.createImageData(width, height);
    const from = index * height * width * 3;
    for (let i = 0; i < height * width; i++) {
      picture.data[4 * i] = stack.data[from + 3 * i]!;
      picture.data[4 * i + 1] = stack.data[from + 3 * i + 1]!;
      picture.data[4 * i + 2] = stack.data[from + 3 * i + 2]!;
      picture.data[4 * i + 3] = 255;
    }
    context.putImageData(picture, 0, 0);
  }, [stack, index, width, height]);
  return <canvas ref={ref} width={width} height={height} className="thumb" style={{ width: size, height: size }} role="img" aria-label={label} />;
}
