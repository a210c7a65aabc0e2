/** Stage 2 as it happens, and afterwards: the picture of every iteration beside its loss curve. */
import { Slider } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { RefinementView, RunDetail, RunRef } from '../../../common/contract/payloads.ts';
import type { Refinement } from '../../../common/run-event.ts';
import { formatValue } from '../../../common/colour/scale.ts';
import { GRADIENT_MODES } from '../../../common/gradient-modes.ts';
import { percent } from '../../parts/words.ts';
import { useLab, useServices } from '../../state/app-context.ts';

/** Address of a workspace file under the app's own scheme. */
const workspaceUrl = (relative: string): string => `app://bundle/workspace/${relative.split('/').map(encodeURIComponent).join('/')}`;

interface Series { readonly label: string; readonly colour: string; readonly values: readonly (number | null)[] }
type Drawn = NonNullable<RefinementView['drawn']>;

/** Losses over iterations, from zero; the chosen one is marked, dots are the losses of what the final sampler drew, and a level says where the image's own features stand. */
function Curve({ series, chosen, length, drawn = [], level }: { readonly series: readonly Series[]; readonly chosen: number | null; readonly length: number; readonly drawn?: Drawn; readonly level?: number | undefined }) {
  const width = 220, height = 84, high = Math.max(1e-9, level ?? 0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)), ...drawn.map(({ decoded }) => decoded ?? 0));
  const x = (i: number): number => 4 + (i / Math.max(1, length - 1)) * (width - 8), y = (value: number): number => 4 + (1 - value / high) * (height - 8);
  const points = (values: Series['values']): string => values.flatMap((value, i) => (value === null ? [] : [`${x(i)},${y(value)}`])).join(' ');
  const spoken = series.map(({ label, values }) => { const known = values.filter((value) => value !== null); return `${label} from ${formatValue(known[0] ?? 0)} to ${formatValue(known.at(-1) ?? 0)}`; }).join(', ') + (level === undefined ? '' : `, the image's own features at ${formatValue(level)}`);
  return (
    <svg className="refine-curve" width="100%" height={height} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={spoken}>
      <line x1="0" x2={width} y1={y(0)} y2={y(0)} stroke="var(--hairline)" />
      {chosen !== null && <line x1={x(chosen)} x2={x(chosen)} y1="0" y2={height} stroke="var(--hairline)" strokeDasharray="3 3" />}
      {level !== undefined && <line x1="0" x2={width} y1={y(level)} y2={y(level)} stroke={DECODED} strokeDasharray="2 3" vectorEffect="non-scaling-stroke" />}
      {series.map(({ label, colour, values }) => <polyline key={label} points={points(values)} fill="none" stroke={colour} strokeWidth="1.75" vectorEffect="non-scaling-stroke" />)}
      {drawn.map(({ iteration, decoded }) => decoded !== null && <line key={iteration} x1={x(iteration)} x2={x(iteration)} y1={y(decoded)} y2={y(decoded)} stroke={DECODED} strokeWidth="7" strokeLinecap="round" vectorEffect="non-scaling-stroke" />)}
    </svg>
  );
}

const DECODED = 'var(--accent)';
const TRUE = 'var(--warn)';

function Legend({ drawn = false, level = false }: { readonly drawn?: boolean; readonly level?: boolean }) {
  return <div className="row quiet" style={{ gap: 14, fontSize: 12, flexWrap: 'wrap' }}><span><i className="line-key" style={{ background: DECODED }} />loss to the decoded Z_CLIP</span>{drawn && <span><i className="dot-key" style={{ background: DECODED }} />as the final sampler draws it; the lowest is taken if it is clearly below stage 1</span>}{level && <span><i className="line-key dashed" style={{ color: DECODED }} />where the image's own features stand: below it the loss fits the decoder's error</span>}<span><i className="line-key" style={{ background: TRUE }} />to the image's own (never used; rising means over-fitting)</span></div>;
}

/** Images that are refined now. */
export function LiveRefinements({ runId }: { readonly runId: string }) {
  const groups = useLab((s) => s.live[runId]?.refinements);
  const images = Object.entries(groups ?? {}).filter(([, list]) => list.length > 0);
  if (images.length === 0) return null;
  return (
    <section className="data-section">
      <h2 className="section-title">Stage 2 now</h2>
      <div className="refine-cards">
        {images.map(([id, list]) => {
          const last = list.at(-1), total = (last?.iterations ?? 1) + 1;
          const place = (pick: (each: Refinement) => number | null): (number | null)[] => Array.from({ length: total }, (_, i) => { const found = list.find((each) => each.iteration === i); return found === undefined ? null : pick(found); });
          return (
            <div className="card refine-card" key={id}>
              {last !== undefined && <img src={workspaceUrl(last.picture)} width={128} height={128} alt={`Image ${id} at iteration ${last.iteration}`} />}
              <div className="grow">
                <div className="row number" style={{ justifyContent: 'space-between' }}><b>Image {id}</b><span className="quiet">iteration {last?.iteration} of {last?.iterations}</span></div>
                <Curve length={total} chosen={null} series={[{ label: 'decoded', colour: DECODED, values: place((each) => each.decoded) }, { label: 'true', colour: TRUE, values: place((each) => each.true) }]} />
                <div className="number quiet" style={{ fontSize: 12 }}>loss {formatValue(last?.decoded ?? 0)}{last?.true === null || last === undefined ? '' : `, true ${formatValue(last.true)}`}</div>
              </div>
            </div>
          );
        })}
      </div>
      <Legend />
    </section>
  );
}

