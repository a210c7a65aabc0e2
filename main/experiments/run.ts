/**
 * run(plan, deps, signal): walks the steps in order, skips those whose artefacts exist, and says every fact once as a
 * RunEvent. It stores nothing: who consumes the events (main process, command line) does.
 */
import { reportOf, throwIfAborted } from '../../common/errors.ts';
import type { RunEvent, RunSummary } from '../../common/run-event.ts';
import { artefactPath } from './artefacts.ts';
import { keepGroundwork } from './groundwork-keep.ts';
import { paceOf } from './pace.ts';
import type { StageContext } from './stage.ts';
import { STAGES } from './stages/index.ts';
import { summarise } from './stages/score.ts';

/** Runs or resumes. Emits `finished` or `failed` last; a cancellation emits `failed` with kind `cancelled`. */
export async function run(given: StageContext): Promise<RunSummary | null> {
  const started = performance.now(), watch = paceOf(given.recipe);
  const groundwork = given.groundwork ?? keepGroundwork();
  const context: StageContext = { ...given, groundwork, emit: (event) => { watch.see(event, performance.now()); given.emit(event); } };
  const { steps, emit, signal } = context;
  try {
    const reused: string[] = [];
    for (const step of steps) {
      if (await STAGES[step.kind].isComplete(step, context)) reused.push(step.key);
    }
    emit({ type: 'planned', steps: steps.map(({ key, kind, label, title, inputs, weight }) => ({ key, kind, label, title, inputs, weight })), reused });
    for (const [index, step] of steps.entries()) {
      throwIfAborted(signal);
      const stage = STAGES[step.kind];
      if (reused.includes(step.key)) {
        await stage.replay?.(step, context);
        emit({ type: 'step-done', key: step.key, seconds: 0, reused: true });
        continue;
      }
      const from = performance.now();
      emit({ type: 'step-started', key: step.key, kind: step.kind, title: step.title });
      const bytes = await stage.run(step, context);
      emit({ type: 'artefact', artefact: { key: step.key, kind: step.kind, path: artefactPath(step.key), bytes } });
      emit({ type: 'step-done', key: step.key, seconds: (performance.now() - from) / 1000, reused: false });
      if (!steps.slice(index + 1).some(({ kind, key }) => kind === 'fit' && !reused.includes(key))) groundwork.clear();
    }
    const summary = { ...await summarise(context, (performance.now() - started) / 1000, reused.length), pace: watch.pace() };
    emit({ type: 'finished', summary });
    return summary;
  } catch (error) {
    const event: RunEvent = { type: 'failed', error: reportOf(error) };
    emit(event);
    return null;
  }
}

