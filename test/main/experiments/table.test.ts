/** Arms and tables: what differs between arms, what they share, and the statistics of the rows. */
import { describe, expect, it } from 'vitest';
import { armsOf, DEFAULT_TABLE, REFERENCE_ARM } from '../../../common/ablation/arms.ts';
import type { Arm } from '../../../common/ablation/arms.ts';
import { tableCsv, tableHtml, tableImagesCsv, tableLatex } from '../../../common/ablation/text.ts';
import { GRADIENT_MODES, gradientWorth, refineCost, samplerCost } from '../../../common/gradient-modes.ts';
import type { GradientWorth } from '../../../common/gradient-modes.ts';
import { random } from '../../../common/random.ts';
import { DEFAULT_RECIPE, essentialRecipe, parseRecipe } from '../../../common/recipe.ts';
import type { GradientMode, RefineChoice, SamplerChoice } from '../../../common/recipe.ts';
import { makePlan } from '../../../main/experiments/plan.ts';
import { recipeHash } from '../../../main/experiments/queue.ts';
import type { StoredScores } from '../../../main/experiments/stages/score.ts';
import { composeTable } from '../../../main/experiments/tables/compose.ts';
import { holm, pairedSignFlip } from '../../../main/metrics/permutation.ts';

const atlas = { name: 'minddiffuser', regions: ['V1', 'V2', 'V3', 'hV4', 'LO', 'PHC'].map((name, i) => ({ name, label: i + 1, voxels: 10 })) };
const FACTS = { data: 'data', pack: 'pack' };
const stepsOf = (arm: Arm) => makePlan(arm.recipe, FACTS);
const armNamed = (arms: readonly Arm[], id: string): Arm => { const found = arms.find((arm) => arm.id === id); if (found === undefined) throw new Error(`no arm ${id}`); return found; };
const keysShared = (a: Arm, b: Arm): string[] => { const keys = new Set(stepsOf(b).map((step) => step.key)); return stepsOf(a).filter((step) => keys.has(step.key)).map((step) => step.label); };

describe('keys of recipes from before stage 2', () => {
  it('are the same as they were', () => {
    // Written down from the version before (`git show 35c6803:common/recipe.ts`): a stored run is found again, and its artefacts with it.
    expect(essentialRecipe({ ...DEFAULT_RECIPE, sampler: { ...DEFAULT_RECIPE.sampler, strength: 0.7 } })).toEqual({
      version: 1, name: 'Quick look', data: { subject: 'subj01', atlas: 'minddiffuser', rois: [], beta: null, zscore: 'session' }, pipeline: 'diffusion', pack: 'demo',
      decoder: DEFAULT_RECIPE.decoder, sampler: { scheduler: 'ddim', steps: 25, strength: 0.7, guidance: 3 }, images: 24, seed: 1,
    });
    expect(recipeHash(parseRecipe({ refine: { iterations: 3, mode: 'full' } }))).toBe(recipeHash(DEFAULT_RECIPE)); // off: what it would have been does not matter
    expect(recipeHash(parseRecipe({ refine: { enabled: true } }))).not.toBe(recipeHash(DEFAULT_RECIPE));
    expect(recipeHash(parseRecipe({ sampler: { noise: 'as-published' } }))).not.toBe(recipeHash(DEFAULT_RECIPE));
  });
});