function useRefinements(ref: RunRef, wanted: boolean): readonly RefinementView[] {
  const { lab } = useServices();
  const [views, setViews] = useState<readonly RefinementView[]>([]);
  const key = wanted ? ref.keys['refine'] : undefined;
  useEffect(() => {
    let gone = false;
    if (key === undefined) return;
    void lab.view('refine.records', ref).then((found) => { if (!gone) setViews(found); }, () => undefined);
    return () => { gone = true; };
  }, [lab, key]); // a run's artefacts do not change once its key is listed
  return key === undefined ? [] : views;
}

/** How far z and c went, and why they went no further. */
function outcome({ driftZ, driftC, stopped, decoded, chosen, drawn }: RefinementView): string {
  if (stopped === 0 && decoded[0] !== null) return 'agreed with the decoded Z_CLIP within its decoder\'s error, so it was left as it was';
  if (chosen === 0 && drawn !== undefined) return `no iteration is drawn clearly nearer to the decoded Z_CLIP than stage 1's own picture, so that was kept (${drawn.length - 1} tried)`;
  const moved = `${drawn === undefined ? '' : `iteration ${chosen} is drawn nearest, `}drift of z ${formatValue(driftZ)}, of c ${formatValue(driftC)}`;
  return stopped === null ? moved : decoded[stopped] === null ? `${moved}; no number at ${stopped}, so it stopped: lower the rates` : `${moved}, stopped at ${stopped}`;
}

/** A finished refinement: stage 1, any iteration, the final picture; the curve; what was gained. */
function Refined({ view, truthUrl }: { readonly view: RefinementView; readonly truthUrl: string | undefined }) {
  const [at, setAt] = useState(view.chosen), kept = view.after.decoded === view.before.decoded;
  const gain = view.before.decoded > 0 ? 1 - view.after.decoded / view.before.decoded : 0;
  return (
    <div className="card refine-card">
      <div className="refine-pictures">
        {truthUrl !== undefined && <figure><img src={truthUrl} width={SIDE} height={SIDE} alt="Truth" /><figcaption>Truth</figcaption></figure>}
        <figure><img src={view.initialUrl} width={SIDE} height={SIDE} alt="Stage 1" /><figcaption>Stage 1</figcaption></figure>
        <figure title="As the sampler of stage 2 draws it, under the noise of this iteration"><img src={view.pictures[at] ?? view.finalUrl} width={SIDE} height={SIDE} alt={`Iteration ${at}`} /><figcaption>Iteration {at}</figcaption></figure>
        <figure><img src={view.finalUrl} width={SIDE} height={SIDE} alt="Final picture" /><figcaption>Final</figcaption></figure>
      </div>
      <div className="grow">
        <div className="row number" style={{ justifyContent: 'space-between' }}><b style={{ whiteSpace: 'nowrap' }}>Image {view.imageId}</b><span className="quiet" style={{ fontSize: 12, textAlign: 'right' }}>{kept ? `loss ${formatValue(view.before.decoded)}, stage 1 kept` : `loss ${formatValue(view.before.decoded)} → ${formatValue(view.after.decoded)} (${gain >= 0 ? '−' : '+'}${percent(Math.abs(gain))})`}</span></div>
        <Curve length={view.pictures.length > 1 ? view.pictures.length : view.decoded.length} chosen={view.chosen} drawn={view.drawn ?? []} level={view.atTruth} series={[{ label: 'decoded', colour: DECODED, values: view.decoded }, { label: 'true', colour: TRUE, values: view.true }]} />
        {view.pictures.length > 1 && <Slider size="xs" min={0} max={view.pictures.length - 1} value={at} onChange={setAt} label={(value) => `iteration ${value}`} aria-label="Iteration shown" />}
        <div className="number quiet" style={{ fontSize: 12, paddingTop: 4 }}>{outcome(view)}</div>
      </div>
    </div>
  );
}

/** Side of a card's pictures in CSS pixels. */
const SIDE = 96;
/** Cards of at most this many images; the rest is a click away. */
const SHOWN = 4;

export function FinishedRefinements({ detail }: { readonly detail: RunDetail }) {
  const views = useRefinements(detail.ref, detail.recipe.refine.enabled);
  const [all, setAll] = useState(false);
  if (views.length === 0) return null;
  const before = views.reduce((sum, view) => sum + view.before.decoded, 0), after = views.reduce((sum, view) => sum + view.after.decoded, 0);
  const truth = views.reduce((sum, view) => sum + (view.atTruth ?? Number.NaN), 0), far = before > 0 && truth > 0 ? 1 - truth / before : null; // 0 where the target is the image's own
  return (
    <section className="data-section refine-side">
      <h2 className="section-title as-written">Stage 2: the decoded loss {after <= before ? 'fell' : 'rose'} by {percent(before > 0 ? Math.abs(1 - after / before) : 0)} over {views.length} images, gradient: {GRADIENT_MODES[detail.recipe.refine.mode].title.toLowerCase()}</h2>
      {far !== null && <p className="quiet refine-level">The images' own features stand {percent(Math.abs(far))} {far > 0 ? 'below stage 1\'s pictures. What falls further' : 'above stage 1\'s pictures. What falls at all'} fits what the decoder gets wrong.</p>}
      <div className="refine-cards">{views.slice(0, all ? undefined : SHOWN).map((view) => <Refined key={view.imageId} view={view} truthUrl={detail.images.find((image) => image.imageId === view.imageId)?.truthUrl} />)}</div>
      <div className="row" style={{ justifyContent: 'space-between', alignItems: 'flex-start', gap: 20 }}><Legend drawn={views.some((view) => view.drawn !== undefined)} level={views.some((view) => view.atTruth !== undefined)} />{views.length > SHOWN && <button type="button" className="disclosure" style={{ whiteSpace: 'nowrap', flex: 'none' }} onClick={() => { setAll(!all); }}>{all ? 'Show fewer' : `Show all ${views.length}`}</button>}</div>
    </section>
  );
}
