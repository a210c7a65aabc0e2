import { CloseButton, CopyButton, Loader, Tooltip } from '@mantine/core';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { ChevronDown, ChevronRight, Copy } from 'lucide-react';
import { FAMILIES } from '../../../common/colour/families.ts';
import { colourAt, LUTS } from '../../../common/colour/luts.ts';
import { formatValue, positionOf } from '../../../common/colour/scale.ts';
import type { Scale } from '../../../common/colour/scale.ts';
import type { ImageRow, RegionCard, RunDetail, VoxelCard, VoxelMap } from '../../../common/contract/payloads.ts';
import { Bar, Heat, Profile, Sparkline, Thumb } from '../../parts/marks.tsx';
import { ErrorNotice } from '../../parts/notice.tsx';
import { count } from '../../parts/words.ts';
import type { Loaded } from '../../state/lab-state.ts';
import { rankOf } from '../../state/lab-state.ts';
import { useResource } from '../../state/resources.ts';
import { scoreNames, scoreTitle } from '../../state/selectors.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';
import type { RegionValue } from './use-map.ts';

function Section({ title, note, onClose, children }: { readonly title: ReactNode; readonly note?: ReactNode; readonly onClose?: () => void; readonly children: ReactNode }) {
  const [open, setOpen] = useState(true);
  return (
    <section className="inspector-section">
      <div className="inspector-head">
        <button type="button" className="disclosure grow" aria-expanded={open} onClick={() => { setOpen(!open); }}>{open ? <ChevronDown size={14} /> : <ChevronRight size={14} />}<b>{title}</b>{note !== undefined && <span className="quiet truncate">{note}</span>}</button>
        {onClose !== undefined && <CloseButton size={22} iconSize={13} onClick={onClose} aria-label="Clear" />}
      </div>
      {open && <div className="inspector-body">{children}</div>}
    </section>
  );
}

function Waiting<T>({ loaded, children }: { readonly loaded: Loaded<T>; readonly children: (value: T) => ReactNode }) {
  if (loaded.state === 'ready') return children(loaded.value);
  if (loaded.state === 'failed') return <ErrorNotice error={loaded.error} />;
  return <div className="inspector-wait"><Loader size={18} /></div>;
}

const percentile = (value: number): string => `${Math.round(value)}${['th', 'st', 'nd', 'rd'][value % 100 >= 11 && value % 100 <= 13 ? 0 : Math.min(4, Math.round(value) % 10) % 4] ?? 'th'}`;

/** Side of the pictures of a card, in device pixels at twice the density. */
const SHARE_PIXELS = 96;

function Shares({ title, rows, detail }: { readonly title: string; readonly rows: VoxelCard['helped']; readonly detail: RunDetail }) {
  const { lab, resources, view } = useServices();
  const shown = rows.slice(0, 5);
  // Test images that this run did not reconstruct are read from the stimuli.
  const others = shown.map(({ imageId }) => imageId).filter((id) => !detail.images.some((image) => image.imageId === id));
  const { dataPath } = detail.ref;
  const stack = useResource(resources, others.length === 0 ? null : `stimuli ${dataPath} ${SHARE_PIXELS} ${others.join()}`, () => lab.view('data.stimuli', dataPath, Int32Array.from(others), SHARE_PIXELS));
  if (rows.length === 0) return null;
  return (
    <div>
      <div className="mini-title">{title}</div>
      <div className="share-row">
        {shown.map(({ imageId, share }) => {
          const image = detail.images.find((each) => each.imageId === imageId), other = others.indexOf(imageId);
          return (
            <button type="button" key={imageId} className="share" title={`Image ${imageId}: share ${formatValue(share, { sign: true })}`} onClick={() => { view.select(`Image ${imageId}`, { imageId }); }}>
              {image === undefined ? stack.state === 'ready' ? <Thumb stack={stack.value} index={other} size={50} label={`Image ${imageId}`} /> : <span className="share-blank">{imageId}</span> : <img src={image.truthUrl} width={50} height={50} alt={`Image ${imageId}`} />}
              <span className="number">{formatValue(share, { sign: true })}</span>
            </button>
          );
        })}
      </div>
    </div>
  );
}

