/** The single function that turns an event into rows. */
import type { RunEvent } from '../../common/run-event.ts';
import type { Store } from '../store/open.ts';
import { clearResults, putArtefact, putImage, putMetric } from '../store/results.ts';
import { setRunResult, setRunState, setStepState, writePlan } from '../store/runs.ts';

export function record(store: Store, runId: string, event: RunEvent): void {
  const now = new Date().toISOString();
  switch (event.type) {
    case 'planned':
      store.db.transaction(() => {
        setRunState(store, runId, 'running', now);
        clearResults(store, runId);
        writePlan(store, runId, event.steps, event.reused);
      })();
      return;
    case 'step-started': setStepState(store, runId, event.key, 'running'); return;
    case 'progress': return;
    case 'refinement': return; // kept by its stage, picture and losses
    case 'image': putImage(store, runId, event.image); return;
    case 'artefact': putArtefact(store, event.artefact, now); return;
    case 'metric': putMetric(store, runId, event); return;
    case 'step-done': setStepState(store, runId, event.key, event.reused ? 'reused' : 'done', event.seconds); return;
    case 'failed':
      store.db.transaction(() => {
        setRunResult(store, runId, { error: event.error });
        setRunState(store, runId, event.error.kind === 'cancelled' ? 'cancelled' : 'failed', now);
        setRunResult(store, runId, { error: event.error });
      })();
      return;
    case 'finished':
      store.db.transaction(() => {
        setRunResult(store, runId, { summary: event.summary });
        setRunState(store, runId, 'done', now);
      })();
      return;
    default: { const never: never = event; throw new RangeError(`unknown event ${JSON.stringify(never)}`); }
  }
}
