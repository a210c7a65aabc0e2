/** Stage 2 in the form: what is adjusted, by which gradient, and what that costs before it is run. */
import { Select, Switch, Tooltip } from '@mantine/core';
import type { RunRow } from '../../../common/contract/payloads.ts';
import { GRADIENT_MODES, gradientWorth, refineCost, samplerCost } from '../../../common/gradient-modes.ts';
import { RATES } from '../../../common/recipe.ts';
import type { GradientMode, Recipe, RefineChoice } from '../../../common/recipe.ts';
import { NumberField } from '../../parts/number-field.tsx';
import { count, duration } from '../../parts/words.ts';
import { paceKnown } from './estimate.ts';

interface Props {
  readonly recipe: Recipe;
  readonly images: number;
  /** Finished runs on this computer, whose pace is known. */
  readonly runs: readonly RunRow[];
  readonly change: (refine: RefineChoice) => void;
}

const MODES = (Object.entries(GRADIENT_MODES) as [GradientMode, (typeof GRADIENT_MODES)[GradientMode]][]).map(([value, { letter, title, worth }]) => ({ value, label: `${letter}  ${title} (${worth})` }));
const LOSSES = [{ value: 'z-units', label: 'In SD units' }, { value: 'published', label: 'As published' }];
const SEARCHES = [{ value: 'errors', label: 'Along the decoders\' errors' }, { value: 'values', label: 'Value by value (as published)' }];
const NOISES = [{ value: 'fresh', label: 'Fresh' }, { value: 'fixed', label: 'As stage 1' }];