describe('the arms', () => {
  const two = armsOf(2, DEFAULT_RECIPE, atlas), one = armsOf(1, DEFAULT_RECIPE, atlas), complete = armNamed(two, REFERENCE_ARM);

  it('of both tables have the complete arm in common, to the last key', () => {
    expect(keysShared(armNamed(one, REFERENCE_ARM), complete)).toEqual(stepsOf(complete).map((step) => step.label));
  });
  it('recompute only what they change', () => {
    expect(keysShared(armNamed(two, 'both/no-clip'), complete)).toEqual(expect.arrayContaining(['features:z', 'fit:clip', 'predict:c', 'reconstruct']));
    expect(keysShared(armNamed(two, 'both/no-c'), complete)).toEqual(expect.arrayContaining(['features:c', 'fit:c', 'predict:clip', 'maps']));
    expect(keysShared(armNamed(two, 'both/no-c'), complete)).not.toContain('reconstruct');
    expect(keysShared(armNamed(one, 'lower/complete'), complete)).toEqual(['features:z', 'features:c', 'features:clip']);
    // Stage 1 of the complete arm is the arm without Z_CLIP, scores included.
    const initial = stepsOf(complete).find((step) => step.label === 'score:initial')?.key;
    expect(stepsOf(armNamed(two, 'both/no-clip')).find((step) => step.label === 'score')?.key).toBe(initial);
  });
  it('without z do not adjust what is not theirs, and say what took its place', () => {
    expect(armNamed(two, 'both/no-c').recipe).toMatchObject({ inputs: { c: 'unconditional' }, refine: { enabled: true, c: false, z: true } });
    expect(armNamed(armsOf(2, DEFAULT_RECIPE, atlas, { ...DEFAULT_TABLE, withoutC: 'random', adjustReplacedC: true }), 'both/no-c').recipe).toMatchObject({ inputs: { c: 'random' }, refine: { c: true } });
    for (const arm of two) expect(arm.note, arm.id).not.toBe('');
  });
  it('crossed are every cortex with every space', () => {
    expect(armsOf(2, DEFAULT_RECIPE, atlas, { ...DEFAULT_TABLE, crossed: true }).filter((arm) => !arm.anchor)).toHaveLength(12);
  });
  it('need regions to tell low from high cortex', () => {
    expect(() => armsOf(1, DEFAULT_RECIPE, { name: 'whole', regions: [{ name: 'nsdgeneral', label: 1, voxels: 9 }] })).toThrow(/has no lower visual cortex \(LVC\): none of its regions is called V1, V2 or V3/);
    expect(() => armsOf(1, DEFAULT_RECIPE, { name: 'early', regions: ['V1v', 'V1d', 'V2', 'V3'].map((name, i) => ({ name, label: i + 1, voxels: 9 })) })).toThrow(/has no higher visual cortex \(HVC\)/);
    // A region that is named and has no voxel in this subject forms nothing.
    expect(() => armsOf(1, DEFAULT_RECIPE, { name: 'few', regions: [{ name: 'V1', label: 1, voxels: 0 }, { name: 'LO', label: 2, voxels: 5 }] })).toThrow(/has no voxel in V1$/);
  });
});

