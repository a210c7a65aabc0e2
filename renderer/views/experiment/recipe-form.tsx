import { Button, Checkbox, Collapse, Menu, SegmentedControl, Select, Switch, TextInput, Tooltip } from '@mantine/core';
import { ChevronDown, ChevronRight, Play, RotateCcw, Shuffle, TriangleAlert } from 'lucide-react';
import { memo, useState } from 'react';
import type { AtlasSummary, SubjectSummary } from '../../../common/dataset.ts';
import { UserError } from '../../../common/errors.ts';
import { decoderFor, parseRecipe } from '../../../common/recipe.ts';
import type { Recipe } from '../../../common/recipe.ts';
import { NumberField } from '../../parts/number-field.tsx';
import { count } from '../../parts/words.ts';
import { startRun } from '../../state/actions.ts';
import { useFinishedRuns, useInspection } from '../../state/selectors.ts';
import { useServices, usePackState } from '../../state/app-context.ts';
import { packRefusal } from '../../state/pack-state.ts';
import { timeWords } from './estimate.ts';
import { blockers } from './obstacles.ts';
import { PackChoice } from './pack-choice.tsx';
import { inFieldNames } from './recipe-change.ts';
import { RefineControls } from './refine-controls.tsx';
import { REGION_SETS, regionsOf, setOf, setsOf, voxelsOf } from './region-sets.ts';

interface FormProps {
  readonly recipe: Recipe;
  readonly subject: SubjectSummary;
  readonly subjects: readonly string[];
  readonly change: (recipe: Recipe) => void;
  readonly reset: () => void;
}

/** First complaint of the recipe's own check, or null. */
function complaint(recipe: Recipe): string | null {
  try {
    parseRecipe(recipe, 'the form');
    return null;
  } catch (error) {
    return error instanceof UserError ? inFieldNames(error.detail.expected ?? error.message) : String(error);
  }
}

const SCHEDULER_NAMES: readonly { readonly value: Recipe['sampler']['scheduler']; readonly label: string }[] = [
  { value: 'ddim', label: 'DDIM' }, { value: 'pndm', label: 'PNDM (PLMS)' }, { value: 'dpm-solver++', label: 'DPM-Solver++(2M)' }, { value: 'euler', label: 'Euler' },
];
const NOISE_LEVELS: readonly { readonly value: Recipe['sampler']['noise']; readonly label: string }[] = [{ value: 'consistent', label: 'Consistent' }, { value: 'as-published', label: 'As published' }];
const SCALINGS = [{ value: 'session', label: 'z within each session' }, { value: 'train', label: 'z by training images' }, { value: 'none', label: 'percent signal change' }];

function Regions({ recipe, atlas, change }: { readonly recipe: Recipe; readonly atlas: AtlasSummary; readonly change: (rois: readonly string[]) => void }) {
  const [open, setOpen] = useState(false);
  const { rois } = recipe.data;
  const set = setOf(rois, atlas), sets = setsOf(atlas);
  const isOn = (name: string): boolean => rois.length === 0 || rois.includes(name);
  const toggle = (name: string): void => {
    const names = atlas.regions.map((region) => region.name).filter((each) => (each === name ? !isOn(each) : isOn(each)));
    if (names.length > 0) change(names.length === atlas.regions.length ? [] : names);
  };
  return (
    <div className="field-group" style={{ gap: 6 }}>
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <span className="mantine-InputWrapper-label" style={{ margin: 0 }}>Visual cortex</span>
        <span className="number quiet" style={{ fontSize: 12 }}>{count(voxelsOf(rois, atlas), 'voxel')}</span>
      </div>
      {sets.length > 1 && <SegmentedControl fullWidth value={set} onChange={(value) => { if (value !== 'chosen') change(regionsOf(value, atlas)); else setOpen(true); }}
        data={[...sets.map((each) => ({ value: each, label: <Tooltip label={REGION_SETS[each].hint}><span>{REGION_SETS[each].short}</span></Tooltip> })), { value: 'chosen', label: 'Chosen' }]} />}
      <button type="button" className="disclosure" aria-expanded={open} onClick={() => { setOpen(!open); }}>
        {open ? <ChevronDown size={14} /> : <ChevronRight size={14} />}
        {set === 'chosen' ? rois.join(', ') : count(rois.length === 0 ? atlas.regions.length : rois.length, 'region')}
      </button>
      <Collapse expanded={open}>
        <div className="region-list">
          {atlas.regions.map((region) => (
            <label className="region-choice" key={region.label}><Checkbox checked={isOn(region.name)} onChange={() => { toggle(region.name); }} size="xs" /><span className="truncate">{region.name}</span><span className="number">{region.voxels.toLocaleString('en')}</span></label>
          ))}
        </div>
      </Collapse>
    </div>
  );
}

