import { ActionIcon, Button, Loader, SegmentedControl, Select, Tooltip } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDownNarrowWide, ArrowUpNarrowWide, Download, FlaskConical, Images } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { formatValue } from '../../../common/colour/scale.ts';
import type { ImageRow, RunDetail } from '../../../common/contract/payloads.ts';
import { Bar } from '../../parts/marks.tsx';
import { Empty, ErrorNotice } from '../../parts/notice.tsx';
import { SyntheticBadge } from '../../parts/state-badge.tsx';
import { count } from '../../parts/words.ts';
import { NoSubject } from '../data/no-subject.tsx';
import { goTo } from '../../state/commands.ts';
import { rankOf } from '../../state/lab-state.ts';
import { mainScore, scoreNames, scoreTitle, useDetailState } from '../../state/selectors.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';
import type { GalleryChoice } from '../../state/view-state.ts';
import { ExportGallery } from './export-gallery.tsx';
import { sortImages } from './sorting.ts';

const PIXELS: { readonly [S in GalleryChoice['size']]: number } = { S: 76, M: 118, L: 176 };

type Held = 'enlarge' | 'truth' | 'blink' | null;

/** Space, G and B act while they are held down. */
function useHeld(): Held {
  const [held, setHeld] = useState<Held>(null);
  useEffect(() => {
    const keys: Readonly<Record<string, Held>> = { ' ': 'enlarge', g: 'truth', b: 'blink' };
    const down = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT|BUTTON)$/.test(target.tagName)) return;
      const next = keys[event.key.toLowerCase()];
      if (next !== undefined) { event.preventDefault(); setHeld(next); }
    };
    const up = (event: KeyboardEvent): void => { if (keys[event.key.toLowerCase()] !== undefined) setHeld(null); };
    const blur = (): void => { setHeld(null); };
    window.addEventListener('keydown', down);
    window.addEventListener('keyup', up);
    window.addEventListener('blur', blur);
    return () => { window.removeEventListener('keydown', down); window.removeEventListener('keyup', up); window.removeEventListener('blur', blur); };
  }, []);
  return held;
}

function Tile({ image, pixels, score, rank, total, selected, held, onSelect, onOpen, style }: {
  readonly image: ImageRow; readonly pixels: number; readonly score: string | null; readonly rank: number | null; readonly total: number; readonly selected: boolean;
  readonly held: Held; readonly onSelect: () => void; readonly onOpen: () => void; readonly style: React.CSSProperties;
}) {
  const value = score === null ? undefined : image.scores[score];
  const second = held === 'truth' ? image.truthUrl : image.reconstructionUrl;
  return (
    <div className="tile" role="gridcell" aria-selected={selected} style={style} onClick={onSelect} onDoubleClick={onOpen}
      aria-label={`Image ${image.imageId}${value === undefined || score === null ? '' : `, ${scoreTitle(score).title} ${formatValue(value)}, rank ${rank} of ${total}`}`}>
      <div className="tile-pair">
        <img src={image.truthUrl} width={pixels} height={pixels} alt="" loading="lazy" decoding="async" />
        <img src={second} width={pixels} height={pixels} alt="" loading="lazy" decoding="async" className={held === 'blink' ? 'blink' : undefined} />
      </div>
      <div className="tile-line number"><b>{image.imageId}</b>{value !== undefined && score !== null && <span className="truncate grow" style={{ textAlign: 'right' }}>{scoreTitle(score).short} {formatValue(value)} <span title="Rank in this run">{`#${rank}`}</span></span>}</div>
    </div>
  );
}