describe('a table', () => {
  const source = random(3), ids = [2, 5, 7, 11, 13, 17, 19, 23];
  const scores = (shift: number): StoredScores => ({ imageIds: ids, metrics: Object.fromEntries(['pcc', 'ssim_2d', 'clip_similarity', 'two_way'].map((name) => {
    const perImage = ids.map(() => 0.5 + shift + 0.05 * source.normal());
    return [name, { perImage, mean: perImage.reduce((sum, x) => sum + x, 0) / ids.length, baseline: 0.1, better: 'higher' as const }];
  })) });
  const arms = armsOf(2, DEFAULT_RECIPE, atlas).map((arm) => ({ arm, scores: scores({ 'both/no-c': -0.1, 'both/no-z': -0.2, 'both/no-clip': -0.05, 'both/complete': 0.1 }[arm.id] ?? 0) }));
  const table = composeTable(arms, { table: 2, data: { label: 'Made up', synthetic: true, subject: 's' }, pack: 'demo', seed: 5 });

  it('tests each arm against the complete one and corrects over all of them', () => {
    const compared = arms.filter(({ arm }) => !arm.anchor && arm.id !== REFERENCE_ARM), reference = arms.find(({ arm }) => arm.id === REFERENCE_ARM)?.scores.metrics ?? {};
    const names = table.metrics.map((metric) => metric.name), flat = compared.flatMap(({ scores: own }) => names.map((name) => pairedSignFlip(own.metrics[name]?.perImage ?? [], reference[name]?.perImage ?? [], { seed: 5 }).p)), adjusted = holm(flat);
    compared.forEach(({ arm }, i) => { names.forEach((name, k) => { expect(table.rows.find((row) => row.id === arm.id)?.cells[name]?.versus?.holm).toBe(adjusted[i * names.length + k]); }); });
    expect(table.rows.find((row) => row.id === REFERENCE_ARM)?.cells['pcc']?.versus).toBeNull();
    for (const row of table.rows) for (const cell of Object.values(row.cells)) if (cell.interval !== null) { expect(cell.interval.low).toBeLessThanOrEqual(cell.mean); expect(cell.interval.high).toBeGreaterThanOrEqual(cell.mean); }
  });
  it('says whether the study\'s claims hold here, whichever way it goes', () => {
    expect(Object.fromEntries(table.claims.map((claim) => [claim.text, claim.holds]))).toEqual({
      'complete is best in CLIP similarity': true, 'complete is best in SSIM': true, 'complete is best in PCC': true, 'leaving out c costs most CLIP similarity': false, 'leaving out z costs most PCC': true,
    });
  });
  it('has the three anchors and the study\'s own numbers, apart from ours', () => {
    expect(table.rows.filter((row) => row.anchor).map((row) => row.id)).toEqual(['true-features', 'mean-image', 'shuffled']);
    expect(table.published.rows.map((row) => Object.values(row.values))).toEqual([[0.549, 0.346, 0.218], [0.616, 0.292, 0.066], [0.597, 0.253, 0.183], [0.765, 0.354, 0.278]]);
    for (const text of [tableCsv(table), tableLatex(table), tableHtml(table)]) { expect(text).toContain('MindDiffuser on NSD'); expect(text).toContain('0.765'); expect(text).toContain('Made up'); }
  });
  it('is written for machines, papers and people', () => {
    const rows = tableCsv(table).trim().split('\n');
    expect(rows).toHaveLength(1 + 6 * 4 + 4 + 4 * 3);
    expect(tableImagesCsv(table).trim().split('\n')).toHaveLength(1 + 6 * 4 * ids.length);
    expect(tableLatex(table).split('\n').filter((line) => line.endsWith('\\\\')).every((line) => line.includes('multicolumn') || line.split('&').length === 5)).toBe(true);
    expect(tableHtml(table)).not.toMatch(/<script|https?:\/\//);
  });
  it('refuses arms that were scored on other images', () => {
    const [first, ...rest] = arms;
    if (first === undefined) throw new Error('no arms');
    expect(() => composeTable([{ ...first, scores: { ...first.scores, imageIds: [1] } }, ...rest], { table: 2, data: table.data, pack: 'demo', seed: 5 })).toThrow(/other images/);
  });
});

describe('the cost that is shown before Run', () => {
  const sampler = { ...DEFAULT_RECIPE.sampler, strength: 0.7 }, { refine } = DEFAULT_RECIPE;
  it('counts evaluations of the network', () => {
    expect(samplerCost(sampler)).toBe(34); // 17 of 25 steps, two branches
    expect(samplerCost({ ...sampler, scheduler: 'pndm', guidance: 1 })).toBe(18);
    expect(refineCost(sampler, { ...refine, mode: 'full', noise: 'fixed', iterations: 10 })).toEqual({ iteration: 34 + 34 * 3, all: 10 * 136 + 34 + 34 });
    expect(refineCost(sampler, { ...refine, mode: 'full', iterations: 10 }).all, 'six final pictures').toBe(10 * 136 + 34 + 6 * 34);
    const of = (mode: GradientMode): number => refineCost(sampler, { ...refine, mode }).all;
    for (const mode of ['coarse', 'conditional', 'truncated', 'guided'] as const) expect(of(mode), mode).toBeLessThan(of('full'));
    expect(Object.values(GRADIENT_MODES).filter((mode) => mode.worth === 'exact')).toHaveLength(2);
  });

  // That the gradients are those of the mode `full` where nothing is left out is measured in test/main/diffusion/refine.test.ts.
  it.each<[GradientMode, Partial<RefineChoice>, Partial<SamplerChoice>, GradientWorth]>([
    ['full', {}, {}, 'exact'], ['full', { clamp: 'through' }, {}, 'biased'], ['coarse', {}, {}, 'exact'], ['coarse', { clamp: 'through' }, {}, 'biased'],
    ['conditional', {}, { guidance: 3 }, 'biased'], ['conditional', {}, { guidance: 1 }, 'exact'], ['conditional', { clamp: 'through' }, { guidance: 1 }, 'biased'],
    ['truncated', { lastSteps: 16 }, {}, 'biased'], ['truncated', { lastSteps: 17 }, {}, 'exact'], ['truncated', { lastSteps: 17 }, { scheduler: 'pndm' }, 'biased'], ['truncated', { lastSteps: 18 }, { scheduler: 'pndm' }, 'exact'],
    ['guided', {}, { guidance: 1 }, 'another algorithm'],
  ])('and says what the gradient of %s %j %j is worth: %s', (mode, choice, change, worth) => { expect(gradientWorth({ ...sampler, ...change }, { ...refine, ...choice, mode })).toBe(worth); });
});
