/**
 * The cortex scene: owns the graphics context, the camera and the two hemispheres; knows nothing of React or of the engine.
 * Draws only when something changed.
 */
import CameraControls from 'camera-controls';
import {
  Box3, Color, Matrix4, PerspectiveCamera, Quaternion, Raycaster, Scene, Sphere, Spherical, Vector2, Vector3, Vector4, WebGLRenderer,
} from 'three';
import type { Ray } from 'three';
import type { SerializedBVH } from 'three-mesh-bvh';
import type { Hemisphere } from '../../common/dataset.ts';
import type { Scale } from '../../common/colour/scale.ts';
import { createHemisphereView } from './hemisphere-view.ts';
import type { HemisphereView } from './hemisphere-view.ts';
import { createCortexMaterial, TONES } from './material.ts';
import type { PreparedMesh, ShapeName } from './mesh.ts';
import { mixPlacement, placementOf, stopsAt } from './placement.ts';
import type { LayoutName, Placement } from './placement.ts';
import type { RegionFields } from './regions.ts';
import { renderTiles } from './tiles.ts';

export interface Hit {
  readonly hemisphere: Hemisphere;
  readonly vertex: number;
}

export interface ScreenPoint {
  readonly x: number;
  readonly y: number;
  readonly visible: boolean;
}

export type ViewName = 'lateral-left' | 'lateral-right' | 'medial-left' | 'medial-right' | 'ventral' | 'posterior';

export interface CortexEvents {
  /** At most once per frame; null when the pointer leaves the surface. */
  readonly hover: (hit: Hit | null, x: number, y: number) => void;
  readonly click: (hit: Hit | null, modifiers: { readonly alt: boolean; readonly shift: boolean }) => void;
  /** After each frame: overlays follow. `settled` is false while the surface or the camera moves. */
  readonly frame: (settled: boolean) => void;
  /** While a morph plays, and when the wheel unfolds (`byHand`). */
  readonly morph: (position: number, byHand: boolean) => void;
  readonly contextLost: () => void;
  readonly contextRestored: () => void;
}

export interface CameraState {
  readonly position: readonly [number, number, number];
  readonly target: readonly [number, number, number];
}

const FIELD_OF_VIEW = 22;
const MORPH_MS = 700;
const LAYOUT_MS = 300;
const SETTLE_MS = 120;
/** Home: from behind and a little above, where the visual cortex faces the viewer. */
const HOME = new Vector3(0, 0.16, 1).normalize();
const PADDING = 1.14;
/** Pixels by which a framed view sits above the middle. */
const LIFT = 64;

interface Tween {
  readonly start: number;
  readonly duration: number;
  readonly apply: (t: number) => void;
}

const ease = (t: number): number => (t < 0.5 ? 4 * t * t * t : 1 - (-2 * t + 2) ** 3 / 2);

