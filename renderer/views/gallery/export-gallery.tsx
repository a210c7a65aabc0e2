import { Button, Modal, NumberInput, SegmentedControl, Select } from '@mantine/core';
import { Download } from 'lucide-react';
import { useState } from 'react';
import type { RunDetail } from '../../../common/contract/payloads.ts';
import { pngOf } from '../../parts/png.ts';
import { reportFrom } from '../../lab.ts';
import { savePng, tellError } from '../../state/actions.ts';
import { mainScore, scoreNames, scoreTitle } from '../../state/selectors.ts';
import { useServices, useView } from '../../state/app-context.ts';
import { drawGallery, galleryFigureSize } from './draw-gallery.ts';
import { ruleOfOrder, sortImages } from './sorting.ts';

/** Tile sides offered, in pixels. */
const TILES = [128, 256, 384, 512];
const MOST_PIXELS = 16_000;

export function ExportGallery({ opened, onClose, detail }: { readonly opened: boolean; readonly onClose: () => void; readonly detail: RunDetail }) {
  const services = useServices();
  const choice = useView((s) => s.gallery);
  const [columns, setColumns] = useState(4);
  const [images, setImages] = useState(24);
  const [tile, setTile] = useState(256);
  const [dpi, setDpi] = useState(300);
  const [ground, setGround] = useState<'white' | 'dark'>('white');
  const [busy, setBusy] = useState(false);
  const names = scoreNames(detail.images);
  const score = choice.sort === 'id' || !names.includes(choice.sort) ? mainScore(names) : choice.sort;
  const chosen = sortImages(detail.images, choice).slice(0, images);
  const size = galleryFigureSize({ images: chosen, columns, tile });
  const tooLarge = Math.max(size.width, size.height) > MOST_PIXELS;
  const rule = ruleOfOrder(choice, chosen.length, detail.images.length);
  const numeric = (set: (value: number) => void) => (value: number | string): void => { if (typeof value === 'number') set(value); };
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const canvas = await drawGallery({ detail, images: chosen, columns, tile, score, rule, dark: ground === 'dark' });
      const png = await pngOf(canvas, dpi, { Software: 'Optogram', Description: `run ${detail.row.id}; ${rule}; seed ${detail.recipe.seed}${detail.row.synthetic ? '; synthetic data' : ''}` });
      onClose();
      await savePng(services, `${detail.row.name} gallery.png`, png);
    } catch (error) { tellError('The gallery could not be drawn', reportFrom(error)); } finally { setBusy(false); }
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Export the gallery as PNG" size={480}>
      <div className="field-group">
        <div className="field-pair">
          <NumberInput label={`Pictures (of ${detail.images.length})`} min={1} max={detail.images.length} value={Math.min(images, detail.images.length)} onChange={numeric(setImages)} />
          <NumberInput label="Pairs in a row" min={1} max={12} value={columns} onChange={numeric(setColumns)} />
        </div>
        <div className="field-pair">
          <Select label="Side of a picture" data={TILES.map((side) => ({ value: String(side), label: `${side} px` }))} value={String(tile)} onChange={(value) => { if (value !== null) setTile(Number(value)); }} />
          <NumberInput label="Dots per inch" min={72} max={1200} step={50} value={dpi} onChange={numeric(setDpi)} />
        </div>
        <SegmentedControl value={ground} data={[{ value: 'white', label: 'White ground' }, { value: 'dark', label: 'Dark ground' }]} onChange={(value) => { setGround(value); }} />
        <div className="card" style={{ padding: '10px 12px', fontSize: 12 }}>
          <div className="number">{size.width.toLocaleString('en')} × {size.height.toLocaleString('en')} px, {((size.width / dpi) * 25.4).toFixed(0)} × {((size.height / dpi) * 25.4).toFixed(0)} mm at {dpi} dpi</div>
          <div className="quiet">Caption: {rule}{score === null ? '' : `; ${scoreTitle(score).title} under each pair`}.</div>
          {tooLarge && <div className="error-line">Wider or taller than {MOST_PIXELS.toLocaleString('en')} px: choose smaller pictures or fewer.</div>}
        </div>
        <Button leftSection={<Download size={14} />} loading={busy} disabled={tooLarge} onClick={() => { void save(); }}>Save …</Button>
      </div>
    </Modal>
  );
}
