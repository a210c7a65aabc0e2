import { Button, Checkbox, Modal, NumberInput, SegmentedControl } from '@mantine/core';
import { Download } from 'lucide-react';
import { useState } from 'react';
import type { Scale } from '../../../common/colour/scale.ts';
import type { RunDetail, VoxelMap } from '../../../common/contract/payloads.ts';
import { reportFrom } from '../../lab.ts';
import { pngOf } from '../../parts/png.ts';
import { savePng, tellError } from '../../state/actions.ts';
import { useServices, useView } from '../../state/app-context.ts';
import { drawCortex } from './draw-cortex.ts';
import type { Surface } from './use-surfaces.ts';

/** Widths that journals print, in millimetres. */
const WIDTHS = [{ value: '89', label: '89 mm' }, { value: '183', label: '183 mm' }, { value: 'px', label: 'Pixels' }];
const MOST_PIXELS = 16_000;

export function ExportCortex({ opened, onClose, surfaces, map, scale, detail, synthetic, label }: {
  readonly opened: boolean; readonly onClose: () => void; readonly surfaces: readonly Surface[]; readonly map: VoxelMap | null; readonly scale: Scale | null;
  readonly detail: RunDetail | null; readonly synthetic: boolean; readonly label: string;
}) {
  const services = useServices();
  const look = useView((s) => s.look);
  const [unit, setUnit] = useState('183');
  const [pixels, setPixels] = useState(2400);
  const [dpi, setDpi] = useState(300);
  const [ground, setGround] = useState<'white' | 'dark' | 'none'>('white');
  const [names, setNames] = useState(true);
  const [busy, setBusy] = useState(false);
  const shape = services.cortex.current?.camera.aspect ?? 1.5;
  const width = unit === 'px' ? pixels : Math.round((Number(unit) / 25.4) * dpi), height = Math.round(width / shape);
  const tooLarge = Math.max(width, height) > MOST_PIXELS;
  const numeric = (set: (value: number) => void) => (value: number | string): void => { if (typeof value === 'number') set(value); };
  const save = async (): Promise<void> => {
    const scene = services.cortex.current;
    if (scene === null) return;
    setBusy(true);
    try {
      const labels = names ? surfaces.flatMap((surface) => (surface.fields?.marks ?? []).map((mark) => ({ name: mark.name, at: { hemisphere: surface.hemisphere, vertex: mark.centre }, weight: mark.vertices }))) : [];
      const canvas = await drawCortex({
        scene, width, height, ground, supersample: width <= 2000 ? 2 : 1, map, scale, labels, synthetic,
        title: map?.title ?? label, subtitle: [label, detail?.row.name, map?.request.imageId === undefined ? undefined : `image ${map.request.imageId}`].filter((part) => part !== undefined).join(', '),
      });
      const png = await pngOf(canvas, dpi, { Software: 'Optogram', Description: `${label}; run ${detail?.row.id ?? 'none'}; ${map === null ? 'no map' : `${map.title} ${JSON.stringify(map.request)}`}${synthetic ? '; synthetic data' : ''}` });
      onClose();
      await savePng(services, `${detail?.row.name ?? label} cortex.png`, png);
    } catch (error) { tellError('The cortex could not be drawn', reportFrom(error)); } finally { setBusy(false); }
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Export the cortex as PNG" size={460}>
      <div className="field-group">
        <div><div className="mantine-InputWrapper-label">Width</div><SegmentedControl fullWidth value={unit} data={WIDTHS} onChange={setUnit} /></div>
        <div className="field-pair">
          <NumberInput label="Pixels" min={200} max={MOST_PIXELS} step={100} value={width} disabled={unit !== 'px'} onChange={numeric(setPixels)} />
          <NumberInput label="Dots per inch" min={72} max={1200} step={50} value={dpi} onChange={numeric(setDpi)} />
        </div>
        <SegmentedControl fullWidth value={ground} data={[{ value: 'white', label: 'White' }, { value: 'dark', label: 'Dark' }, { value: 'none', label: 'Transparent' }]} onChange={(value) => { setGround(value); }} />
        <Checkbox label="Names of the regions" checked={names && look.labels} disabled={!look.labels} onChange={(event) => { setNames(event.currentTarget.checked); }} />
        <div className="card" style={{ padding: '10px 12px', fontSize: 12 }}>
          <div className="number">{width.toLocaleString('en')} × {height.toLocaleString('en')} px, {((width / dpi) * 25.4).toFixed(0)} × {((height / dpi) * 25.4).toFixed(0)} mm at {dpi} dpi</div>
          <div className="quiet">Drawn anew at this size: camera, map and limits as on screen, with title, colour bar and caveat.</div>
          {tooLarge && <div className="error-line">More than {MOST_PIXELS.toLocaleString('en')} px: choose a smaller size.</div>}
        </div>
        <Button leftSection={<Download size={14} />} loading={busy} disabled={tooLarge} onClick={() => { void save(); }}>Save …</Button>
      </div>
    </Modal>
  );
}
