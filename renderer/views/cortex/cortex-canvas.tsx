/** The bridge between what the user chose and the scene: each effect carries one thing over. */
import { useEffect, useRef, useState } from 'react';
import { formatValue } from '../../../common/colour/scale.ts';
import type { Scale } from '../../../common/colour/scale.ts';
import type { VoxelMap } from '../../../common/contract/payloads.ts';
import { positionOfShape } from '../../cortex/placement.ts';
import { createLabelLayer } from '../../cortex/label-layer.ts';
import type { LabelLayer } from '../../cortex/label-layer.ts';
import { CortexScene } from '../../cortex/scene.ts';
import type { Hit } from '../../cortex/stage.ts';
import { sampleVertices, valueAtVertex, verticesOfVoxel, voxelOfVertex } from '../../cortex/values.ts';
import { tell } from '../../state/actions.ts';
import { useServices, useView } from '../../state/app-context.ts';
import type { Surface } from './use-surfaces.ts';

interface CanvasProps {
  readonly surfaces: readonly Surface[];
  readonly map: VoxelMap | null;
  readonly scale: Scale | null;
  readonly dark: boolean;
  readonly onMorph: (position: number) => void;
  readonly onReady: (scene: CortexScene | null) => void;
}

/** What events read: always the newest, without new event handlers. */
interface Now {
  readonly surfaces: readonly Surface[];
  readonly map: VoxelMap | null;
}

/** Smooth edges cost three times the frame without a graphics card: leave them out there. */
function hasGraphicsCard(): boolean {
  const context = document.createElement('canvas').getContext('webgl2');
  const info = context?.getExtension('WEBGL_debug_renderer_info');
  const name = info === null || info === undefined ? '' : String(context?.getParameter(info.UNMASKED_RENDERER_WEBGL));
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return !/swiftshader|llvmpipe|software/i.test(name);
}

