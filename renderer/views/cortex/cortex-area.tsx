import { Button, Loader, Tooltip, useMantineColorScheme } from '@mantine/core';
import { Brain, Camera, FlaskConical, MousePointerClick, X } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { ShapeName } from '../../cortex/mesh.ts';
import type { CortexScene } from '../../cortex/scene.ts';
import { Empty, ErrorNotice } from '../../parts/notice.tsx';
import { NoSubject } from '../data/no-subject.tsx';
import { SyntheticBadge } from '../../parts/state-badge.tsx';
import { goTo } from '../../state/commands.ts';
import { useDetail, useInspection, useSubject } from '../../state/selectors.ts';
import { useServices, useView } from '../../state/app-context.ts';
import { ImageSection, MapSection, RegionSection, VoxelSection } from './cards.tsx';
import { CortexCanvas } from './cortex-canvas.tsx';
import { ExportCortex } from './export-cortex.tsx';
import { Legend } from './legend.tsx';
import { MapSentence } from './map-sentence.tsx';
import { MorphSlider } from './morph-slider.tsx';
import { Strip } from './strip.tsx';
import { Toolbar } from './toolbar.tsx';
import { byRegion, useMap } from './use-map.ts';
import { useSurface } from './use-surfaces.ts';

/** A hover must rest this long before its map is shown. */
const HOVER_MS = 150;

function useRestingHover(): readonly [number | null, (imageId: number | null) => void] {
  const [resting, setResting] = useState<number | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const hover = useCallback((imageId: number | null) => {
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = setTimeout(() => { setResting(imageId); }, imageId === null ? 60 : HOVER_MS);
  }, []);
  return [resting, hover];
}

function Chips() {
  const { view } = useServices();
  const selection = useView((s) => s.selection);
  const chips = [
    ...(selection.imageId === null ? [] : [{ text: `Image ${selection.imageId}`, clear: () => { view.select('Clear image', { imageId: null }); } }]),
    ...(selection.region === null ? [] : [{ text: selection.region, clear: () => { view.select('Clear region', { region: null }); } }]),
    ...(selection.voxel === null ? [] : [{ text: `Voxel ${selection.voxel.toLocaleString('en')}`, clear: () => { view.select('Clear voxel', { voxel: null, pin: null }); } }]),
  ];
  return <div className="chips">{chips.map((chip) => <button type="button" key={chip.text} className="chip" onClick={chip.clear} title="Clear"><span className="number">{chip.text}</span><X size={12} /></button>)}</div>;
}