/** Drawn again only for a change of its own: progress of a run comes ten times a second and is none of its business. */
export const RecipeForm = memo(function RecipeForm({ recipe, subject, subjects, change, reset }: FormProps) {
  const services = useServices();
  const runs = useFinishedRuns(subject.id, recipe.pack);
  const [all, setAll] = useState(false);
  const [busy, setBusy] = useState(false);
  const atlas = subject.atlases.find((each) => each.name === recipe.data.atlas) ?? subject.atlases[0] ?? null;
  const packWrong = usePackState((s) => packRefusal(s, recipe) !== null);
  const wrong = subject.testImages === 0 ? 'This subject has no test images; the Data screen says what is missing.'
    : complaint(recipe) ?? (packWrong ? 'The model pack cannot be used; what is wrong with it stands above.' : null);
  const images = recipe.images ?? subject.testImages;
  const blocking = blockers(useInspection()?.problems ?? [], subject.id);
  const data = (part: Partial<Recipe['data']>): void => { change({ ...recipe, data: { ...recipe.data, ...part } }); };
  const sampler = (part: Partial<Recipe['sampler']>): void => { change({ ...recipe, sampler: { ...recipe.sampler, ...part } }); };
  const decoder = (part: Partial<Recipe['decoder']>): void => { change({ ...recipe, decoder: { ...recipe.decoder, ...part } }); };
  const generative = recipe.pipeline === 'diffusion';

  const run = async (recipes: readonly Recipe[]): Promise<void> => {
    setBusy(true);
    for (const each of recipes) await startRun(services, each);
    setBusy(false);
  };
  const arms = atlas === null || setsOf(atlas).length === 1 ? [] : (['lower', 'higher', 'all'] as const).map((set): Recipe => ({ ...recipe, name: `${recipe.name}, ${REGION_SETS[set].short}`, data: { ...recipe.data, rois: regionsOf(set, atlas) } }));

  return (
    <section className="pane form" data-undo="form">
      <div className="pane-head"><h1 className="grow">New experiment</h1>
        <Tooltip label="Back to the defaults"><Button size="compact-xs" variant="subtle" color="gray" leftSection={<RotateCcw size={13} />} onClick={reset}>Reset</Button></Tooltip>
      </div>
      <div className="form-body scroll">
        <div className="field-group">
          <TextInput label="Name" value={recipe.name} onChange={(event) => { change({ ...recipe, name: event.currentTarget.value }); }} />
          <div className="field-pair">
            <Select label="Subject" data={[...subjects]} value={recipe.data.subject} onChange={(value) => { if (value !== null) data({ subject: value }); }} />
            <NumberField label={`Test images (of ${subject.testImages})`} min={1} max={subject.testImages} value={images} onChange={(value) => { change({ ...recipe, images: value >= subject.testImages ? null : value }); }} />
          </div>
        </div>
        {atlas !== null && <Regions recipe={recipe} atlas={atlas} change={(rois) => { data({ rois }); }} />}
        <div className="field-group">
          <div className="mantine-InputWrapper-label" style={{ margin: 0 }}>Picture from</div>
          <SegmentedControl fullWidth value={recipe.pipeline} onChange={(value) => { const pipeline = value; change({ ...recipe, pipeline, decoder: { ...recipe.decoder, varianceMatching: decoderFor(pipeline).varianceMatching } }); }}
            data={[{ value: 'diffusion', label: 'Diffusion (z, c, Z_CLIP)' }, { value: 'pixels', label: 'Pixels directly' }]} />
          {generative && (
            <div className="field-triple">
              <NumberField label="Steps" min={1} max={1000} value={recipe.sampler.steps} onChange={(steps) => { sampler({ steps }); }} />
              <Tooltip label="How much noise the decoded latent gets before it is walked back: 0.01 keeps it, 1 forgets it"><NumberField label="Strength" min={0.01} max={1} step={0.05} decimalScale={2} value={recipe.sampler.strength} onChange={(strength) => { sampler({ strength }); }} /></Tooltip>
              <Tooltip label="How strongly the decoded meaning steers; 1 = as it is"><NumberField label="Guidance" min={0} max={50} step={0.5} decimalScale={1} value={recipe.sampler.guidance} onChange={(guidance) => { sampler({ guidance }); }} /></Tooltip>
            </div>
          )}
          {generative && <RefineControls recipe={recipe} images={images} runs={runs} change={(refine) => { change({ ...recipe, refine }); }} />}
        </div>
        <PackChoice recipe={recipe} images={images} change={(pack) => { change({ ...recipe, pack }); }} />
        <div className="field-group">
          <NumberField label="Seed" min={0} max={4294967295} value={recipe.seed} onChange={(seed) => { change({ ...recipe, seed }); }}
            description="The same seed gives the same pictures." rightSectionWidth={34}
            rightSection={<Tooltip label="Another seed"><button type="button" className="inside-button" aria-label="Another seed" onClick={() => { change({ ...recipe, seed: (recipe.seed * 48271 + 11) % 2147483647 }); }}><Shuffle size={13} /></button></Tooltip>} />
        </div>
        <div>
          <button type="button" className="disclosure" aria-expanded={all} onClick={() => { setAll(!all); }}>{all ? <ChevronDown size={14} /> : <ChevronRight size={14} />}All parameters</button>
          <Collapse expanded={all}>
            <div className="field-group" style={{ paddingTop: 10 }}>
              <Select label="Atlas" data={subject.atlases.map((each) => each.name)} value={atlas?.name ?? null} onChange={(value) => { if (value !== null) data({ atlas: value, rois: [] }); }} />
              <Select label="Responses" data={[{ value: '', label: 'Best present' }, ...subject.betas.map((beta) => ({ value: beta, label: beta }))]} value={recipe.data.beta ?? ''} onChange={(value) => { data({ beta: value === '' ? null : value }); }} />
              <Select label="Scaling" data={SCALINGS} value={recipe.data.zscore} onChange={(value) => { data({ zscore: value as Recipe['data']['zscore'] }); }} />
              {generative && (
                <div className="field-pair">
                  <Select label="Scheduler" data={SCHEDULER_NAMES} value={recipe.sampler.scheduler} allowDeselect={false} onChange={(value) => { if (value !== null) sampler({ scheduler: value }); }} />
                  <Select label="Noise at the start" data={NOISE_LEVELS} value={recipe.sampler.noise} allowDeselect={false} onChange={(value) => { if (value !== null) sampler({ noise: value }); }} />
                </div>
              )}
              <TextInput label="Penalties tried (alpha / N)" className="mono-input" defaultValue={recipe.decoder.alphas.join(' ')} key={recipe.decoder.alphas.join(' ')}
                onBlur={(event) => { decoder({ alphas: event.currentTarget.value.split(/[\s,;]+/).filter((part) => part !== '').map(Number) }); }} description="Chosen for each target by cross-validation inside the training images." />
              <NumberField label="Folds" min={2} max={100} value={recipe.decoder.folds} onChange={(folds) => { decoder({ folds }); }} />
              <Switch label="Match the variance of predictions" description="Rescales decoded features by statistics of the training folds." checked={recipe.decoder.varianceMatching} onChange={(event) => { decoder({ varianceMatching: event.currentTarget.checked }); }} />
            </div>
          </Collapse>
        </div>
      </div>
      <div className="form-foot">
        {wrong !== null
          ? <div className="error-line">{wrong}</div>
          : <div className="quiet" style={{ fontSize: 12 }}>{timeWords(runs, images, recipe)}</div>}
        {wrong === null && blocking !== null && <div className="row warn-line" style={{ gap: 6, fontSize: 12, alignItems: 'flex-start' }}><TriangleAlert size={14} aria-hidden="true" style={{ flexShrink: 0 }} /><span>{blocking}</span></div>}
        <div className="row" style={{ gap: 6 }}>
          <Tooltip label={wrong ?? 'Ctrl + Enter'}><Button className="grow" size="sm" leftSection={<Play size={15} fill="currentColor" />} loading={busy} aria-disabled={wrong !== null} data-disabled={wrong !== null} onClick={() => { if (wrong === null) void run([recipe]); }}>Run</Button></Tooltip>
          <Menu position="top-end" width={300}>
            <Menu.Target><Button size="sm" variant="default" px={10} aria-label="Other ways to run"><ChevronDown size={16} /></Button></Menu.Target>
            <Menu.Dropdown>
              <Menu.Item disabled={wrong !== null || arms.length === 0} onClick={() => { void run(arms); }}>
                Ablate the cortex: LVC, HVC, both<div className="quiet" style={{ fontSize: 11 }}>{arms.length === 0 ? 'This atlas has no V1 to V3 beside higher regions' : 'Three runs with the same seed, one after another'}</div>
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </div>
      </div>
    </section>
  );
});