function Strip({ detail, sort }: { readonly detail: RunDetail; readonly sort: string }) {
  const scores = Object.entries(detail.row.summary?.scores ?? {});
  if (scores.length === 0) return null;
  return (
    <div className="gallery-strip">
      {scores.map(([name, score]) => (
        <Tooltip key={name} label={scoreTitle(name).definition} disabled={scoreTitle(name).definition === ''}>
          <div className="strip-score">
            <div className="row" style={{ justifyContent: 'space-between', gap: 10, fontSize: 12 }}><span className={name === sort ? 'accent' : 'secondary'}>{scoreTitle(name).short} {score.better === 'higher' ? '↑' : '↓'}</span><span className="number">{formatValue(score.value)} <span className="quiet" style={{ fontWeight: 400 }}>/ {formatValue(score.baseline)}</span></span></div>
            <Bar value={score.value} max={score.better === 'lower' ? Math.max(score.value, score.baseline) * 1.15 : 1} baseline={score.baseline} height={4} />
          </div>
        </Tooltip>
      ))}
      <span className="quiet" style={{ fontSize: 11, alignSelf: 'center', whiteSpace: 'nowrap' }}>mean / shuffled baseline (tick)</span>
    </div>
  );
}

function Grid({ detail }: { readonly detail: RunDetail }) {
  const services = useServices();
  const choice = useView((s) => s.gallery);
  const selectedId = useView((s) => s.selection.imageId);
  const held = useHeld();
  const scrollRef = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(900);
  const images = useMemo(() => sortImages(detail.images, choice), [detail.images, choice]);
  const names = scoreNames(detail.images);
  const score = choice.sort === 'id' || !names.includes(choice.sort) ? mainScore(names) : choice.sort;
  const ranks = useMemo(() => new Map(score === null ? [] : detail.images.map((image) => [image.imageId, rankOf(detail.images, image.imageId, score, scoreTitle(score).better)])), [detail.images, score]);
  const pixels = PIXELS[choice.size];
  const tileWidth = 2 * pixels + 4 + 12, tileHeight = pixels + 12 + 20 + 6;
  const columns = Math.max(1, Math.floor((width - 20 + 6) / (tileWidth + 6)));
  const gap = columns > 1 ? Math.min(28, (width - 20 - columns * tileWidth) / (columns - 1)) : 0;
  const virtual = useVirtualizer({ count: Math.ceil(images.length / columns), getScrollElement: () => scrollRef.current, estimateSize: () => tileHeight + 4, overscan: 4, paddingStart: 10, paddingEnd: 16 });
  useEffect(() => {
    const element = scrollRef.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => { setWidth(element.clientWidth); });
    observer.observe(element);
    return () => { observer.disconnect(); };
  }, []);
  useEffect(() => { virtual.measure(); }, [virtual, tileHeight]);
  const at = images.findIndex((image) => image.imageId === selectedId);
  const select = (index: number): void => {
    const image = images[Math.min(images.length - 1, Math.max(0, index))];
    if (image === undefined) return;
    services.view.select(`Image ${image.imageId}`, { imageId: image.imageId });
    virtual.scrollToIndex(Math.floor(images.indexOf(image) / columns), { align: 'auto' });
  };
  const open = (): void => { goTo(services, 'cortex'); services.view.look('Contribution', { kind: 'contribution' }); };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const moves: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -1e9, End: 1e9 };
    const move = moves[event.key];
    if (move !== undefined) { event.preventDefault(); select(at === -1 ? 0 : at + move); }
    if (event.key === 'Enter' && at !== -1) { event.preventDefault(); open(); }
  };
  const large = held === 'enlarge' ? images[at] : undefined;
  return (
    <>
      <div className="gallery-scroll scroll" ref={scrollRef} tabIndex={0} role="grid" aria-rowcount={Math.ceil(images.length / columns)} aria-label="Truth beside reconstruction" onKeyDown={onKeyDown}>
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().flatMap((row) => images.slice(row.index * columns, (row.index + 1) * columns).map((image, i) => (
            <Tile key={image.imageId} image={image} pixels={pixels} score={score} rank={ranks.get(image.imageId) ?? null} total={images.length} selected={image.imageId === selectedId} held={held}
              onSelect={() => { services.view.select(`Image ${image.imageId}`, { imageId: image.imageId }); }} onOpen={open}
              style={{ width: tileWidth, height: tileHeight, transform: `translate(${10 + i * (tileWidth + gap)}px, ${row.start}px)` }} />
          )))}
        </div>
      </div>
      {large !== undefined && (
        <div className="enlarged"><div className="enlarged-inner"><div className="large"><img src={large.truthUrl} alt="Truth" /><img src={large.reconstructionUrl} alt="Reconstruction" /></div><div className="row" style={{ justifyContent: 'space-around', paddingTop: 8 }}><span>Truth</span><span>Reconstruction</span></div></div></div>
      )}
    </>
  );
}