export class CortexScene {
  readonly canvas: HTMLCanvasElement;
  readonly camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 10, 6000);
  private readonly events: CortexEvents;
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly controls: CameraControls;
  private readonly shader = createCortexMaterial();
  private readonly views = new Map<Hemisphere, HemisphereView>();
  private readonly shown = new Set<Hemisphere>(['lh', 'rh']);
  private readonly observer: ResizeObserver;
  private readonly tweens = new Map<string, Tween>();
  private readonly raycaster = new Raycaster();
  private layout: LayoutName = 'together';
  private previousLayout: LayoutName = 'together';
  private layoutMix = 1;
  private morph = 0;
  private size = { width: 1, height: 1 };
  private scheduled = 0;
  private lastTime = 0;
  private lastChange = 0;
  private treesStale = true;
  private pointer: { x: number; y: number } | null = null;
  private pressed: { x: number; y: number } | null = null;
  private hoverStale = false;
  private framed = false;
  private lost = false;
  private reducedMotion = false;
  private background = '#16181C';

  constructor(container: HTMLElement, events: CortexEvents, options: { readonly antialias: boolean }) {
    CameraControls.install({ THREE: { Vector2, Vector3, Vector4, Quaternion, Matrix4, Spherical, Box3, Sphere, Raycaster } });
    this.events = events;
    this.renderer = new WebGLRenderer({ antialias: options.antialias, powerPreference: 'high-performance' });
    this.renderer.setPixelRatio(options.antialias ? Math.min(window.devicePixelRatio, 2) : 1);
    this.canvas = this.renderer.domElement;
    this.canvas.style.display = 'block';
    container.append(this.canvas);
    this.controls = new CameraControls(this.camera, this.canvas);
    Object.assign(this.controls, { smoothTime: 0.12, draggingSmoothTime: 0.06, dollyToCursor: true, minDistance: 60, maxDistance: 3000, dollySpeed: 0.6 });
    this.controls.mouseButtons.middle = CameraControls.ACTION.TRUCK;
    this.controls.addEventListener('control', this.invalidate);
    this.controls.addEventListener('controlstart', this.invalidate);
    this.canvas.addEventListener('pointermove', this.onPointerMove);
    this.canvas.addEventListener('pointerleave', this.onPointerLeave);
    this.canvas.addEventListener('pointerdown', this.onPointerDown);
    this.canvas.addEventListener('pointerup', this.onPointerUp);
    this.canvas.addEventListener('wheel', this.onWheel, { passive: false, capture: true });
    this.canvas.addEventListener('webglcontextlost', this.onContextLost);
    this.canvas.addEventListener('webglcontextrestored', this.onContextRestored);
    this.observer = new ResizeObserver((entries) => {
      const box = entries[0]?.contentRect;
      if (box === undefined || box.width === 0 || box.height === 0) return;
      this.size = { width: box.width, height: box.height };
      this.renderer.setSize(box.width, box.height);
      this.camera.aspect = box.width / box.height;
      this.camera.updateProjectionMatrix();
      if (!this.framed) this.home(false);
      this.draw();
    });
    this.observer.observe(container);
    this.shader.setTones(TONES.dark);
  }

  get shapes(): readonly ShapeName[] {
    const first = this.views.values().next().value;
    return first?.stops ?? [];
  }

  get hemispheres(): readonly Hemisphere[] { return [...this.views.keys()]; }
  get morphPosition(): number { return this.morph; }

  setMesh(mesh: PreparedMesh): void {
    this.views.get(mesh.hemisphere)?.dispose();
    const old = this.views.get(mesh.hemisphere);
    if (old !== undefined) this.scene.remove(old.group);
    const view = createHemisphereView(mesh, this.shader.material);
    view.group.visible = this.shown.has(mesh.hemisphere);
    this.views.set(mesh.hemisphere, view);
    this.scene.add(view.group);
    this.applyMorph();
    this.home(false);
  }

  setTree(hemisphere: Hemisphere, tree: SerializedBVH): void {
    this.views.get(hemisphere)?.setTree(tree);
    this.treesStale = true;
    this.changed();
  }

  clear(): void {
    for (const view of this.views.values()) { this.scene.remove(view.group); view.dispose(); }
    this.views.clear();
    this.framed = false;
    this.invalidate();
  }

  /** Fills the map attribute of one hemisphere; null shows none. */
  setValues(hemisphere: Hemisphere, fill: ((out: Float32Array) => void) | null): void {
    const view = this.views.get(hemisphere);
    if (view === undefined) return;
    if (fill === null) view.mapped.fill(0); else fill(view.mapped);
    view.valuesChanged();
    this.invalidate();
  }

  setScale(scale: Scale, contour: boolean): void {
    this.shader.setScale(scale);
    this.shader.set('uContour', contour ? 1 : 0);
    this.invalidate();
  }

  setRegions(hemisphere: Hemisphere, regions: RegionFields | null): void {
    this.views.get(hemisphere)?.setRegions(regions);
    this.invalidate();
  }

  setEmphasis(hemisphere: Hemisphere, focus: ((vertex: number) => boolean) | null, marked: Int32Array | null): void {
    this.views.get(hemisphere)?.setEmphasis(focus, marked);
    this.invalidate();
  }

  setLook(look: { readonly outlines: boolean; readonly focus: boolean; readonly softUnderlay: boolean; readonly contrast: number }): void {
    this.shader.set('uOutline', look.outlines ? 1 : 0);
    this.shader.set('uFocus', look.focus ? 1 : 0);
    this.shader.set('uSoftUnderlay', look.softUnderlay ? 1 : 0);
    this.shader.set('uContrast', look.contrast);
    this.invalidate();
  }

  setBackground(css: string, dark: boolean): void {
    this.background = css;
    this.renderer.setClearColor(new Color().setStyle(css), 1);
    this.shader.setTones(dark ? TONES.dark : TONES.light);
    this.invalidate();
  }

  setReducedMotion(reduced: boolean): void { this.reducedMotion = reduced; }

  setVisible(hemisphere: Hemisphere, visible: boolean): void {
    if (visible) this.shown.add(hemisphere); else this.shown.delete(hemisphere);
    const view = this.views.get(hemisphere);
    if (view !== undefined) view.group.visible = visible;
    this.tween('layout', LAYOUT_MS, () => this.place());
  }

  setLayout(layout: LayoutName): void {
    if (layout === this.layout) return;
    this.previousLayout = this.layout;
    this.layout = layout;
    this.layoutMix = 0;
    this.tween('layout', LAYOUT_MS, (t) => { this.layoutMix = t; this.place(); });
    this.frameFrom(this.direction(), this.shownViews(), true);
  }

  /** Slider position 0..1 over the shapes present. */
  setMorph(position: number): void {
    this.tweens.delete('morph');
    if (position === this.morph) return;
    this.morph = position;
    this.applyMorph();
  }

  /** Plays to a position; the camera stays where it is. */
  playMorph(position: number): void {
    const from = this.morph;
    const steps = Math.max(1, Math.abs(position - from) * Math.max(1, this.shapes.length - 1));
    this.tween('morph', MORPH_MS * Math.min(1.6, steps), (t) => {
      this.morph = from + (position - from) * ease(t);
      this.applyMorph();
      this.events.morph(this.morph, false);
    });
  }

  home(animate = true): void {
    if (this.views.size === 0) return;
    this.framed = true;
    this.frameFrom(HOME, this.shownViews(), animate);
  }

  view(name: ViewName): void {
    if (name === 'ventral') { this.frameFrom(new Vector3(0, -1, 0.02), this.shownViews(), true); return; }
    if (name === 'posterior') { this.frameFrom(HOME, this.shownViews(), true); return; }
    const left = name.endsWith('left'), lateral = name.startsWith('lateral');
    const view = this.views.get(left ? 'lh' : 'rh');
    if (view === undefined) return;
    const outward = (left ? -1 : 1) * (lateral ? 1 : -1);
    const direction = new Vector3(outward, 0.05, 0).applyAxisAngle(new Vector3(0, 1, 0), this.placementNow(view).turn);
    this.frameFrom(direction, [view], true);
  }

  /** Turns the camera so that the vertex faces it, keeping the distance. */
  flyTo(hit: Hit): void {
    const view = this.views.get(hit.hemisphere);
    if (view === undefined) return;
    const { point, normal } = view.at(hit.vertex);
    const distance = this.controls.distance;
    if (this.flatness() > 0) { void this.controls.moveTo(point.x, point.y, point.z, !this.reducedMotion); this.invalidate(); return; }
    const centre = view.group.position;
    const direction = normal.clone().multiplyScalar(0.6).add(point.clone().sub(centre).normalize()).normalize();
    direction.y = Math.max(-0.85, Math.min(0.85, direction.y));
    const eye = centre.clone().addScaledVector(direction.normalize(), distance);
    void this.controls.setLookAt(eye.x, eye.y, eye.z, centre.x, centre.y, centre.z, !this.reducedMotion);
    this.invalidate();
  }

  get cameraState(): CameraState {
    const position = this.controls.getPosition(new Vector3(), true), target = this.controls.getTarget(new Vector3(), true);
    return { position: [position.x, position.y, position.z], target: [target.x, target.y, target.z] };
  }

  setCamera(state: CameraState, animate: boolean): void {
    this.framed = true;
    void this.controls.setLookAt(...state.position, ...state.target, animate && !this.reducedMotion);
    this.invalidate();
  }

  /** Vertex under a point of the canvas (CSS pixels), on either hemisphere. */
  pick(x: number, y: number): Hit | null {
    const ray = this.rayThrough(x, y);
    let best: Hit | null = null, nearest = Infinity;
    for (const view of this.shownViews()) {
      const hit = view.cast(ray);
      if (hit !== null && hit.distance < nearest) { nearest = hit.distance; best = { hemisphere: view.hemisphere, vertex: hit.vertex }; }
    }
    return best;
  }

  /** Place of a vertex on a canvas of the given size (the shown one by default). */
  project(hit: Hit, size = this.size): ScreenPoint {
    const view = this.views.get(hit.hemisphere);
    if (view === undefined || !this.shown.has(hit.hemisphere)) return { x: 0, y: 0, visible: false };
    const visible = !this.treesStale && view.treeReady && view.visibleFrom(hit.vertex, this.camera);
    const p = view.at(hit.vertex).point.project(this.camera);
    return { x: ((p.x + 1) / 2) * size.width, y: ((1 - p.y) / 2) * size.height, visible };
  }

  /** Place of a vertex in a picture of another shape, as shares of its width and height. */
  projectFor(hit: Hit, aspect: number): { readonly x: number; readonly y: number } {
    const view = this.views.get(hit.hemisphere);
    if (view === undefined) return { x: 0, y: 0 };
    const camera = this.camera.clone();
    camera.aspect = aspect;
    camera.updateProjectionMatrix();
    const p = view.at(hit.vertex).point.project(camera);
    return { x: (p.x + 1) / 2, y: (1 - p.y) / 2 };
  }

  /** The scene at any size, in tiles, 8-bit RGBA from the top row down. */
  async render(width: number, height: number, options: { readonly background: string | null; readonly dark: boolean; readonly supersample: number }): Promise<Uint8ClampedArray<ArrayBuffer>> {
    this.shader.setTones(options.dark ? TONES.dark : TONES.light);
    const aspect = this.camera.aspect;
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.place();
    try {
      return await renderTiles(this.renderer, this.scene, this.camera, { width, height, ...options });
    } finally {
      this.camera.aspect = aspect;
      this.camera.clearViewOffset();
      this.camera.updateProjectionMatrix();
      this.renderer.setClearColor(new Color().setStyle(this.background), 1);
      this.invalidate();
    }
  }

  /** One frame now, for tests and for the first picture. */
  draw(): void {
    if (this.lost || this.size.width <= 1) return;
    this.renderer.render(this.scene, this.camera);
  }

  readonly invalidate = (): void => {
    if (this.scheduled === 0) this.scheduled = requestAnimationFrame(this.frame);
  };

  dispose(): void {
    cancelAnimationFrame(this.scheduled);
    this.observer.disconnect();
    this.clear();
    this.controls.dispose();
    this.shader.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
    this.canvas.remove();
  }

  private readonly frame = (time: number): void => {
    this.scheduled = 0;
    const seconds = Math.min(0.1, this.lastTime === 0 ? 0.016 : (time - this.lastTime) / 1000);
    this.lastTime = time;
    for (const [name, tween] of this.tweens) {
      const t = Math.min(1, Math.max(0, (time - tween.start) / tween.duration));
      if (t >= 1) this.tweens.delete(name);
      tween.apply(t);
    }
    const moved = this.controls.update(seconds);
    if (moved) { this.lastChange = time; if (this.flatness() > 0) this.place(); }
    const busy = moved || this.tweens.size > 0;
    if (!busy && this.treesStale && time - this.lastChange > SETTLE_MS) {
      this.refreshTrees();
      this.hoverStale = this.pointer !== null;
    }
    this.draw();
    this.events.frame(!busy && !this.treesStale);
    if (this.hoverStale && !busy && !this.treesStale) this.readHover();
    if (busy || this.treesStale) this.invalidate(); else this.lastTime = 0;
  };

  private refreshTrees(): void {
    if (!this.treesStale) return;
    for (const view of this.views.values()) view.refreshTree();
    this.treesStale = false;
  }

  private tween(name: string, duration: number, apply: (t: number) => void): void {
    this.tweens.set(name, { start: performance.now(), duration: this.reducedMotion ? 1 : duration, apply });
    this.changed();
  }

  private changed(): void {
    this.lastChange = performance.now();
    this.invalidate();
  }

  private applyMorph(): void {
    const { from, to, t } = stopsAt(this.morph, this.shapes);
    for (const view of this.views.values()) view.setShape(from, to, t);
    this.shader.set('uMix', t);
    this.shader.set('uShading', 1 - 0.92 * this.flatness());
    this.treesStale = true;
    const flat = this.flatness() > 0.98;
    this.controls.mouseButtons.left = flat ? CameraControls.ACTION.TRUCK : CameraControls.ACTION.ROTATE;
    this.place();
    this.changed();
  }

  /** 0 folded .. 1 flat. */
  private flatness(): number {
    const { from, to, t } = stopsAt(this.morph, this.shapes);
    if (this.shapes[from] === 'flat') return 1;
    return this.shapes[to] === 'flat' ? t : 0;
  }

  private shownViews(): readonly HemisphereView[] {
    return [...this.views.values()].filter((view) => this.shown.has(view.hemisphere));
  }

  private placementNow(view: HemisphereView): Placement {
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
  private place(): void {
    const flatness = this.flatness();
    const scale = 1 + (this.flatScale() - 1) * flatness;
    const upright = new Quaternion(), up = new Vector3(0, 1, 0);
    const right = new Vector3(1, 0, 0).applyQuaternion(this.camera.quaternion);
    for (const view of this.views.values()) {
      const { x, y, z, turn } = this.placementNow(view);
      upright.setFromAxisAngle(up, turn);
      view.group.quaternion.copy(upright).slerp(this.camera.quaternion, ease(flatness));
      view.group.position.set(x, y, z).multiplyScalar(1 - flatness).addScaledVector(right, x * flatness * scale);
      view.group.scale.setScalar(scale);
      view.group.updateMatrixWorld(true);
    }
    this.invalidate();
  }

  /** Flat maps are wide: drawn so that the pair fits where the folded pair fits at the home distance. */
  private flatScale(): number {
    const views = this.shownViews();
    const tall = Math.tan((FIELD_OF_VIEW * Math.PI) / 360), wide = tall * this.camera.aspect;
    let width = 0, height = 0, folded = 0;
    for (const view of views) {
      const flat = view.mesh.shapes.at(-1), round = view.mesh.shapes.at(-2);
      if (flat?.name !== 'flat' || round === undefined) return 1;
      width += flat.half[0] + 6;
      height = Math.max(height, flat.half[1]);
      folded = Math.max(folded, this.distanceFor(HOME, views, view.mesh.shapes.length - 2));
    }
    return width === 0 ? 1 : Math.min(1, (0.97 * folded * wide) / width, (0.9 * folded * tall) / height);
  }

  private direction(): Vector3 {
    return this.controls.getPosition(new Vector3(), true).sub(this.controls.getTarget(new Vector3(), true)).normalize();
  }

  private cornersOf(view: HemisphereView, stop: number): readonly Vector3[] {
    const shape = view.mesh.shapes[stop];
    if (shape === undefined) return [];
    const { x, turn } = placementOf(shape, view.hemisphere, this.layout, this.shownViews().length === 2);
    const corners: Vector3[] = [];
    for (const sx of [-1, 1]) for (const sy of [-1, 1]) for (const sz of [-1, 1]) {
      // The corners of an ellipsoid's box are empty: 0.86 of them holds the surface.
      corners.push(new Vector3(sx * shape.half[0], sy * shape.half[1], sz * shape.half[2]).multiplyScalar(0.86)
        .applyAxisAngle(new Vector3(0, 1, 0), turn).add(new Vector3(x, 0, 0)));
    }
    return corners;
  }

  /** Distance from which everything at a stop fits, looking along `direction` at the middle. */
  private distanceFor(direction: Vector3, views: readonly HemisphereView[], stop: number): number {
    const { target, corners } = this.targetOf(views, stop);
    const basis = new Matrix4().lookAt(direction, new Vector3(), new Vector3(0, 1, 0));
    const right = new Vector3().setFromMatrixColumn(basis, 0), up = new Vector3().setFromMatrixColumn(basis, 1);
    const tall = Math.tan((FIELD_OF_VIEW * Math.PI) / 360), wide = tall * this.camera.aspect;
    let distance = 0;
    for (const corner of corners) {
      const p = corner.clone().sub(target);
      distance = Math.max(distance, p.dot(direction) + Math.max(Math.abs(p.dot(right)) / wide, Math.abs(p.dot(up)) / tall));
    }
    return distance * PADDING;
  }

  private targetOf(views: readonly HemisphereView[], stop: number): { target: Vector3; corners: readonly Vector3[] } {
    const corners = views.flatMap((view) => this.cornersOf(view, stop));
    return { target: new Box3().setFromPoints([...corners]).getCenter(new Vector3()), corners };
  }

  private frameFrom(direction: Vector3, views: readonly HemisphereView[], animate: boolean): void {
    if (views.length === 0) return;
    const folded = this.shapes.at(-1) === 'flat' ? this.shapes.length - 2 : this.shapes.length - 1;
    const stop = Math.min(folded, stopsAt(this.morph, this.shapes).from);
    const { target } = this.targetOf(views, stop);
    const distance = this.distanceFor(direction.clone().normalize(), views, stop);
    // The legend and the slider lie at the bottom: the view sits a little above the middle.
    const basis = new Matrix4().lookAt(direction, new Vector3(), new Vector3(0, 1, 0));
    const lift = ((2 * distance * Math.tan((FIELD_OF_VIEW * Math.PI) / 360)) / this.size.height) * Math.min(LIFT, this.size.height * 0.09);
    target.addScaledVector(new Vector3().setFromMatrixColumn(basis, 1), -lift);
    const eye = target.clone().addScaledVector(direction.clone().normalize(), distance);
    void this.controls.setLookAt(eye.x, eye.y, eye.z, target.x, target.y, target.z, animate && !this.reducedMotion);
    if (!animate) { this.controls.update(0.016); this.place(); }
    this.changed();
  }

  private rayThrough(x: number, y: number): Ray {
    const at = new Vector2((x / this.size.width) * 2 - 1, 1 - (y / this.size.height) * 2);
    this.raycaster.setFromCamera(at, this.camera);
    return this.raycaster.ray;
  }

  private readHover(): void {
    this.hoverStale = false;
    if (this.pointer === null || this.pressed !== null) return;
    this.events.hover(this.pick(this.pointer.x, this.pointer.y), this.pointer.x, this.pointer.y);
  }

  private readonly onPointerMove = (event: PointerEvent): void => {
    const box = this.canvas.getBoundingClientRect();
    this.pointer = { x: event.clientX - box.left, y: event.clientY - box.top };
    if (!this.treesStale && this.tweens.size === 0) this.readHover(); else this.hoverStale = true;
  };

  private readonly onPointerLeave = (): void => {
    this.pointer = null;
    this.events.hover(null, 0, 0);
  };

  private readonly onPointerDown = (event: PointerEvent): void => {
    this.pressed = { x: event.clientX, y: event.clientY };
    this.events.hover(null, 0, 0);
  };

  private readonly onPointerUp = (event: PointerEvent): void => {
    const pressed = this.pressed;
    this.pressed = null;
    if (pressed === null || event.button !== 0 || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > 4 || this.tweens.size > 0) return;
    this.refreshTrees();
    const box = this.canvas.getBoundingClientRect();
    this.events.click(this.pick(event.clientX - box.left, event.clientY - box.top), { alt: event.altKey, shift: event.shiftKey });
  };

  /** Shift and wheel unfolds, as users of this literature expect. */
  private readonly onWheel = (event: WheelEvent): void => {
    if (!event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const amount = Math.abs(event.deltaY) > Math.abs(event.deltaX) ? event.deltaY : event.deltaX;
    this.setMorph(Math.min(1, Math.max(0, this.morph + amount / 2000)));
    this.events.morph(this.morph, true);
  };

  private readonly onContextLost = (event: Event): void => {
    event.preventDefault();
    this.lost = true;
    this.events.contextLost();
  };

  private readonly onContextRestored = (): void => {
    this.lost = false;
    this.events.contextRestored();
    this.invalidate();
  };
}
