/**
 * The cortex scene: owns the graphics context and the camera, plays motions, picks; knows nothing of React or of the engine.
 * Draws only when something changed.
 */
import CameraControls from 'camera-controls';
import { Box3, Color, Matrix4, PerspectiveCamera, Quaternion, Raycaster, Sphere, Spherical, Vector2, Vector3, Vector4, WebGLRenderer } from 'three';
import type { SerializedBVH } from 'three-mesh-bvh';
import type { Scale } from '../../common/colour/scale.ts';
import type { Hemisphere } from '../../common/dataset.ts';
import { FIELD_OF_VIEW, frameOf } from './framing.ts';
import type { HemisphereView } from './hemisphere-view.ts';
import { TONES } from './material.ts';
import type { PreparedMesh, ShapeName } from './mesh.ts';
import type { LayoutName } from './placement.ts';
import { listenToPointer } from './pointer.ts';
import type { RegionFields } from './regions.ts';
import { ease, HOME, Stage } from './stage.ts';
import type { Hit } from './stage.ts';
import { renderTiles } from './tiles.ts';

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

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** CSS colour, or null for transparent. */
  readonly background: string | null;
  readonly dark: boolean;
  readonly supersample: number;
}

interface Tween {
  readonly start: number;
  readonly duration: number;
  readonly apply: (t: number) => void;
}

const MORPH_MS = 700;
const LAYOUT_MS = 300;
const SETTLE_MS = 120;
/** How far a framed view sits above the middle of the canvas, at most: the legend and the slider lie at the bottom. */
const LIFT_PIXELS = 64;
const LIFT_SHARE = 0.09;