export function VoxelSection({ detail, voxel }: { readonly detail: RunDetail; readonly voxel: number }) {
  const { lab, resources, view } = useServices();
  const age = useLab((s) => s.engineAge);
  const card = useResource(resources, `voxel ${detail.ref.runId} ${age} ${voxel}`, () => lab.view('voxel.card', detail.ref, voxel));
  return (
    <Section title={<span className="number">Voxel {voxel.toLocaleString('en')}</span>} note={card.state === 'ready' ? card.value.region : undefined} onClose={() => { view.select('Clear voxel', { voxel: null, pin: null }); }}>
      <Waiting loaded={card}>{(value) => (
        <>
          <div className="fact-line number">
            {value.ijk !== null && <span>grid {value.ijk.join(', ')}</span>}
            {value.noiseCeilingPercent !== null && <span>noise ceiling {formatValue(value.noiseCeilingPercent)} %</span>}
            <CopyButton value={JSON.stringify({ voxel: value.voxel, ijk: value.ijk, region: value.region, noiseCeilingPercent: value.noiseCeilingPercent, spaces: value.spaces })}>{({ copied, copy }) => <Tooltip label={copied ? 'Copied' : 'Copy the numbers'}><button type="button" className="inside-button" aria-label="Copy the numbers" onClick={copy}><Copy size={12} /></button></Tooltip>}</CopyButton>
          </div>
          <div className="mini-title">Strength among all voxels</div>
          {value.spaces.map((space) => (
            <div className="space-line" key={space.space}>
              <span className="truncate"><i className="space-dot" style={{ background: FAMILIES[space.space].colour }} />{FAMILIES[space.space].title}</span>
              <Tooltip label={`Pattern ${formatValue(space.patternNorm)}, weight ${formatValue(space.weightNorm)} (tick)`}><div><Bar value={space.patternPercentile} max={100} baseline={space.weightPercentile} colour={FAMILIES[space.space].colour} /></div></Tooltip>
              <span className="number right">{percentile(space.patternPercentile)}</span>
            </div>
          ))}
          <div className="hint">Bar: pattern percentile; tick: weight percentile.</div>
          <div className="weights">
            {value.latentWeights !== null && <figure><Heat values={value.latentWeights} label="Weights to the latent, over the picture" size={92} /><figcaption>where in the picture (z)</figcaption></figure>}
            {value.patchWeights !== null && <figure><Heat values={value.patchWeights} lut="viridis" label="Weights to the patches of the image encoder" size={92} /><figcaption>which patches (Z_CLIP)</figcaption></figure>}
          </div>
          {value.tokenWeights !== null && <div><div className="mini-title">Weights to the caption’s tokens (c)</div><Profile values={value.tokenWeights} colour={FAMILIES.c.colour} label="Weights per token" /></div>}
          <Shares title="Helped most in" rows={value.helped} detail={detail} />
          <Shares title="Worked against in" rows={value.hurt} detail={detail} />
        </>
      )}</Waiting>
    </Section>
  );
}

export function RegionSection({ detail, region }: { readonly detail: RunDetail; readonly region: string }) {
  const { lab, resources, view } = useServices();
  const age = useLab((s) => s.engineAge);
  const imageId = useView((s) => s.selection.imageId);
  const inRun = useRegionNames(detail);
  const known = inRun.length === 0 || inRun.includes(region);
  const card: Loaded<RegionCard> = useResource(resources, known ? `region ${detail.ref.runId} ${age} ${region}` : null, () => lab.view('region.card', detail.ref, region));
  const mark = detail.images.findIndex((image) => image.imageId === imageId);
  return (
    <Section title={region} note={card.state === 'ready' ? count(card.value.voxels, 'voxel') : undefined} onClose={() => { view.select('Clear region', { region: null }); }}>
      {!known ? <div className="secondary">This run did not use {region}. Regions used: {inRun.join(', ')}.</div> : (
        <Waiting loaded={card}>{(value) => {
          const most = Math.max(...value.spaces.map((space) => space.share), 1e-9);
          return (
            <>
              {value.noiseCeilingPercent !== null && <div className="fact-line number"><span>mean noise ceiling {formatValue(value.noiseCeilingPercent)} %</span></div>}
              <div className="mini-title">Share of what was decoded, mean over test images</div>
              {value.spaces.map((space) => (
                <div key={space.space}>
                  <div className="space-line"><span className="truncate"><i className="space-dot" style={{ background: FAMILIES[space.space].colour }} />{FAMILIES[space.space].title}</span><Bar value={space.share} max={most} colour={FAMILIES[space.space].colour} /><span className="number right">{(100 * space.share).toFixed(1)} %</span></div>
                  <Sparkline values={space.sharePerImage} colour={FAMILIES[space.space].colour} height={30} mark={mark === -1 ? undefined : mark} />
                </div>
              ))}
              <div className="hint">Bars: one per test image, in image-id order; above the line adds, below subtracts. Over all regions the shares of a space sum to 100 %.</div>
            </>
          );
        }}</Waiting>
      )}
    </Section>
  );
}

