import { Button, Loader } from '@mantine/core';
import { FlaskConical, Play } from 'lucide-react';
import { useCallback, useEffect, useMemo } from 'react';
import { decoderFor, DEFAULT_RECIPE } from '../../../common/recipe.ts';
import type { Recipe } from '../../../common/recipe.ts';
import type { SubjectSummary } from '../../../common/dataset.ts';
import { Empty, ErrorNotice } from '../../parts/notice.tsx';
import { NoSubject } from '../data/no-subject.tsx';
import { startRun } from '../../state/actions.ts';
import { useDetailState, useInspection, useRuns, useSubject } from '../../state/selectors.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';
import { changeTitle } from './recipe-change.ts';
import { RecipeForm } from './recipe-form.tsx';
import { RunPanel } from './run-panel.tsx';
import { RunsTable } from './runs-table.tsx';

/** A recipe that this subject can run: the defaults with a model pack, with an atlas and a pipeline that the folder has. */
export function recipeFor(subject: SubjectSummary, arrays: boolean, pack = DEFAULT_RECIPE.pack): Recipe {
  const atlas = subject.atlases.find((each) => each.name === DEFAULT_RECIPE.data.atlas) ?? subject.atlases[0];
  return {
    ...DEFAULT_RECIPE, pack,
    pipeline: arrays ? 'pixels' : DEFAULT_RECIPE.pipeline,
    decoder: decoderFor(arrays ? 'pixels' : DEFAULT_RECIPE.pipeline),
    images: subject.testImages > 0 && subject.testImages <= (DEFAULT_RECIPE.images ?? 0) ? null : DEFAULT_RECIPE.images,
    data: { ...DEFAULT_RECIPE.data, subject: subject.id, atlas: atlas?.name ?? DEFAULT_RECIPE.data.atlas },
  };
}

export function ExperimentArea() {
  const services = useServices();
  const inspection = useInspection();
  const subject = useSubject();
  const runs = useRuns();
  const draft = useView((s) => s.draft);
  const detail = useDetailState();
  const runId = useView((s) => s.runId);
  const arrays = inspection?.kind === 'arrays';
  const pack = useLab((s) => s.info?.packs.chosen ?? null);
  const fresh = useMemo(() => (subject === null || pack === null ? null : recipeFor(subject, arrays, pack)), [subject, arrays, pack]);
  const recipe = useMemo(() => (draft !== null && draft.data.subject === subject?.id ? draft : fresh === null ? null : draft === null ? fresh : { ...draft, data: { ...draft.data, subject: fresh.data.subject } }), [draft, fresh, subject]);
  const subjects = useMemo(() => inspection?.subjects.map((each) => each.id) ?? [], [inspection]);
  const change = useCallback((next: Recipe) => { services.view.form(recipe === null ? 'Form' : changeTitle(recipe, next), next); }, [services, recipe]);
  const reset = useCallback(() => { if (fresh !== null) services.view.form('Reset', fresh); }, [services, fresh]);
  useEffect(() => {
    // The Run button of the frame runs what the form shows.
    if (recipe !== null && draft !== recipe && JSON.stringify(draft) !== JSON.stringify(recipe)) services.view.set({ draft: recipe });
  });
  if (inspection === null || subject === null || recipe === null) return <NoSubject icon={<FlaskConical size={26} />} />;
  return (
    <div className="experiment">
      <RecipeForm recipe={recipe} subject={subject} subjects={subjects} change={change} reset={reset} />
      <div className="runs-side">
        {runs.length === 0 ? (
          <Empty icon={<FlaskConical size={26} />} title="Runs appear here"
            actions={<Button disabled={subject.testImages === 0} leftSection={<Play size={14} fill="currentColor" />} onClick={() => { void startRun(services, recipe); }}>Quick look</Button>}>
            A quick look decodes {recipe.images ?? subject.testImages} pictures with the settings on the left, scores them beside a shuffled baseline and maps what each voxel brought.
          </Empty>
        ) : (
          <>
            {detail.state === 'ready' ? <RunPanel detail={detail.value} />
              : detail.state === 'failed' ? <div className="run-body"><ErrorNotice error={detail.error} /></div>
                : runId === null ? <Empty icon={<FlaskConical size={26} />} title="Choose a run below">Its steps, scores and decoders show here.</Empty>
                  : <Empty icon={<Loader size={22} />} title="Reading the run" />}
            <RunsTable runs={runs} />
          </>
        )}
      </div>
    </div>
  );
}