export class CortexScene {
  readonly canvas: HTMLCanvasElement;
  readonly camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 10, 6000);
  private readonly events: CortexEvents;
  private readonly renderer: WebGLRenderer;
  private readonly stage = new Stage();
  private readonly controls: CameraControls;
  private readonly observer: ResizeObserver;
  private readonly stopPointer: () => void;
  private readonly tweens = new Map<string, Tween>();
  private readonly raycaster = new Raycaster();
  private size = { width: 1, height: 1 };
  private scheduled = 0;
  private lastTime = 0;
  private lastChange = 0;
  private treesStale = true;
  private pointer: { readonly x: number; readonly y: number } | null = null;
  private hoverStale = false;
  private framed = false;
  private lost = false;
  private reducedMotion = false;
  private background = '#16181C';
  private dark = true;

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
    this.stopPointer = listenToPointer(this.canvas, {
      move: (at) => { this.onMove(at); },
      click: (x, y, modifiers) => {
        if (this.tweens.size > 0) return;
        this.refreshTrees();
        events.click(this.pick(x, y), modifiers);
      },
      unfold: (amount) => {
        this.setMorph(Math.min(1, Math.max(0, this.stage.morph + amount)));
        events.morph(this.stage.morph, true);
      },
    });
    this.canvas.addEventListener('webglcontextlost', this.onContextLost);
    this.canvas.addEventListener('webglcontextrestored', this.onContextRestored);
    this.observer = new ResizeObserver((entries) => { this.onResize(entries[0]?.contentRect); });
    this.observer.observe(container);
  }

  get shapes(): readonly ShapeName[] { return this.stage.shapes; }
  get morphPosition(): number { return this.stage.morph; }

  setMesh(mesh: PreparedMesh): void {
    this.stage.setMesh(mesh);
    this.applyMorph();
    this.home(false);
  }

  setTree(hemisphere: Hemisphere, tree: SerializedBVH): void {
    this.stage.view(hemisphere)?.setTree(tree);
    this.treesStale = true;
    this.changed();
  }

  clear(): void {
    this.stage.clear();
    this.framed = false;
    this.invalidate();
  }

  /** Fills the map attribute of one hemisphere; null shows none. */
  setValues(hemisphere: Hemisphere, fill: ((out: Float32Array) => void) | null): void {
    const view = this.stage.view(hemisphere);
    if (view === null) return;
    if (fill === null) view.mapped.fill(0); else fill(view.mapped);
    view.valuesChanged();
    this.invalidate();
  }

  setScale(scale: Scale, contour: boolean): void {
    this.stage.shader.setScale(scale);
    this.stage.shader.set('uContour', contour ? 1 : 0);
    this.invalidate();
  }

  setRegions(hemisphere: Hemisphere, regions: RegionFields | null): void {
    this.stage.view(hemisphere)?.setRegions(regions);
    this.invalidate();
  }

  setEmphasis(hemisphere: Hemisphere, focus: ((vertex: number) => boolean) | null, marked: Int32Array | null): void {
    this.stage.view(hemisphere)?.setEmphasis(focus, marked);
    this.invalidate();
  }

  setLook(look: { readonly outlines: boolean; readonly focus: boolean; readonly softUnderlay: boolean; readonly contrast: number }): void {
    const { shader } = this.stage;
    shader.set('uOutline', look.outlines ? 1 : 0);
    shader.set('uFocus', look.focus ? 1 : 0);
    shader.set('uSoftUnderlay', look.softUnderlay ? 1 : 0);
    shader.set('uContrast', look.contrast);
    this.invalidate();
  }

  setBackground(css: string, dark: boolean): void {
    this.background = css;
    this.dark = dark;
    this.renderer.setClearColor(new Color().setStyle(css), 1);
    this.stage.shader.setTones(dark ? TONES.dark : TONES.light);
    this.invalidate();
  }

  setReducedMotion(reduced: boolean): void { this.reducedMotion = reduced; }

  setVisible(hemisphere: Hemisphere, visible: boolean): void {
    this.stage.setVisible(hemisphere, visible);
    this.place();
    this.changed();
  }

  setLayout(layout: LayoutName): void {
    if (!this.stage.setLayout(layout)) return;
    this.tween('layout', LAYOUT_MS, (t) => { this.stage.layoutMix = t; this.treesStale = true; this.place(); });
    const direction = this.controls.getPosition(new Vector3(), true).sub(this.controls.getTarget(new Vector3(), true));
    this.frameFrom(direction, this.stage.shownViews(), true);
  }

  /** Slider position 0..1 over the shapes present. */
  setMorph(position: number): void {
    this.tweens.delete('morph');
    if (position === this.stage.morph) return;
    this.stage.morph = position;
    this.applyMorph();
  }

  /** Plays to a position; the camera stays where it is. */
  playMorph(position: number): void {
    const from = this.stage.morph;
    const stops = Math.max(1, Math.abs(position - from) * Math.max(1, this.shapes.length - 1));
    this.tween('morph', MORPH_MS * Math.min(1.6, stops), (t) => {
      this.stage.morph = t >= 1 ? position : from + (position - from) * ease(t);
      this.applyMorph();
      this.events.morph(this.stage.morph, false);
    });
  }

  home(animate = true): void {
    if (this.stage.empty) return;
    this.framed = true;
    this.frameFrom(HOME, this.stage.shownViews(), animate);
  }

  view(name: ViewName): void {
    if (name === 'ventral') { this.frameFrom(new Vector3(0, -1, 0.02), this.stage.shownViews(), true); return; }
    if (name === 'posterior') { this.frameFrom(HOME, this.stage.shownViews(), true); return; }
    const left = name.endsWith('left'), lateral = name.startsWith('lateral');
    const view = this.stage.view(left ? 'lh' : 'rh');
    if (view === null) return;
    const outward = (left ? -1 : 1) * (lateral ? 1 : -1);
    this.frameFrom(new Vector3(outward, 0.05, 0).applyAxisAngle(new Vector3(0, 1, 0), this.stage.placementNow(view).turn), [view], true);
  }

  /** Turns the camera so that the vertex faces it, keeping the distance. */
  flyTo(hit: Hit): void {
    const surface = this.stage.at(hit), view = this.stage.view(hit.hemisphere);
    if (surface === null || view === null) return;
    const { point, normal } = surface, move = !this.reducedMotion;
    if (this.stage.flatness() > 0) {
      void this.controls.moveTo(point.x, point.y, point.z, move);
    } else {
      const centre = view.group.position;
      const direction = normal.clone().multiplyScalar(0.6).add(point.clone().sub(centre).normalize()).normalize();
      direction.y = Math.max(-0.85, Math.min(0.85, direction.y));
      const eye = centre.clone().addScaledVector(direction.normalize(), this.controls.distance);
      void this.controls.setLookAt(eye.x, eye.y, eye.z, centre.x, centre.y, centre.z, move);
    }
    this.invalidate();
  }

  /** Vertex under a point of the canvas (CSS pixels), on either hemisphere. */
  pick(x: number, y: number): Hit | null {
    this.raycaster.setFromCamera(new Vector2((x / this.size.width) * 2 - 1, 1 - (y / this.size.height) * 2), this.camera);
    return this.stage.cast(this.raycaster.ray);
  }

  /** Place of a vertex on the canvas, CSS pixels. */
  project(hit: Hit): ScreenPoint {
    const surface = this.stage.at(hit);
    if (surface === null) return { x: 0, y: 0, visible: false };
    const visible = !this.treesStale && this.stage.visibleFrom(hit, this.camera);
    const p = surface.point.project(this.camera);
    return { x: ((p.x + 1) / 2) * this.size.width, y: ((1 - p.y) / 2) * this.size.height, visible };
  }

  /** Place of a vertex in a picture of another shape, as shares of its width and height. */
  projectFor(hit: Hit, aspect: number): { readonly x: number; readonly y: number } {
    const camera = this.camera.clone();
    camera.aspect = aspect;
    camera.updateProjectionMatrix();
    const p = this.stage.at(hit)?.point.project(camera);
    return p === undefined ? { x: 0, y: 0 } : { x: (p.x + 1) / 2, y: (1 - p.y) / 2 };
  }

  /** The scene at any size, in tiles, 8-bit RGBA from the top row down. */
  async render(picture: Picture): Promise<Uint8ClampedArray<ArrayBuffer>> {
    const camera = this.camera.clone();
    camera.aspect = picture.width / picture.height;
    camera.updateProjectionMatrix();
    this.stage.shader.setTones(picture.dark ? TONES.dark : TONES.light);
    try {
      return await renderTiles(this.renderer, this.stage.scene, camera, picture);
    } finally {
      this.setBackground(this.background, this.dark);
    }
  }

  readonly invalidate = (): void => {
    if (this.scheduled === 0) this.scheduled = requestAnimationFrame(this.frame);
  };

  dispose(): void {
    cancelAnimationFrame(this.scheduled);
    this.scheduled = -1;
    this.observer.disconnect();
    this.stopPointer();
    this.canvas.removeEventListener('webglcontextlost', this.onContextLost);
    this.canvas.removeEventListener('webglcontextrestored', this.onContextRestored);
    this.stage.dispose();
    this.controls.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
    this.canvas.remove();
  }

  private draw(): void {
    if (!this.lost && this.size.width > 1) this.renderer.render(this.stage.scene, this.camera);
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
    if (moved) { this.lastChange = time; if (this.stage.flatness() > 0) this.place(); }
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
    this.stage.refreshTrees();
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
    this.stage.applyMorph();
    this.treesStale = true;
    this.controls.mouseButtons.left = this.stage.flatness() > 0.98 ? CameraControls.ACTION.TRUCK : CameraControls.ACTION.ROTATE;
    this.place();
    this.changed();
  }

  private place(): void {
    this.stage.place(this.camera.quaternion, this.camera.aspect);
    this.invalidate();
  }

  private frameFrom(direction: Vector3, views: readonly HemisphereView[], animate: boolean): void {
    const corners = this.stage.corners(views);
    if (corners.length === 0) return;
    const { eye, target } = frameOf(direction, corners, this.camera.aspect, Math.min(LIFT_SHARE, LIFT_PIXELS / this.size.height));
    void this.controls.setLookAt(eye.x, eye.y, eye.z, target.x, target.y, target.z, animate && !this.reducedMotion);
    if (!animate) { this.controls.update(0.016); this.place(); }
    this.changed();
  }

  private readHover(): void {
    this.hoverStale = false;
    if (this.pointer !== null) this.events.hover(this.pick(this.pointer.x, this.pointer.y), this.pointer.x, this.pointer.y);
  }

  private onMove(at: { readonly x: number; readonly y: number } | null): void {
    this.pointer = at;
    if (at === null) this.events.hover(null, 0, 0);
    else if (!this.treesStale && this.tweens.size === 0) this.readHover();
    else this.hoverStale = true;
  }

  private onResize(box: DOMRectReadOnly | undefined): void {
    if (box === undefined || box.width === 0 || box.height === 0) return;
    this.size = { width: box.width, height: box.height };
    this.renderer.setSize(box.width, box.height);
    this.camera.aspect = box.width / box.height;
    this.camera.updateProjectionMatrix();
    if (!this.framed) this.home(false); else this.place();
    this.draw();
  }

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