export function CortexArea({ exporting, onExported }: { readonly exporting: boolean; readonly onExported: () => void }) {
  const services = useServices();
  const { colorScheme } = useMantineColorScheme();
  const dark = (colorScheme === 'auto' ? document.documentElement.dataset['mantineColorScheme'] : colorScheme) === 'dark';
  const inspection = useInspection();
  const subject = useSubject();
  const found = useDetail();
  const detail = found !== null && found.row.subject === subject?.id ? found : null;
  const selection = useView((s) => s.selection);
  const look = useView((s) => s.look);
  const [hovered, setHovered] = useRestingHover();
  const [morph, setMorph] = useState(0);
  const [scene, setScene] = useState<CortexScene | null>(null);
  const [dialog, setDialog] = useState(false);

  const imageId = hovered ?? selection.imageId ?? detail?.images[0]?.imageId ?? null;
  const atlas = look.atlas ?? detail?.recipe.data.atlas ?? subject?.atlases[0]?.name ?? null;
  const lh = useSurface('lh', subject?.id ?? null, atlas, detail), rh = useSurface('rh', subject?.id ?? null, atlas, detail);
  const surfaces = useMemo(() => [lh, rh], [lh, rh]);
  const ground = look.canvas === 'theme' ? dark : look.canvas === 'black';
  const { choice, map, scale, regions } = useMap(detail, imageId, ground);
  // While the next map is on its way the last one stays, so that nothing flashes.
  const [shown, setShown] = useState<{ map: typeof map; scale: typeof scale; run: string | undefined }>({ map, scale, run: detail?.row.id });
  const fresh = map.state === 'ready' && scale !== null;
  useEffect(() => {
    if (fresh) setShown({ map, scale, run: detail?.row.id });
  }, [fresh, map, scale, detail?.row.id]);
  const current = fresh ? { map, scale } : shown.run === detail?.row.id && choice.request !== null ? shown : { map, scale };
  const voxelMap = current.map.state === 'ready' ? current.map.value : null;
  const rows = useMemo(() => (voxelMap === null ? [] : byRegion(voxelMap, regions)), [voxelMap, regions]);
  const onMorph = useCallback((position: number) => { setMorph(position); }, []);
  const onReady = useCallback((next: CortexScene | null) => { setScene(next); }, []);
  const [stops, setStops] = useState<readonly ShapeName[]>([]);
  useEffect(() => { setStops(scene?.shapes ?? []); }, [scene, lh.mesh, rh.mesh]);

  const image = detail?.images.find((each) => each.imageId === selection.imageId) ?? null;
  const loading = lh.mesh.state === 'loading' || rh.mesh.state === 'loading' || lh.mesh.state === 'idle';
  const noSurface = lh.mesh.state === 'ready' && lh.mesh.value === null && rh.mesh.state === 'ready' && rh.mesh.value === null;
  const failed = lh.mesh.state === 'failed' ? lh.mesh.error : rh.mesh.state === 'failed' ? rh.mesh.error : null;
  const mapFailed = current.map.state === 'failed' ? current.map.error : null;
  if (inspection === null || subject === null) return <NoSubject icon={<Brain size={26} />} />;
  return (
    <div className={`cortex${detail === null || detail.images.length === 0 ? ' cortex-alone' : ''}`}>
      {detail !== null && detail.images.length > 0 && <Strip detail={detail} onHover={setHovered} />}
      <section className="cortex-centre" aria-busy={lh.busy || rh.busy || current.map.state === 'loading'}>
        <div className="cortex-bar">
          {detail !== null && choice.kinds.length > 0 ? <MapSentence choice={choice} detail={detail} imageId={imageId} /> : <div className="sentence"><b>{subject.id}</b><span className="quiet truncate">{detail === null ? 'no run chosen: folds and regions only' : detail.row.state === 'running' ? 'maps come when the run is done' : 'this run has no maps'}</span></div>}
          <span className="grow" />
          {inspection.synthetic && <SyntheticBadge />}
          <Tooltip label="Export as PNG (Ctrl + E)"><Button variant="default" leftSection={<Camera size={14} />} onClick={() => { setDialog(true); }}>Export</Button></Tooltip>
        </div>
        <div className="cortex-stage">
          {noSurface ? <Empty icon={<Brain size={26} />} title="This data has no surfaces">Maps are listed by region on the right. To see them on the cortex the folder needs white, pial or inflated surfaces and the transforms to them.</Empty>
            : <CortexCanvas surfaces={surfaces} map={voxelMap} scale={current.scale} dark={dark} onMorph={onMorph} onReady={onReady} />}
          {loading && !noSurface && <div className="cortex-loading"><Loader size={18} /><span>Reading the surfaces</span></div>}
          {failed !== null && <div className="cortex-error"><ErrorNotice error={failed} title="The surfaces could not be read" /></div>}
          {mapFailed !== null && <div className="cortex-error"><ErrorNotice error={mapFailed} title="The map could not be read" /></div>}
          <Chips />
          {!noSurface && <Toolbar surfaces={surfaces} signed={voxelMap?.signed ?? false} dark={ground} atlases={subject.atlases.map((each) => each.name)} atlas={atlas} />}
          {voxelMap !== null && current.scale !== null && <Legend map={voxelMap} scale={current.scale} />}
          {!noSurface && <MorphSlider position={morph} stops={stops} />}
        </div>
      </section>
      <aside className="pane inspector scroll" aria-label="Inspector">
        {detail !== null && selection.voxel !== null && <VoxelSection key={selection.voxel} detail={detail} voxel={selection.voxel} />}
        {detail !== null && selection.region !== null && <RegionSection key={selection.region} detail={detail} region={selection.region} />}
        {detail !== null && image !== null && <ImageSection detail={detail} image={image} />}
        {selection.voxel === null && selection.region === null && image === null && (
          <div className="inspector-empty">
            <MousePointerClick size={22} />
            {detail === null
              ? <><div>Choose a finished run to see its maps here.</div><Button variant="light" leftSection={<FlaskConical size={14} />} onClick={() => { goTo(services, 'experiment'); }}>Experiments</Button></>
              : <><div>Click the cortex, the name of a region, or a picture.</div><div className="hint">Hovering reads vertex, region and value below.<br /><span className="kbd">F</span> unfolds, <span className="kbd">1</span> to <span className="kbd">6</span> turn, <span className="kbd">?</span> shows all keys.</div></>}
          </div>
        )}
        {voxelMap !== null && current.scale !== null && rows.length > 0 && <MapSection map={voxelMap} scale={current.scale} rows={rows} />}
      </aside>
      <ExportCortex opened={dialog || exporting} onClose={() => { setDialog(false); onExported(); }} surfaces={surfaces} map={voxelMap} scale={current.scale} detail={detail} synthetic={inspection.synthetic} label={`${inspection.label}, ${subject.id}`} />
    </div>
  );
}