function useRegionNames(detail: RunDetail): readonly string[] {
  const { lab, resources } = useServices();
  const age = useLab((s) => s.engineAge);
  const list = useResource(resources, `regions ${detail.ref.runId} ${Object.keys(detail.ref.keys).length} ${age}`, () => lab.view('region.list', detail.ref));
  return list.state === 'ready' ? [...new Set(list.value)] : [];
}

export function ImageSection({ detail, image }: { readonly detail: RunDetail; readonly image: ImageRow }) {
  const { view, lab, resources } = useServices();
  const captions = useResource(resources, `captions ${detail.ref.dataPath} ${image.imageId}`, () => lab.view('data.captions', detail.ref.dataPath, image.imageId));
  const scores = detail.row.summary?.scores ?? {};
  return (
    <Section title={<span className="number">Image {image.imageId}</span>} onClose={() => { view.select('Clear image', { imageId: null }); }}>
      <div className="pair image-pair">
        <figure><img src={image.truthUrl} alt="Truth" /><figcaption>Truth</figcaption></figure>
        <figure><img src={image.reconstructionUrl} alt="Reconstruction" /><figcaption>Reconstruction</figcaption></figure>
      </div>
      {captions.state === 'ready' && captions.value[0] !== undefined && <div className="caption selectable" title={captions.value.join('\n')}>“{captions.value[0]}”</div>}
      <table className="mini-table number">
        <thead><tr><th>Score</th><th className="right">here</th><th className="right">shuffled</th><th className="right">rank</th></tr></thead>
        <tbody>{scoreNames([image]).map((name) => (
          <tr key={name} title={scoreTitle(name).definition}><td>{scoreTitle(name).title}</td><td className="right"><b>{formatValue(image.scores[name] ?? Number.NaN)}</b></td><td className="right quiet">{scores[name] === undefined ? '' : formatValue(scores[name].baseline)}</td><td className="right quiet">{rankOf(detail.images, image.imageId, name, scoreTitle(name).better)}/{detail.images.length}</td></tr>
        ))}</tbody>
      </table>
    </Section>
  );
}

export function MapSection({ map, scale, rows }: { readonly map: VoxelMap; readonly scale: Scale; readonly rows: readonly RegionValue[] }) {
  const { view } = useServices();
  const selected = useView((s) => s.selection.region);
  const share = map.request.kind === 'contribution';
  const most = Math.max(1e-12, ...rows.map((row) => Math.abs(row.value)));
  const tsv = ['region\tvoxels\tvalue\tpeak', ...rows.map((row) => `${row.region}\t${row.voxels}\t${row.value}\t${row.peak}`)].join('\n');
  return (
    <Section title="By region" note={share ? 'sum of shares' : `mean, ${map.unit}`}>
      <div role="table" aria-label={`${map.title} by region`}>
        {rows.map((row) => (
          <button type="button" role="row" className="region-line" key={row.region} aria-pressed={row.region === selected} title={`${count(row.voxels, 'voxel')}, peak ${formatValue(row.peak, { sign: map.signed })} at voxel ${row.peakVoxel}`}
            onClick={() => { view.select(`Region ${row.region}`, { region: row.region === selected ? null : row.region, voxel: null, pin: null }); }}>
            <span className="truncate">{row.region}</span>
            <span className="region-bar" data-signed={map.signed}><i style={{ [row.value < 0 ? 'right' : 'left']: map.signed ? '50%' : 0, width: `${((map.signed ? 50 : 100) * Math.abs(row.value)) / most}%`, background: `rgb(${colourAt(LUTS[scale.lut], share ? (row.value < 0 ? 0.15 : 0.85) : positionOf(scale, row.value) * 0.8 + 0.1).join(' ')})` }} /></span>
            <span className="number right">{share ? `${(100 * row.value).toFixed(1)} %` : formatValue(row.value, { sign: map.signed })}</span>
          </button>
        ))}
      </div>
      <CopyButton value={tsv}>{({ copied, copy }) => <button type="button" className="disclosure" onClick={copy}><Copy size={12} />{copied ? 'Copied' : 'Copy as a table'}</button>}</CopyButton>
    </Section>
  );
}
