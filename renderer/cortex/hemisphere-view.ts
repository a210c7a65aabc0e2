/** One hemisphere on the graphics card: geometry, attributes, pick tree. No camera, no events. */
import { BufferAttribute, BufferGeometry, DoubleSide, DynamicDrawUsage, Group, Matrix4, Mesh, Ray, Vector3 } from 'three';
import type { Camera, ShaderMaterial } from 'three';
import { MeshBVH } from 'three-mesh-bvh';
import type { SerializedBVH } from 'three-mesh-bvh';
import type { Hemisphere } from '../../common/dataset.ts';
import type { PreparedMesh, PreparedShape, ShapeName } from './mesh.ts';
import { FIELDS } from './regions.ts';
import type { RegionFields } from './regions.ts';

export interface SurfacePoint {
  readonly point: Vector3;
  readonly normal: Vector3;
}

export interface HemisphereView {
  readonly hemisphere: Hemisphere;
  readonly mesh: PreparedMesh;
  readonly group: Group;
  readonly stops: readonly ShapeName[];
  /** Pairs of value and defined, `[vertices, 2]`; fill it, then call `valuesChanged`. */
  readonly mapped: Float32Array;
  valuesChanged(): void;
  setRegions(regions: RegionFields | null): void;
  /** Marks vertices of the focused region and of the selected voxel; null clears. */
  setEmphasis(focus: ((vertex: number) => boolean) | null, marked: Int32Array | null): void;
  setShape(from: number, to: number, mix: number): void;
  /** Brings the pick tree to the shape shown; 15-30 ms for 164,000 vertices, so only when the morph has stopped. */
  refreshTree(): void;
  setTree(tree: SerializedBVH): void;
  readonly treeReady: boolean;
  /** Where a vertex is now, in the world. */
  at(vertex: number): SurfacePoint;
  /** Nearest hit of a world ray on the shape that the tree knows. */
  cast(ray: Ray): { readonly vertex: number; readonly distance: number } | null;
  visibleFrom(vertex: number, camera: Camera): boolean;
  dispose(): void;
}

/** A label may sit this far behind the first hit and still count as in front (the mesh has thickness at its own vertex). */
const OCCLUSION_SLACK_MM = 2.5;

