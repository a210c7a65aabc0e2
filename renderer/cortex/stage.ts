/** The two hemispheres where a layout and a morph put them. Knows the camera only as a direction to face when flat. */
import { Quaternion, Scene, Vector3 } from 'three';
import type { Camera, Ray } from 'three';
import type { Hemisphere } from '../../common/dataset.ts';
import { cornersOf, distanceFor, openings } from './framing.ts';
import { createHemisphereView } from './hemisphere-view.ts';
import type { HemisphereView, SurfacePoint } from './hemisphere-view.ts';
import { createCortexMaterial } from './material.ts';
import type { PreparedMesh, ShapeName } from './mesh.ts';
import { mixPlacement, placementOf, stopsAt } from './placement.ts';
import type { LayoutName, Placement } from './placement.ts';

export interface Hit {
  readonly hemisphere: Hemisphere;
  readonly vertex: number;
}

/** Home: from behind and a little above, where the visual cortex faces the viewer. */
export const HOME = new Vector3(0, 0.16, 1).normalize();
/** Half the gap between flat maps, mm before scaling. */
const FLAT_GAP_MM = 6;
const LIFTED = new Vector3(0, 1, 0);

export const ease = (t: number): number => (t < 0.5 ? 4 * t * t * t : 1 - (-2 * t + 2) ** 3 / 2);

export class Stage {
  readonly scene = new Scene();
  readonly shader = createCortexMaterial();
  /** 0..1 over the shapes present. */
  morph = 0;
  /** 0..1 from the previous layout to this one. */
  layoutMix = 1;
  private readonly views = new Map<Hemisphere, HemisphereView>();
  private readonly shown = new Set<Hemisphere>(['lh', 'rh']);
  private layout: LayoutName = 'together';
  private previousLayout: LayoutName = 'together';

  get shapes(): readonly ShapeName[] { return this.views.values().next().value?.stops ?? []; }
  get empty(): boolean { return this.views.size === 0; }

  view(hemisphere: Hemisphere): HemisphereView | null { return this.views.get(hemisphere) ?? null; }

  shownViews(): readonly HemisphereView[] {
    return [...this.views.values()].filter((view) => this.shown.has(view.hemisphere));
  }

  setMesh(mesh: PreparedMesh): void {
    const old = this.views.get(mesh.hemisphere);
    if (old !== undefined) { this.scene.remove(old.group); old.dispose(); }
    const view = createHemisphereView(mesh, this.shader.material);
    view.group.visible = this.shown.has(mesh.hemisphere);
    this.views.set(mesh.hemisphere, view);
    this.scene.add(view.group);
  }

  clear(): void {
    for (const view of this.views.values()) { this.scene.remove(view.group); view.dispose(); }
    this.views.clear();
  }

  setVisible(hemisphere: Hemisphere, visible: boolean): void {
    if (visible) this.shown.add(hemisphere); else this.shown.delete(hemisphere);
    const view = this.views.get(hemisphere);
    if (view !== undefined) view.group.visible = visible;
  }

  /** False if it is so already. */
  setLayout(layout: LayoutName): boolean {
    if (layout === this.layout) return false;
    this.previousLayout = this.layout;
    this.layout = layout;
    this.layoutMix = 0;
    return true;
  }

  /** Hands the shapes of the present morph to the graphics card. */
  applyMorph(): void {
    const { from, to, t } = stopsAt(this.morph, this.shapes);
    for (const view of this.views.values()) view.setShape(from, to, t);
    this.shader.set('uMix', t);
    this.shader.set('uShading', 1 - 0.92 * this.flatness());
  }

  /** 0 folded .. 1 flat. */
  flatness(): number {
    const { from, to, t } = stopsAt(this.morph, this.shapes);
    if (this.shapes[from] === 'flat') return 1;
    return this.shapes[to] === 'flat' ? t : 0;
  }

