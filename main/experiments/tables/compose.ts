/**
 * Scores of finished arms -> an ablation table (method.md 5.7): bootstrap interval of every mean, paired sign-flip test of every arm against the complete
 * one, Holm over all comparisons of the table. A pure function of scores and seed.
 */
import type { Arm, TableNumber } from '../../../common/ablation/arms.ts';
import { REFERENCE_ARM } from '../../../common/ablation/arms.ts';
import type { AblationTable, TableCell, TableClaim, TableMetric, TableRow } from '../../../common/ablation/table.ts';
import { PUBLISHED, TABLE_TITLES } from '../../../common/ablation/table.ts';
import { UserError } from '../../../common/errors.ts';
import { bootstrapMean } from '../../metrics/bootstrap.ts';
import { holm, pairedSignFlip } from '../../metrics/permutation.ts';
import { METRICS } from '../../metrics/table.ts';
import type { StoredScores } from '../stages/score.ts';

export interface ScoredArm {
  readonly arm: Pick<Arm, 'id' | 'title' | 'note' | 'anchor'>;
  readonly scores: StoredScores;
}

export interface TableFacts {
  readonly table: TableNumber;
  readonly data: AblationTable['data'];
  readonly pack: string;
  readonly seed: number;
}

/** The study's three metrics first, then identification, which has a known chance level. */
const SHOWN = ['clip_similarity', 'ssim_2d', 'pcc', 'two_way'] as const;

const NOTES = [
  'Intervals: 95 % percentile bootstrap over images, 10 000 resamples; for identification the gallery is held fixed.',
  'Tests: paired sign-flip permutation of per-image differences to "complete", two-sided; Holm over every comparison of this table.',
  'Shuffled: mean score of wrong pairs of the complete arm. All arms share data, seed and noise; they differ in what their name says.',
  'Published numbers come from another data set and other networks: compare their order, not their size.',
];

/** Throws UserError (`bad-input`) if the arms were not scored on the same images. */
export function composeTable(arms: readonly ScoredArm[], facts: TableFacts): AblationTable {
  const reference = arms.find(({ arm }) => arm.id === REFERENCE_ARM);
  if (reference === undefined) throw new RangeError(`a table without its reference ${REFERENCE_ARM}`);
  const { imageIds } = reference.scores;
  for (const { arm, scores } of arms) {
    if (scores.imageIds.join() !== imageIds.join()) {
      throw new UserError('bad-input', `the arm "${arm.title}" was scored on other images than the complete one`, { expected: `${imageIds.length} images`, found: `${scores.imageIds.length} images`, fix: 'Run the table again; its arms share one list of images.' });
    }
  }
  const metrics: TableMetric[] = SHOWN.filter((name) => reference.scores.metrics[name] !== undefined).map((name) => { const { title, better, definition } = METRICS[name]; return { name, title, better, definition }; });
  // 1. Tests, then Holm over all of them together.
  const compared = arms.filter(({ arm }) => !arm.anchor && arm.id !== REFERENCE_ARM);
  const tests = compared.flatMap(({ arm, scores }) => metrics.flatMap(({ name }) => {
    const own = scores.metrics[name], theirs = reference.scores.metrics[name];
    return own === undefined || theirs === undefined ? [] : [{ id: arm.id, name, ...pairedSignFlip(own.perImage, theirs.perImage, { seed: facts.seed }) }];
  }));
  const adjusted = holm(tests.map((test) => test.p));
  const versusOf = (id: string, name: string): TableCell['versus'] => {
    const at = tests.findIndex((test) => test.id === id && test.name === name), test = tests[at];
    return test === undefined ? null : { difference: test.meanDifference, p: test.p, holm: adjusted[at] ?? 1 };
  };
  // 2. Rows.
  const rows = arms.map(({ arm, scores }): TableRow => ({
    id: arm.id, title: arm.title, note: arm.note, anchor: arm.anchor,
    cells: Object.fromEntries(metrics.flatMap(({ name }) => {
      const metric = scores.metrics[name];
      if (metric === undefined) return [];
      const { low, high } = bootstrapMean(metric.perImage, { seed: facts.seed });
      return [[name, { mean: metric.mean, interval: { low, high }, shuffled: metric.baseline, perImage: metric.perImage, versus: versusOf(arm.id, name) } satisfies TableCell] as const];
    })),
  }));
  const shuffled: TableRow = {
    id: 'shuffled', title: 'shuffled', note: 'complete, each picture scored against other images', anchor: true,
    cells: Object.fromEntries(metrics.map(({ name }) => [name, { mean: reference.scores.metrics[name]?.baseline ?? Number.NaN, interval: null, shuffled: null, perImage: [], versus: null }] as const)),
  };
  const all = [...rows, shuffled];
  return { ...facts, title: TABLE_TITLES[facts.table], imageIds, metrics, reference: REFERENCE_ARM, rows: all, claims: claimsOf(facts.table, all, metrics), published: PUBLISHED[facts.table], notes: NOTES };
}

/** The order that the study reports, checked on these rows. */
function claimsOf(table: TableNumber, rows: readonly TableRow[], metrics: readonly TableMetric[]): readonly TableClaim[] {
  const mean = (id: string, metric: string): number => rows.find((row) => row.id === id)?.cells[metric]?.mean ?? Number.NaN;
  const three = (metric: string): string => metrics.find((each) => each.name === metric)?.title ?? metric;
  const complete = REFERENCE_ARM, others = table === 1 ? ['lower/complete', 'higher/complete'] : ['both/no-c', 'both/no-z', 'both/no-clip'];
  const best = (metric: string): TableClaim => ({ text: `${table === 1 ? 'both cortices together are' : 'complete is'} best in ${three(metric)}`, holds: others.every((id) => mean(complete, metric) > mean(id, metric)) });
  const worst = (id: string, metric: string, text: string): TableClaim => ({ text, holds: others.every((other) => other === id || mean(id, metric) < mean(other, metric)) });
  const bests = ['clip_similarity', 'ssim_2d', 'pcc'].map(best);
  return table === 1
    ? [...bests, { text: 'LVC carries structure: its PCC and SSIM are above those of HVC', holds: ['pcc', 'ssim_2d'].every((metric) => mean('lower/complete', metric) > mean('higher/complete', metric)) },
      { text: 'HVC carries semantics: its CLIP similarity is above that of LVC', holds: mean('higher/complete', 'clip_similarity') > mean('lower/complete', 'clip_similarity') }]
    : [...bests, worst('both/no-c', 'clip_similarity', 'leaving out c costs most CLIP similarity'), worst('both/no-z', 'pcc', 'leaving out z costs most PCC')];
}
