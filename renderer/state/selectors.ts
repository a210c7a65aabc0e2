/** What the two states mean together. */
import type { ImageRow, RunDetail, RunRow } from '../../common/contract/payloads.ts';
import type { Inspection, SubjectSummary } from '../../common/dataset.ts';
import { useLab, useView } from './app-context.ts';
import type { Loaded } from './lab-state.ts';

export function useInspection(): Inspection | null {
  return useLab((s) => (s.inspection.state === 'ready' ? s.inspection.value : null));
}

export function useSubject(): SubjectSummary | null {
  const inspection = useInspection();
  const chosen = useView((s) => s.subject);
  return inspection?.subjects.find((subject) => subject.id === chosen) ?? inspection?.subjects[0] ?? null;
}

/** Runs of the open data, newest first. */
export function useRuns(): readonly RunRow[] {
  const path = useLab((s) => s.dataPath);
  const rows = useLab((s) => s.runs);
  return rows.filter((row) => row.dataPath === path).sort((a, b) => b.created.localeCompare(a.created));
}

/** Finished runs of a subject of the open data, with a model pack if one is given; the same array until one ends, whatever a running one reports. */
export function useFinishedRuns(subject: string, pack?: string): readonly RunRow[] {
  return useLab((s) => s.runs.filter((row) => row.state === 'done' && row.subject === subject && row.dataPath === s.dataPath && (pack === undefined || row.pack === pack)));
}

export function useRun(): RunRow | null {
  const runId = useView((s) => s.runId);
  return useLab((s) => s.runs.find((row) => row.id === runId) ?? null);
}

export function useDetailState(): Loaded<RunDetail> {
  const runId = useView((s) => s.runId);
  return useLab((s) => (runId === null ? undefined : s.details[runId])) ?? { state: 'idle' };
}

export function useDetail(): RunDetail | null {
  const detail = useDetailState();
  return detail.state === 'ready' ? detail.value : null;
}

/** Scores of a run by name, the best known first. */
export function scoreNames(images: readonly ImageRow[]): readonly string[] {
  const names = new Set(images.flatMap((image) => Object.keys(image.scores)));
  const order = Object.keys(SCORES);
  return [...names].sort((a, b) => rank(order, a) - rank(order, b) || a.localeCompare(b));
}

const rank = (order: readonly string[], name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);

interface ScoreTitle {
  readonly title: string;
  readonly short: string;
  readonly better: 'higher' | 'lower';
  readonly definition: string;
  /** Half of the pairs would be right by chance. */
  readonly chance?: number;
}

/** Names of the scores in the window. */
const SCORES: Readonly<Record<string, ScoreTitle>> = {
  clip_similarity: { title: 'CLIP similarity', short: 'CLIP', better: 'higher', definition: 'Cosine of the CLIP embeddings of truth and reconstruction: is it the same kind of thing?' },
  two_way: { title: 'Two-way identification', short: '2-way', better: 'higher', definition: 'How often the reconstruction is closer to its own truth than to another. Chance is 50 %.', chance: 0.5 },
  ssim_2d: { title: 'SSIM', short: 'SSIM', better: 'higher', definition: 'Structural similarity of the grey pictures.' },
  pcc: { title: 'PCC', short: 'PCC', better: 'higher', definition: 'Pearson correlation of all pixel values.' },
  mse: { title: 'MSE', short: 'MSE', better: 'lower', definition: 'Mean squared difference of pixel values.' },
  two_way_truth_to_recon: { title: 'Two-way identification, from the truth', short: '2-way T', better: 'higher', definition: 'How often the truth is closer to its own reconstruction than to another. Chance is 50 %.', chance: 0.5 },
  ssim_field_v1: { title: 'SSIM as published before 2023', short: 'SSIM¹', better: 'higher', definition: 'Mean one-dimensional SSIM of the columns, as older papers computed it.' },
};

export function scoreTitle(name: string): ScoreTitle {
  return SCORES[name] ?? { title: name, short: name, better: 'higher', definition: '' };
}

/** The score that a screen shows when it has room for one. */
export function mainScore(names: readonly string[]): string | null {
  return ['clip_similarity', 'ssim_2d', 'pcc'].find((name) => names.includes(name)) ?? names[0] ?? null;
}