export function CortexCanvas({ surfaces, map, scale, dark, onMorph, onReady }: CanvasProps) {
  const services = useServices();
  const container = useRef<HTMLDivElement>(null), overlay = useRef<HTMLDivElement>(null), tip = useRef<HTMLDivElement>(null), pinRef = useRef<HTMLDivElement>(null);
  const now = useRef<Now>({ surfaces, map });
  const [scene, setScene] = useState<CortexScene | null>(null);
  const [layer, setLayer] = useState<LabelLayer | null>(null);
  const look = useView((s) => s.look);
  const selection = useView((s) => s.selection);
  const pin = useRef<Hit | null>(null);
  useEffect(() => { now.current = { surfaces, map }; });
  useEffect(() => { pin.current = selection.pin; scene?.invalidate(); }, [selection.pin, scene]);

  useEffect(() => {
    const host = container.current, labelHost = overlay.current;
    if (host === null || labelHost === null) return;
    const { view, hover } = services;
    const read = (hit: Hit) => {
      const surface = now.current.surfaces.find((each) => each.hemisphere === hit.hemisphere);
      const voxel = surface?.sampling === null || surface === undefined ? -1 : voxelOfVertex(surface.sampling, hit.vertex);
      const label = surface?.labels?.labels[hit.vertex] ?? -1;
      const values = now.current.map?.values;
      const value = values === undefined || surface?.sampling === null || surface === undefined ? Number.NaN : valueAtVertex(values, surface.sampling, hit.vertex);
      return { voxel, region: label >= 0 ? surface?.labels?.names[label] ?? null : null, value };
    };
    const layerNow = createLabelLayer(labelHost, (region) => { view.select(`Region ${region}`, { region, voxel: null, pin: null }); });
    const created = new CortexScene(host, {
      hover(hit, x, y) {
        if (tip.current === null) return;
        if (hit === null) { hover.set(null); tip.current.style.opacity = '0'; return; }
        const { voxel, region, value } = read(hit);
        const unit = now.current.map?.unit ?? '', signed = now.current.map?.signed ?? false;
        hover.set({ ...hit, voxel, region, value, unit, signed, x, y });
        tip.current.firstElementChild?.replaceChildren(region ?? 'Outside the regions');
        tip.current.lastElementChild?.replaceChildren(voxel < 0 ? 'no voxel here' : Number.isNaN(value) ? `voxel ${voxel}` : `${formatValue(value, { sign: signed })} ${unit}`);
        tip.current.style.opacity = '1';
        const flip = x > host.clientWidth - 190;
        tip.current.style.transform = `translate(${flip ? x - 14 : x + 14}px, ${Math.min(host.clientHeight - 60, y + 12)}px) translateX(${flip ? '-100%' : '0'})`;
      },
      click(hit, { alt }) {
        if (hit === null) return; // a click on nothing changes nothing
        const { voxel, region } = read(hit);
        if (alt && region !== null) view.select(`Region ${region}`, { region, voxel: null, pin: null });
        else if (voxel >= 0) view.select(`Voxel ${voxel}`, { voxel, pin: hit });
        else if (region !== null) view.select(`Region ${region}`, { region });
      },
      frame(settled) {
        layerNow.follow(created, settled);
        if (pinRef.current === null) return;
        const at = pin.current === null ? null : created.project(pin.current);
        pinRef.current.style.opacity = at !== null && (at.visible || !settled) ? '1' : '0';
        if (at !== null) pinRef.current.style.transform = `translate(${at.x.toFixed(1)}px, ${at.y.toFixed(1)}px)`;
      },
      morph(position, byHand) {
        onMorph(position);
        if (byHand) view.look('Unfold', { morph: position });
      },
      contextLost() { tell('The graphics context was lost; it will come back.', 'Graphics'); },
      contextRestored() { tell('The view was restored.', 'Graphics'); },
    }, { antialias: hasGraphicsCard() });
    created.setReducedMotion(window.matchMedia('(prefers-reduced-motion: reduce)').matches);
    services.cortex.current = created;
    setScene(created);
    setLayer(layerNow);
    onReady(created);
    return () => {
      services.cortex.current = null;
      hover.set(null);
      layerNow.dispose();
      created.dispose();
      onReady(null);
    };
    // The scene lives as long as this screen; everything that changes goes through the effects below.
  }, [services, onMorph, onReady]);

  const [lh, rh] = [surfaces[0], surfaces[1]];
  const leftMesh = lh?.mesh, rightMesh = rh?.mesh;
  useEffect(() => {
    if (scene === null) return;
    let stale = false;
    for (const loaded of [leftMesh, rightMesh]) {
      if (loaded?.state !== 'ready' || loaded.value === null) continue;
      const mesh = loaded.value;
      scene.setMesh(mesh);
      const rest = mesh.shapes.find((shape) => shape.name === 'inflated') ?? mesh.shapes[0];
      if (rest !== undefined) {
        void services.preparer.tree(mesh.index, rest.positions).then((tree) => { if (!stale) scene.setTree(mesh.hemisphere, tree); });
      }
    }
    const wanted = services.view.store.getState().look.morph;
    scene.setMorph(wanted >= 0 ? wanted : positionOfShape('inflated', scene.shapes) ?? 0);
    scene.home(false);
    onMorph(scene.morphPosition);
    return () => { stale = true; };
  }, [scene, leftMesh, rightMesh, services, onMorph]);

  useEffect(() => {
    if (scene === null || layer === null) return;
    for (const surface of surfaces) {
      scene.setRegions(surface.hemisphere, surface.fields);
      layer.setMarks(surface.hemisphere, surface.fields?.marks ?? []);
    }
    layer.setSelected(services.view.store.getState().selection.region);
    scene.invalidate();
  }, [scene, layer, lh?.fields, rh?.fields, leftMesh, rightMesh, surfaces, services]);

  useEffect(() => {
    if (scene === null) return;
    performance.mark('recolour-start');
    for (const surface of surfaces) {
      const { sampling } = surface;
      scene.setValues(surface.hemisphere, map === null || sampling === null ? null : (out) => { sampleVertices(map.values, sampling, out); });
    }
    performance.measure('recolour', 'recolour-start');
  }, [scene, surfaces, map]);

  useEffect(() => {
    if (scene !== null) scene.setScale(scale ?? { lut: 'grey', low: 0, high: 1, threshold: 0, below: 'show', signed: false, opacity: 0 }, look.contour);
  }, [scene, scale, look.contour]);

  useEffect(() => {
    scene?.setLook({ outlines: look.outlines, focus: selection.region !== null, softUnderlay: look.softUnderlay, contrast: look.contrast });
    layer?.setShown(look.labels);
    layer?.setSelected(selection.region);
    scene?.invalidate();
  }, [scene, layer, look.outlines, look.labels, look.softUnderlay, look.contrast, selection.region]);

  useEffect(() => {
    if (scene === null) return;
    for (const surface of surfaces) {
      const region = selection.region === null || surface.labels === null ? -2 : surface.labels.names.indexOf(selection.region);
      const labels = surface.labels?.labels;
      scene.setEmphasis(surface.hemisphere, region === -2 || labels === undefined ? null : (vertex) => labels[vertex] === region,
        selection.voxel === null || surface.sampling === null ? null : verticesOfVoxel(surface.sampling, selection.voxel));
    }
    // A region chosen from a list or the palette may lie on the far side.
    const marks = surfaces.flatMap((surface) => (surface.fields?.marks ?? []).filter((mark) => mark.name === selection.region).map((mark) => ({ hemisphere: surface.hemisphere, vertex: mark.centre })));
    const first = marks[0];
    if (first !== undefined && !marks.some((mark) => scene.project(mark).visible)) scene.flyTo(first);
  }, [scene, surfaces, selection.region, selection.voxel]);

  useEffect(() => { scene?.setLayout(look.layout); }, [scene, look.layout]);
  useEffect(() => { scene?.setVisible('lh', look.left); scene?.setVisible('rh', look.right); }, [scene, look.left, look.right]);
  useEffect(() => { if (scene !== null && look.morph >= 0 && Math.abs(scene.morphPosition - look.morph) > 1e-3) scene.playMorph(look.morph); }, [scene, look.morph]);
  useEffect(() => {
    if (scene === null) return;
    const css = look.canvas === 'black' ? '#000000' : look.canvas === 'white' ? '#ffffff' : dark ? '#121417' : '#ffffff';
    scene.setBackground(css, look.canvas === 'theme' ? dark : look.canvas === 'black');
  }, [scene, look.canvas, dark]);

  const summary = map === null ? 'Cortex without a map' : `Cortex, ${map.title}`;
  return (
    <div className="cortex-canvas" data-ground={look.canvas === 'theme' ? (dark ? 'dark' : 'light') : look.canvas === 'black' ? 'dark' : 'light'}>
      <div ref={container} className="cortex-host" tabIndex={0} role="img" aria-label={summary} />
      <div ref={overlay} className="cortex-overlay" />
      <div ref={pinRef} className="cortex-pin" aria-hidden="true" />
      <div ref={tip} className="cortex-tip" aria-hidden="true"><b /><span className="number" /></div>
    </div>
  );
}