export function RefineControls({ recipe, images, runs, change }: Props) {
  const { refine, sampler } = recipe, mode = GRADIENT_MODES[refine.mode], guided = refine.mode === 'guided';
  const set = (part: Partial<RefineChoice>): void => { change({ ...refine, ...part }); };
  const unit = refine.along === 'errors' ? 'in SD of its decoder\'s errors' : 'in its own unit';
  return (
    <div className="field-group">
      <Switch label="Refine (stage 2)" description="Adjusts z and c until the picture meets the decoded Z_CLIP." checked={refine.enabled} onChange={(event) => { set({ enabled: event.currentTarget.checked }); }} />
      {refine.enabled && (
        <>
          <Select label="Gradient" data={MODES} value={refine.mode} onChange={(value) => { if (value !== null) set({ mode: value }); }} description={mode.what} allowDeselect={false} />
          {!guided && (
            <>
              <div className="row" style={{ gap: 18 }}>
                <Tooltip label="The first-stage latent: structure"><Switch label="Adjust z" checked={refine.z} onChange={(event) => { set({ z: event.currentTarget.checked }); }} /></Tooltip>
                <Tooltip label="The text states: meaning"><Switch label="Adjust c" checked={refine.c} onChange={(event) => { set({ c: event.currentTarget.checked }); }} /></Tooltip>
              </div>
              <Select label="Search" title="Along the components of what each decoder gets wrong on images it has not seen, rates in SD of these errors; or every value of z and c for itself. Changing it sets the rates and the hold that suit it." data={SEARCHES} value={refine.along} allowDeselect={false}
                onChange={(value) => { if (value === 'errors' || value === 'values') set({ along: value, ...RATES[value] }); }} />
              <div className="field-triple">
                <NumberField label="Iterations" min={1} max={10_000} value={refine.iterations} onChange={(iterations) => { set({ iterations }); }} />
                <Tooltip label={`Adam's learning rate for z, ${unit} an iteration`}><NumberField label="Rate of z" min={0} max={10} step={0.01} decimalScale={4} value={refine.rateZ} onChange={(rateZ) => { set({ rateZ }); }} /></Tooltip>
                <Tooltip label={`Adam's learning rate for c, ${unit} an iteration`}><NumberField label="Rate of c" min={0} max={10} step={0.01} decimalScale={4} value={refine.rateC} onChange={(rateC) => { set({ rateC }); }} /></Tooltip>
              </div>
            </>
          )}
          {!guided && (refine.mode === 'coarse' || refine.noise === 'fresh') && (
            <div className="field-pair">
              {refine.mode === 'coarse' && <NumberField label="Coarse sampler's steps" min={1} max={sampler.steps} value={refine.coarseSteps} onChange={(coarseSteps) => { set({ coarseSteps }); }} />}
              <Tooltip multiline w={320} label="What the refinement likes under its own few steps and noise can come out as another picture. So the final sampler draws this many of its iterations, and the lowest loss of these and stage 1 is taken; 0 takes the last one unseen.">
                <NumberField label="Final pictures tried" min={0} max={1000} value={refine.finalists} onChange={(finalists) => { set({ finalists }); }} />
              </Tooltip>
            </div>
          )}
          {refine.mode === 'truncated' && <NumberField label="Last steps that are differentiated" min={1} max={1000} value={refine.lastSteps} onChange={(lastSteps) => { set({ lastSteps }); }} />}
          {guided && (
            <div className="field-pair">
              <NumberField label="Share that is pushed" title="The first part of the walk, in which the picture is pushed towards the decoded Z_CLIP" min={0} max={1} step={0.05} decimalScale={2} value={refine.guidedShare} onChange={(guidedShare) => { set({ guidedShare }); }} />
              <NumberField label="Push (of the noise)" title="Length of a push, relative to the noise of its step" min={0} max={100} step={0.05} decimalScale={3} value={refine.guidedScale} onChange={(guidedScale) => { set({ guidedScale }); }} />
            </div>
          )}
          <div className="field-pair">
            <Select label="Loss" title="How far the picture's features are from the decoded Z_CLIP: in SD of each unit, weighed by how well it is decoded, or as published" data={LOSSES} value={refine.loss} allowDeselect={false} onChange={(value) => { if (value === 'published' || value === 'z-units') set({ loss: value }); }} />
            {!guided && <Select label="Noise" title="New noise in every iteration, as published: what helps under any noise is kept. Or the noise of stage 1 each time: the loss falls further, in part by fitting that noise." data={NOISES} value={refine.noise} allowDeselect={false} onChange={(value) => { if (value === 'fixed' || value === 'fresh') set({ noise: value }); }} />}
          </div>
          <div className="field-pair">
            {refine.loss === 'z-units' && (
              <Tooltip multiline w={320} label="The loss counts this share of each layer's units, those that are decoded best on images their decoder has not seen. The published loss keeps a quarter.">
                <NumberField label="Units that count" min={1} max={100} step={5} suffix=" %" decimalScale={0} value={Math.round(100 * refine.keptShare)} onChange={(percents) => { set({ keptShare: percents / 100 }); }} />
              </Tooltip>
            )}
            {!guided && (
              <Tooltip multiline w={320} label="Weight of the squared distance of z and c from what was decoded, in its decoder's own uncertainty. What the voxels tell well stays; 0 lets everything move, as published.">
                <NumberField label="Hold z and c" min={0} max={1000} step={0.05} decimalScale={4} value={refine.anchor} onChange={(anchor) => { set({ anchor }); }} />
              </Tooltip>
            )}
          </div>
          {!guided && (
            <Tooltip multiline w={320} label="A picture of stage 1 whose loss is no larger than what the decoder leaves on images it has not seen agrees with the decoded Z_CLIP: going on would fit the decoder's error.">
              <Switch label="Leave pictures that agree already" checked={refine.leaveAgreed} onChange={(event) => { set({ leaveAgreed: event.currentTarget.checked }); }} />
            </Tooltip>
          )}
          {!guided && (
            <div className="field-pair">
              <Tooltip label="Stop an image when its loss fell by less than this share over the window; 0 never stops"><NumberField label="Stop below a change of" min={0} max={1} step={0.001} decimalScale={4} value={refine.stopChange} onChange={(stopChange) => { set({ stopChange }); }} /></Tooltip>
              <NumberField label="over iterations" min={1} max={10_000} value={refine.stopWindow} onChange={(stopWindow) => { set({ stopWindow }); }} />
            </div>
          )}
          <Cost recipe={recipe} images={images} runs={runs} />
        </>
      )}
    </div>
  );
}

/** What stage 2 will cost, and how long that takes here where an earlier run has measured it. */
function Cost({ recipe, images, runs }: Omit<Props, 'change'>) {
  const cost = refineCost(recipe.sampler, recipe.refine), stage1 = samplerCost(recipe.sampler), pace = paceKnown(runs), worth = gradientWorth(recipe.sampler, recipe.refine);
  return (
    <div className="card refine-cost" role="note" aria-label="Cost of stage 2">
      <div className="row" style={{ justifyContent: 'space-between' }}><span className="badge" data-worth={worth} title="How the gradient of this mode compares with the one through the whole sampler">{worth}</span><b className="number">{pace === null ? 'time not known yet' : `about ${duration(pace.seconds * cost.all * images)}`}</b></div>
      <div className="quiet">{count(Math.round(cost.all), 'network evaluation')} a picture, {(cost.all / stage1).toFixed(cost.all < 10 * stage1 ? 1 : 0)} times stage 1; {count(images, 'picture')}.{' '}
        {pace === null ? 'The first run with this model pack tells how long one takes.' : pace.from === 'stage2' ? 'Going by the last refinements here.' : 'Going by stage 1 of the last runs here.'}</div>
    </div>
  );
}
