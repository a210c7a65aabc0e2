/** Where a camera must stand to see things whole. Pure geometry over corner points; the scene moves the camera. */
import { Box3, Matrix4, Vector3 } from 'three';
import type { PreparedShape } from './mesh.ts';
import type { Placement } from './placement.ts';

/** Vertical opening of the camera in degrees: narrow, so that near and far parts keep their proportions. */
export const FIELD_OF_VIEW = 22;
/** Room around what is framed. */
const PADDING = 1.14;
/** The corners of an ellipsoid's box are empty: this much of them holds the surface. */
const FULLNESS = 0.86;

export interface Frame {
  readonly eye: Vector3;
  readonly target: Vector3;
}

/** Tangents of half the opening: up, across. */
export function openings(aspect: number): { readonly tall: number; readonly wide: number } {
  const tall = Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
  return { tall, wide: tall * aspect };
}

export function cornersOf(shape: PreparedShape, { x, turn }: Placement): readonly Vector3[] {
  const corners: Vector3[] = [], up = new Vector3(0, 1, 0);
  for (const sx of [-FULLNESS, FULLNESS]) for (const sy of [-FULLNESS, FULLNESS]) for (const sz of [-FULLNESS, FULLNESS]) {
    corners.push(new Vector3(sx * shape.half[0], sy * shape.half[1], sz * shape.half[2]).applyAxisAngle(up, turn).add(new Vector3(x, 0, 0)));
  }
  return corners;
}

function axesOf(direction: Vector3): { readonly right: Vector3; readonly up: Vector3 } {
  const basis = new Matrix4().lookAt(direction, new Vector3(), new Vector3(0, 1, 0));
  return { right: new Vector3().setFromMatrixColumn(basis, 0), up: new Vector3().setFromMatrixColumn(basis, 1) };
}

/** Distance from which all corners are seen, looking against `direction` (unit length) at their middle. */
export function distanceFor(direction: Vector3, corners: readonly Vector3[], aspect: number): number {
  const target = new Box3().setFromPoints([...corners]).getCenter(new Vector3());
  const { right, up } = axesOf(direction), { tall, wide } = openings(aspect);
  let distance = 0;
  for (const corner of corners) {
    const p = corner.clone().sub(target);
    distance = Math.max(distance, p.dot(direction) + Math.max(Math.abs(p.dot(right)) / wide, Math.abs(p.dot(up)) / tall));
  }
  return distance * PADDING;
}

/** Eye and target that show the corners whole. `liftShare` moves the picture up by this share of the canvas height. */
export function frameOf(towards: Vector3, corners: readonly Vector3[], aspect: number, liftShare: number): Frame {
  const direction = towards.clone().normalize();
  const distance = distanceFor(direction, corners, aspect);
  const target = new Box3().setFromPoints([...corners]).getCenter(new Vector3())
    .addScaledVector(axesOf(direction).up, -2 * distance * openings(aspect).tall * liftShare);
  return { eye: target.clone().addScaledVector(direction, distance), target };
}
