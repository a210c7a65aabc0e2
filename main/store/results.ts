/** Rows of `artefact`, `image`, `metric` and `setting`. */
import type { ArtefactRow, ImageResult, Scores, StepKind } from '../../common/run-event.ts';
import type { Store } from './open.ts';

export function putArtefact(store: Store, artefact: ArtefactRow, now: string): void {
  store.db.prepare('INSERT OR REPLACE INTO artefact (key, kind, path, bytes, created) VALUES (?, ?, ?, ?, ?)').run(artefact.key, artefact.kind, artefact.path, artefact.bytes, now);
}

export function listArtefacts(store: Store): ArtefactRow[] {
  return store.db.prepare('SELECT key, kind, path, bytes FROM artefact ORDER BY created').all() as { key: string; kind: StepKind; path: string; bytes: number }[];
}

export function putImage(store: Store, runId: string, image: ImageResult): void {
  store.db.prepare('INSERT OR REPLACE INTO image (run, image_id, truth, reconstruction) VALUES (?, ?, ?, ?)').run(runId, image.imageId, image.truth, image.reconstruction);
}

export interface MetricRow {
  readonly name: string;
  readonly value: number;
  readonly baseline?: number | undefined;
  readonly imageId?: number | undefined;
  readonly space?: string | undefined;
  readonly region?: string | undefined;
}

export function putMetric(store: Store, runId: string, metric: MetricRow): void {
  store.db.prepare('INSERT OR REPLACE INTO metric (run, name, image_id, space, region, value, baseline) VALUES (?, ?, ?, ?, ?, ?, ?)').run(
    runId, metric.name, metric.imageId ?? -1, metric.space ?? '', metric.region ?? '', metric.value, metric.baseline ?? null);
}

export function clearResults(store: Store, runId: string): void {
  store.db.transaction(() => {
    store.db.prepare('DELETE FROM image WHERE run = ?').run(runId);
    store.db.prepare('DELETE FROM metric WHERE run = ?').run(runId);
  })();
}

/** Images of a run in id order, with their per-image scores. */
export function listImages(store: Store, runId: string): (ImageResult & { readonly scores: Scores })[] {
  const scores = new Map<number, Record<string, number>>();
  const metrics = store.db.prepare('SELECT name, image_id AS imageId, value FROM metric WHERE run = ? AND image_id >= 0').all(runId) as { name: string; imageId: number; value: number }[];
  for (const metric of metrics) {
    const row = scores.get(metric.imageId) ?? {};
    row[metric.name] = metric.value;
    scores.set(metric.imageId, row);
  }
  const images = store.db.prepare('SELECT image_id AS imageId, truth, reconstruction FROM image WHERE run = ? ORDER BY image_id').all(runId) as ImageResult[];
  return images.map((image) => ({ ...image, scores: scores.get(image.imageId) ?? {} }));
}

/** Metrics over images or per space: `{name, space, region, value, baseline}`. */
export function listMetrics(store: Store, runId: string): MetricRow[] {
  return store.db.prepare('SELECT name, space, region, value, baseline FROM metric WHERE run = ? AND image_id < 0').all(runId) as MetricRow[];
}

export function readSetting(store: Store, key: string): unknown {
  const row = store.db.prepare('SELECT value FROM setting WHERE key = ?').get(key) as { value: string } | undefined;
  return row === undefined ? undefined : JSON.parse(row.value);
}

export function writeSetting(store: Store, key: string, value: unknown): void {
  store.db.prepare('INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)').run(key, JSON.stringify(value));
}
