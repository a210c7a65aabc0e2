import { describe, expect, it } from 'vitest';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import { canonical, keyOf } from '../../../main/experiments/key.ts';
import { keyFor, makePlan } from '../../../main/experiments/plan.ts';

const FACTS = { data: 'data', pack: 'pack' };

describe('keys', () => {
  it('do not depend on the order of fields', () => {
    expect(canonical({ b: 1, a: [true, null, 'x'] })).toBe('{"a":[true,null,"x"],"b":1}');
    expect(keyOf({ a: 1, b: 2 })).toBe(keyOf({ b: 2, a: 1 }));
  });
});

describe('makePlan', () => {
  const plan = makePlan(DEFAULT_RECIPE, FACTS);
  const change = (recipe: typeof DEFAULT_RECIPE, facts = FACTS): string[] => {
    const other = makePlan(recipe, facts);
    return plan.filter((step, index) => other[index]?.key !== step.key).map((step) => step.label);
  };

  it('has weights that sum to one and inputs that come before', () => {
    expect(plan.reduce((sum, step) => sum + step.weight, 0)).toBeCloseTo(1, 12);
    plan.forEach((step, index) => { for (const input of step.inputs) expect(plan.findIndex((each) => each.key === input)).toBeLessThan(index); });
  });

  it('changes nothing when only the name changes', () => { expect(change({ ...DEFAULT_RECIPE, name: 'other' })).toEqual([]); });

  it('recomputes features of no space when the ROIs change, but every fit', () => {
    const changed = change({ ...DEFAULT_RECIPE, data: { ...DEFAULT_RECIPE.data, rois: ['V1'] } });
    expect(changed).toEqual(['responses', 'fit:z', 'predict:z', 'fit:c', 'predict:c', 'fit:clip', 'predict:clip', 'accuracy', 'reconstruct', 'score', 'maps']);
  });

  it('recomputes only pictures and scores when the sampler changes', () => {
    expect(change({ ...DEFAULT_RECIPE, sampler: { ...DEFAULT_RECIPE.sampler, guidance: 9 } })).toEqual(['reconstruct', 'score']);
  });

  it('keeps the pictures when only their number changes', () => { expect(change({ ...DEFAULT_RECIPE, images: 3 })).toEqual(['score']); });

  it('makes everything new for other data, and all but the responses for another pack', () => {
    expect(change(DEFAULT_RECIPE, { ...FACTS, data: 'other' })).toHaveLength(plan.length);
    expect(change(DEFAULT_RECIPE, { ...FACTS, pack: 'other' })).not.toContain('responses');
  });

  it('names the steps there are when asked for one that is not', () => { expect(() => keyFor(plan, 'fit:pixels')).toThrow(/fit:z/); });
});