export function createHemisphereView(mesh: PreparedMesh, material: ShaderMaterial): HemisphereView {
  const { vertices } = mesh;
  const attribute = (array: Float32Array, size: number): BufferAttribute => new BufferAttribute(array, size);
  const attributes = mesh.shapes.map((shape) => ({ position: attribute(shape.positions, 3), normal: attribute(shape.normals, 3) }));
  const first = attributes[0];
  if (first === undefined) throw new Error('a hemisphere without any surface cannot be drawn');
  const geometry = new BufferGeometry();
  geometry.setIndex(new BufferAttribute(mesh.index, 1));
  const mapped = new Float32Array(vertices * 2);
  const mappedAttribute = attribute(mapped, 2).setUsage(DynamicDrawUsage);
  const fieldsA = new BufferAttribute(new Uint8Array(vertices * 4), 4, true), fieldsB = new BufferAttribute(new Uint8Array(vertices * 4), 4, true);
  const emphasis = new BufferAttribute(new Uint8Array(vertices * 2), 2, true).setUsage(DynamicDrawUsage);
  geometry.setAttribute('mapped', mappedAttribute);
  geometry.setAttribute('fieldsA', fieldsA);
  geometry.setAttribute('fieldsB', fieldsB);
  geometry.setAttribute('curvature', attribute(mesh.curvature, 1));
  geometry.setAttribute('emphasis', emphasis);
  material.side = DoubleSide;
  const object = new Mesh(geometry, material);
  object.frustumCulled = false;
  const group = new Group();
  group.add(object);

  // The picker has its own positions: those of the shape shown when the morph last stopped.
  const pickPositions = new Float32Array(vertices * 3);
  const pickGeometry = new BufferGeometry();
  pickGeometry.setIndex(new BufferAttribute(mesh.index, 1));
  pickGeometry.setAttribute('position', new BufferAttribute(pickPositions, 3));
  let tree: MeshBVH | null = null;
  let fromShape = mesh.shapes[0] as PreparedShape, toShape = fromShape, mixed = 0, patchOnly = false;

  const inverse = new Matrix4(), localRay = new Ray(), scratch = new Vector3();
  const blended = (source: 'positions' | 'normals', vertex: number, target: Vector3): Vector3 => {
    const a = fromShape[source], b = toShape[source], i = vertex * 3;
    return target.set(
      a[i]! + (b[i]! - a[i]!) * mixed, a[i + 1]! + (b[i + 1]! - a[i + 1]!) * mixed, a[i + 2]! + (b[i + 2]! - a[i + 2]!) * mixed,
    );
  };

  const view: HemisphereView = {
    hemisphere: mesh.hemisphere, mesh, group, mapped,
    stops: mesh.shapes.map((shape) => shape.name),
    valuesChanged() { mappedAttribute.needsUpdate = true; },
    setRegions(regions) {
      const a = fieldsA.array, b = fieldsB.array;
      if (regions === null) { a.fill(0); b.fill(0); } else {
        for (let v = 0; v < vertices; v++) {
          for (let f = 0; f < 4; f++) {
            a[v * 4 + f] = regions.fields[v * FIELDS + f]!;
            b[v * 4 + f] = regions.fields[v * FIELDS + 4 + f]!;
          }
        }
      }
      fieldsA.needsUpdate = true;
      fieldsB.needsUpdate = true;
    },
    setEmphasis(focus, marked) {
      const out = emphasis.array;
      for (let v = 0; v < vertices; v++) { out[2 * v] = focus?.(v) === true ? 255 : 0; out[2 * v + 1] = 0; }
      if (marked !== null) for (const vertex of marked) out[2 * vertex + 1] = 255;
      emphasis.needsUpdate = true;
    },
    setShape(from, to, mix) {
      fromShape = mesh.shapes[from] ?? fromShape;
      toShape = mesh.shapes[to] ?? fromShape;
      mixed = mix;
      const a = attributes[from] ?? first, b = attributes[to] ?? a;
      geometry.setAttribute('position', a.position);
      geometry.setAttribute('normal', a.normal);
      geometry.setAttribute('targetPosition', b.position);
      geometry.setAttribute('targetNormal', b.normal);
      patchOnly = fromShape.name === 'flat' || (toShape.name === 'flat' && mix > 0);
      geometry.setDrawRange(0, patchOnly ? mesh.patchFaces * 3 : mesh.index.length);
    },
    refreshTree() {
      if (tree === null) return;
      const a = fromShape.positions, b = toShape.positions;
      for (let i = 0; i < pickPositions.length; i++) pickPositions[i] = a[i]! + (b[i]! - a[i]!) * mixed;
      tree.refit();
    },
    setTree(serialized) {
      tree = MeshBVH.deserialize(serialized, pickGeometry, { setIndex: false });
      view.refreshTree();
    },
    get treeReady() { return tree !== null; },
    at(vertex) {
      const point = blended('positions', vertex, new Vector3()).applyMatrix4(object.matrixWorld);
      const normal = blended('normals', vertex, new Vector3()).transformDirection(object.matrixWorld);
      return { point, normal };
    },
    cast(ray) {
      if (tree === null) return null;
      localRay.copy(ray).applyMatrix4(inverse.copy(object.matrixWorld).invert());
      let best: { face: number; distance: number; point: Vector3 } | null = null;
      for (const hit of tree.raycast(localRay, DoubleSide)) {
        const face = hit.faceIndex ?? -1;
        if (face < 0 || (patchOnly && face >= mesh.patchFaces)) continue;
        if (best === null || hit.distance < best.distance) best = { face, distance: hit.distance, point: hit.point };
      }
      if (best === null) return null;
      let vertex = -1, nearest = Infinity;
      for (let corner = 0; corner < 3; corner++) {
        const candidate = mesh.index[best.face * 3 + corner]!;
        const distance = scratch.fromArray(pickPositions, candidate * 3).distanceToSquared(best.point);
        if (distance < nearest) { nearest = distance; vertex = candidate; }
      }
      return { vertex, distance: best.point.applyMatrix4(object.matrixWorld).distanceTo(ray.origin) };
    },
    visibleFrom(vertex, camera) {
      const { point, normal } = view.at(vertex);
      const toCamera = scratch.copy(camera.position).sub(point);
      const distance = toCamera.length();
      if (normal.dot(toCamera) <= 0.12 * distance) return false;
      const hit = view.cast(new Ray(camera.position.clone(), toCamera.clone().multiplyScalar(-1 / distance)));
      return hit === null || hit.distance > distance - OCCLUSION_SLACK_MM;
    },
    dispose() { geometry.dispose(); pickGeometry.dispose(); group.clear(); },
  };
  view.setShape(0, 0, 0);
  return view;
}
