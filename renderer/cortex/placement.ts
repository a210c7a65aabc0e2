/**
 * Where each hemisphere stands for a layout and a place on the morph slider. Pure numbers: the scene only applies them.
 */
import type { Hemisphere } from '../../common/dataset.ts';
import type { PreparedShape, ShapeName } from './mesh.ts';

export type LayoutName = 'together' | 'apart' | 'lateral' | 'medial';

export const LAYOUTS: { readonly [Name in LayoutName]: { readonly title: string; readonly hint: string; readonly gapMm: number; readonly turnDegrees: number } } = {
  together: { title: 'Together', hint: 'As in the head', gapMm: 4, turnDegrees: 0 },
  apart: { title: 'Apart', hint: 'With a gap between the hemispheres', gapMm: 46, turnDegrees: 0 },
  lateral: { title: 'Lateral', hint: 'Outer sides towards you', gapMm: 16, turnDegrees: 68 },
  medial: { title: 'Book', hint: 'Opened like a book: medial walls towards you', gapMm: 16, turnDegrees: -68 },
};

export interface Placement {
  /** Offset of the hemisphere's centre in scene axes, mm. */
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** Turn about the vertical axis, radians. */
  readonly turn: number;
}

/** Half width seen from behind after the turn. */
function halfWidth(shape: PreparedShape, turn: number): number {
  return Math.abs(Math.cos(turn)) * shape.half[0] + Math.abs(Math.sin(turn)) * shape.half[2];
}

/** Place of one hemisphere for one shape. `both` is false when the other hemisphere is hidden: then it stands in the middle. */
export function placementOf(shape: PreparedShape, hemisphere: Hemisphere, layout: LayoutName, both: boolean): Placement {
  const side = hemisphere === 'lh' ? -1 : 1;
  const { gapMm, turnDegrees } = LAYOUTS[layout];
  if (shape.name === 'flat') return { x: both ? side * (shape.half[0] + 6) : 0, y: 0, z: 0, turn: 0 };
  const turn = (-side * turnDegrees * Math.PI) / 180;
  if (!both) return { x: 0, y: 0, z: 0, turn };
  const anatomical = layout === 'together' && shape.name !== 'inflated';
  return { x: anatomical ? shape.centre[0] : side * (halfWidth(shape, turn) + gapMm / 2), y: 0, z: 0, turn };
}

/** Between two stops of the slider. */
export function mixPlacement(from: Placement, to: Placement, t: number): Placement {
  const mix = (a: number, b: number): number => a + (b - a) * t;
  return { x: mix(from.x, to.x), y: mix(from.y, to.y), z: mix(from.z, to.z), turn: mix(from.turn, to.turn) };
}

/** Which two shapes a slider position lies between, and how far. `stops` are the shapes present, in order. */
export function stopsAt(position: number, stops: readonly ShapeName[]): { readonly from: number; readonly to: number; readonly t: number } {
  const last = Math.max(0, stops.length - 1);
  const x = Math.min(1, Math.max(0, position)) * last;
  const from = Math.min(last, Math.floor(x + 1e-6));
  const to = Math.min(last, from + 1);
  const t = from === to ? 0 : Math.max(0, x - from);
  return { from, to, t: t < 1e-4 ? 0 : t };
}

/** Slider position of a shape, or null if the folder lacks it. */
export function positionOfShape(name: ShapeName, stops: readonly ShapeName[]): number | null {
  const at = stops.indexOf(name);
  if (at === -1) return null;
  return stops.length === 1 ? 0 : at / (stops.length - 1);
}
