import { Tooltip } from '@mantine/core';
import type { ShapeName } from '../../cortex/mesh.ts';
import { useServices } from '../../state/app-context.ts';

const TITLES: { readonly [S in ShapeName]: string } = { white: 'White', pial: 'Pial', inflated: 'Inflated', flat: 'Flat' };
const KEYS: { readonly [S in ShapeName]: string } = { white: 'W', pial: 'P', inflated: 'I', flat: 'L' };
/** A release this near to a stop goes to it. */
const SNAP = 0.035;

/** One slider from the folded surface to the flat map, with a stop for each surface that exists. */
export function MorphSlider({ position, stops }: { readonly position: number; readonly stops: readonly ShapeName[] }) {
  const { cortex, view } = useServices();
  if (stops.length < 2) return null;
  const places = stops.map((name, i) => ({ name, at: i / (stops.length - 1) }));
  const settle = (value: number): void => {
    const stop = places.find(({ at }) => Math.abs(at - value) < SNAP);
    const target = stop?.at ?? value;
    view.look('Unfold', { morph: target });
  };
  return (
    <div className="morph">
      <input type="range" min={0} max={1} step={0.001} value={position} aria-label="Unfold" aria-valuetext={places.find(({ at }) => Math.abs(at - position) < 0.01)?.name ?? 'between'}
        style={{ '--share': `${100 * position}%` } as React.CSSProperties}
        onChange={(event) => { const value = Number(event.currentTarget.value); cortex.current?.setMorph(value); view.look('Unfold', { morph: value }); }}
        onPointerUp={(event) => { settle(Number(event.currentTarget.value)); }} />
      <div className="morph-stops">
        {places.map(({ name, at }) => (
          <Tooltip key={name} label={`${TITLES[name]} surface (${KEYS[name]})`}>
            <button type="button" style={{ left: `${100 * at}%` }} data-active={Math.abs(at - position) < 0.01} onClick={() => { view.look(`${TITLES[name]} surface`, { morph: at }); }}>{TITLES[name]}</button>
          </Tooltip>
        ))}
      </div>
    </div>
  );
}