  placementNow(view: HemisphereView): Placement {
    const both = this.shownViews().length === 2;
    const { from, to, t } = stopsAt(this.morph, this.shapes);
    const at = (stop: number): Placement => {
      const shape = view.mesh.shapes[stop];
      if (shape === undefined) return { x: 0, y: 0, z: 0, turn: 0 };
      const now = placementOf(shape, view.hemisphere, this.layout, both);
      return this.layoutMix >= 1 ? now : mixPlacement(placementOf(shape, view.hemisphere, this.previousLayout, both), now, ease(this.layoutMix));
    };
    return mixPlacement(at(from), at(to), t);
  }

  /** Folded hemispheres stand in the world; a flat map faces the camera, so that unfolding never needs the camera to move. */
  place(facing: Quaternion, aspect: number): void {
    const flatness = this.flatness();
    const scale = 1 + (this.flatScale(aspect) - 1) * flatness;
    const right = new Vector3(1, 0, 0).applyQuaternion(facing);
    const upright = new Quaternion();
    for (const view of this.views.values()) {
      const { x, y, z, turn } = this.placementNow(view);
      view.group.quaternion.copy(upright.setFromAxisAngle(LIFTED, turn)).slerp(facing, ease(flatness));
      view.group.position.set(x, y, z).multiplyScalar(1 - flatness).addScaledVector(right, x * flatness * scale);
      view.group.scale.setScalar(scale);
      view.group.updateMatrixWorld(true);
    }
  }

  /** Corners of what the views would fill at the folded stop nearest to the present morph. */
  corners(views: readonly HemisphereView[]): readonly Vector3[] {
    const folded = this.shapes.at(-1) === 'flat' ? this.shapes.length - 2 : this.shapes.length - 1;
    return this.cornersAt(views, Math.min(folded, stopsAt(this.morph, this.shapes).from));
  }

  cast(ray: Ray): Hit | null {
    let best: Hit | null = null, nearest = Infinity;
    for (const view of this.shownViews()) {
      const hit = view.cast(ray);
      if (hit !== null && hit.distance < nearest) { nearest = hit.distance; best = { hemisphere: view.hemisphere, vertex: hit.vertex }; }
    }
    return best;
  }

  /** Null for a hidden hemisphere. */
  at({ hemisphere, vertex }: Hit): SurfacePoint | null {
    return this.shown.has(hemisphere) ? this.views.get(hemisphere)?.at(vertex) ?? null : null;
  }

  visibleFrom({ hemisphere, vertex }: Hit, camera: Camera): boolean {
    const view = this.views.get(hemisphere);
    return view !== undefined && view.treeReady && this.shown.has(hemisphere) && view.visibleFrom(vertex, camera);
  }

  refreshTrees(): void { for (const view of this.views.values()) view.refreshTree(); }

  dispose(): void { this.clear(); this.shader.dispose(); }

  /** Flat maps are wide: drawn so that the pair fits where the folded pair fits at the home distance. */
  private flatScale(aspect: number): number {
    const views = this.shownViews(), { tall, wide } = openings(aspect);
    let width = 0, height = 0;
    for (const view of views) {
      const flat = view.mesh.shapes.at(-1);
      if (flat?.name !== 'flat' || view.mesh.shapes.length < 2) return 1;
      width += flat.half[0] + FLAT_GAP_MM;
      height = Math.max(height, flat.half[1]);
    }
    if (width === 0) return 1;
    const folded = distanceFor(HOME, this.cornersAt(views, this.shapes.length - 2), aspect);
    return Math.min(1, (0.97 * folded * wide) / width, (0.9 * folded * tall) / height);
  }

  private cornersAt(views: readonly HemisphereView[], stop: number): readonly Vector3[] {
    const both = this.shownViews().length === 2;
    return views.flatMap((view) => {
      const shape = view.mesh.shapes[stop];
      return shape === undefined ? [] : cornersOf(shape, placementOf(shape, view.hemisphere, this.layout, both));
    });
  }
}
