import { ActionIcon, Select, Tooltip } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDownNarrowWide, ArrowUpNarrowWide } from 'lucide-react';
import { useEffect, useMemo, useRef } from 'react';
import { formatValue } from '../../../common/colour/scale.ts';
import type { RunDetail } from '../../../common/contract/payloads.ts';
import { mainScore, scoreNames, scoreTitle } from '../../state/selectors.ts';
import { useServices, useView } from '../../state/app-context.ts';
import { sortImages } from '../gallery/sorting.ts';

const SIDE = 92;
const ROW = SIDE + 34;

/** The pictures beside the cortex: hovering one shows its map for a moment, clicking keeps it. */
export function Strip({ detail, onHover }: { readonly detail: RunDetail; readonly onHover: (imageId: number | null) => void }) {
  const { view } = useServices();
  const choice = useView((s) => s.gallery);
  const selected = useView((s) => s.selection.imageId);
  const scrollRef = useRef<HTMLDivElement>(null);
  const images = useMemo(() => sortImages(detail.images, choice), [detail.images, choice]);
  const names = scoreNames(detail.images);
  const score = choice.sort !== 'id' && names.includes(choice.sort) ? choice.sort : mainScore(names);
  const virtual = useVirtualizer({ count: images.length, getScrollElement: () => scrollRef.current, estimateSize: () => ROW, overscan: 5, paddingEnd: 8 });
  const at = images.findIndex((image) => image.imageId === selected);
  useEffect(() => { if (at >= 0) virtual.scrollToIndex(at, { align: 'auto' }); }, [virtual, at]);
  const select = (index: number): void => {
    const image = images[Math.min(images.length - 1, Math.max(0, index))];
    if (image !== undefined) view.select(`Image ${image.imageId}`, { imageId: image.imageId });
  };
  return (
    <section className="pane strip">
      <div className="pane-head strip-head">
        <Select aria-label="Sort by" className="grow" value={names.includes(choice.sort) ? choice.sort : 'id'} data={[{ value: 'id', label: 'By image id' }, ...names.map((name) => ({ value: name, label: `By ${scoreTitle(name).title}` }))]}
          onChange={(value) => { if (value !== null) view.set({ gallery: { ...choice, sort: value } }); }} />
        <Tooltip label="Turn the order round"><ActionIcon variant="default" size={30} aria-label="Turn the order round" onClick={() => { view.set({ gallery: { ...choice, order: choice.order === 'best' ? 'worst' : 'best' } }); }}>{choice.order === 'best' ? <ArrowDownNarrowWide size={15} /> : <ArrowUpNarrowWide size={15} />}</ActionIcon></Tooltip>
      </div>
      <div className="strip-scroll scroll" ref={scrollRef} tabIndex={0} role="listbox" aria-label="Pictures of the run" onPointerLeave={() => { onHover(null); }}
        onKeyDown={(event) => { const move = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0; if (move !== 0) { event.preventDefault(); select(at + move); } }}>
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((row) => {
            const image = images[row.index];
            if (image === undefined) return null;
            const value = score === null ? undefined : image.scores[score];
            return (
              <div key={image.imageId} className="strip-tile" role="option" aria-selected={image.imageId === selected} style={{ transform: `translateY(${row.start}px)`, height: ROW }}
                onPointerEnter={() => { onHover(image.imageId); }} onClick={() => { select(row.index); }}>
                <div className="tile-pair"><img src={image.truthUrl} width={SIDE} height={SIDE} alt="" decoding="async" /><img src={image.reconstructionUrl} width={SIDE} height={SIDE} alt="" decoding="async" /></div>
                <div className="tile-line number"><b>{image.imageId}</b>{value !== undefined && score !== null && <span className="grow" style={{ textAlign: 'right' }}>{scoreTitle(score).short} {formatValue(value)}</span>}</div>
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}