export function GalleryArea({ exporting, onExported }: { readonly exporting: boolean; readonly onExported: () => void }) {
  const services = useServices();
  const detail = useDetailState();
  const choice = useView((s) => s.gallery);
  const runId = useView((s) => s.runId);
  const [dialog, setDialog] = useState(false);
  const reading = useLab((s) => s.inspection.state === 'loading');
  const toExperiment = <Button leftSection={<FlaskConical size={14} />} onClick={() => { goTo(services, 'experiment'); }}>Go to Experiment</Button>;
  if (reading) return <NoSubject icon={<Images size={26} />} />;
  if (detail.state === 'failed') return <div className="data-main"><ErrorNotice error={detail.error} title="The run could not be read" /></div>;
  if (runId === null || detail.state !== 'ready') {
    return runId === null ? <Empty icon={<Images size={26} />} title="Pick a run to see reconstructions" actions={toExperiment}>Choose one in the bar above, or start a quick look.</Empty> : <Empty icon={<Loader size={22} />} title="Reading the run" />;
  }
  const run = detail.value;
  if (run.images.length === 0) {
    return <Empty icon={<Images size={26} />} title="No pictures yet" actions={toExperiment}>{run.row.state === 'running' ? 'They appear here one by one as they are made.' : `“${run.row.name}” ended before its first picture.`}</Empty>;
  }
  const names = scoreNames(run.images);
  const set = (change: Partial<GalleryChoice>): void => { services.view.set({ gallery: { ...choice, ...change } }); };
  return (
    <div className="gallery">
      <div className="gallery-head">
        <b className="truncate" style={{ maxWidth: 280 }}>{run.row.name}</b>
        {run.row.synthetic && <SyntheticBadge />}
        <span className="quiet">{count(run.images.length, 'image')}{run.row.state === 'running' && ', more to come'}. Left: seen. Right: reconstructed.</span>
        <span className="grow" />
        <Select aria-label="Sort by" w={190} value={names.includes(choice.sort) ? choice.sort : 'id'} data={[{ value: 'id', label: 'By image id' }, ...names.map((name) => ({ value: name, label: `By ${scoreTitle(name).title}` }))]} onChange={(value) => { if (value !== null) set({ sort: value }); }} />
        <Tooltip label={choice.sort === 'id' ? 'Turn the order round' : choice.order === 'best' ? 'Best first; show the worst first' : 'Worst first; show the best first'}>
          <ActionIcon variant="default" size={30} aria-label="Turn the order round" onClick={() => { set({ order: choice.order === 'best' ? 'worst' : 'best' }); }}>{choice.order === 'best' ? <ArrowDownNarrowWide size={15} /> : <ArrowUpNarrowWide size={15} />}</ActionIcon>
        </Tooltip>
        <SegmentedControl aria-label="Size of the pictures" value={choice.size} data={['S', 'M', 'L']} onChange={(value) => { set({ size: value }); }} />
        <Button variant="default" leftSection={<Download size={14} />} onClick={() => { setDialog(true); }}>Export</Button>
      </div>
      <Strip detail={run} sort={choice.sort} />
      <Grid detail={run} />
      <div className="gallery-foot quiet"><span><span className="kbd">Space</span> enlarge</span><span><span className="kbd">G</span> truth only</span><span><span className="kbd">B</span> blink</span><span><span className="kbd">↵</span> open on the cortex</span></div>
      <ExportGallery opened={dialog || exporting} onClose={() => { setDialog(false); onExported(); }} detail={run} />
    </div>
  );
}
