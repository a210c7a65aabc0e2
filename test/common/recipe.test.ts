import { describe, expect, it } from 'vitest';
import { UserError } from '../../common/errors.ts';
import { DEFAULT_RECIPE, parseRecipe, refineMaterial } from '../../common/recipe.ts';

const messageOf = (value: unknown): string => {
  try { parseRecipe(value); } catch (error) { if (error instanceof UserError) return error.message; throw error; }
  return 'accepted';
};

describe('parseRecipe', () => {
  it('fills missing fields with the defaults', () => {
    expect(parseRecipe({})).toEqual(DEFAULT_RECIPE);
    expect(parseRecipe({ data: { subject: 'subj02' }, seed: 5 }).data).toEqual({ ...DEFAULT_RECIPE.data, subject: 'subj02' });
  });

  it('takes a refinement with rates and no search for one that was written before there was a choice', () => {
    const search = (refine: object): object => { const { along, rateZ, rateC, leaveAgreed, keptShare, noise, anchor } = parseRecipe({ refine }).refine; return { along, rateZ, rateC, leaveAgreed, keptShare, noise, anchor }; };
    const today = { leaveAgreed: false, keptShare: 0.25, noise: 'fresh', anchor: 0.3 }, early = { ...today, keptShare: 1, noise: 'fixed', anchor: 0.05 };
    expect(search({ enabled: true })).toEqual({ along: 'errors', rateZ: 0.02, rateC: 0.05, ...today });
    expect(search({ along: 'values' })).toEqual({ along: 'values', rateZ: 0.01, rateC: 0.02, ...today, anchor: 0.05 });
    expect(search({ enabled: true, rateZ: 0.03 })).toEqual({ along: 'values', rateZ: 0.03, rateC: 0.02, ...early });
    expect(search({ along: 'errors', rateC: 0.1, leaveAgreed: true })).toEqual({ along: 'errors', rateZ: 0.02, rateC: 0.1, ...early, leaveAgreed: true });
    expect(search({ along: 'errors', rateZ: 0.1, rateC: 0.1, keptShare: 0.5, noise: 'fresh', anchor: 1 })).toEqual({ along: 'errors', rateZ: 0.1, rateC: 0.1, leaveAgreed: false, keptShare: 0.5, noise: 'fresh', anchor: 1 });
    expect(messageOf({ refine: { along: 'both' } })).toContain('refine.along: expected one of errors, values');
  });

  it('keeps the keys of refinements that leave no picture', () => {
    const { refine } = DEFAULT_RECIPE, material = (leaveAgreed: boolean): object | null => refineMaterial({ ...refine, enabled: true, leaveAgreed });
    expect(material(false)).not.toHaveProperty('leaveAgreed');
    expect(material(true)).toEqual({ ...material(false), leaveAgreed: true });
  });

  it('keeps the keys of refinements that count all units, and of the published loss, which has its own share', () => {
    const { refine } = DEFAULT_RECIPE, material = (keptShare: number, change: object = {}): object | null => refineMaterial({ ...refine, enabled: true, keptShare, ...change });
    expect(material(1)).not.toHaveProperty('keptShare');
    expect(material(0.5)).toEqual({ ...material(1), keptShare: 0.5 });
    expect(material(0.5, { loss: 'published' })).toEqual(material(1, { loss: 'published' }));
    expect(material(0.5, { mode: 'guided' })).toEqual({ ...material(1, { mode: 'guided' }), keptShare: 0.5 });
  });

  it.each([
    [{ seed: -1 }, 'seed: expected a whole number'],
    [{ sampler: { strength: 2 } }, 'sampler.strength: expected a number from 0.01 to 1, found 2'],
    [{ data: { colour: 1 } }, 'data.colour: expected no such field'],
    [{ decoder: { alphas: [1, -2] } }, 'decoder.alphas: expected a non-empty list of positive numbers'],
    [{ pipeline: 'magic' }, 'pipeline: expected one of diffusion, pixels'],
    [{ version: 2 }, 'version: expected 1'],
    [{ sampler: 3 }, 'sampler: expected an object, found 3'],
    [null, 'expected an object, found null'],
    [[], 'expected an object'],
  ])('refuses %j by name', (value, expected) => { expect(messageOf(value)).toContain(expected); });
});

describe('decoderFor', () => {
  it('rescales predictions for a generator and leaves pictures decoded directly as they are', () => {
    expect(parseRecipe({}).decoder.varianceMatching).toBe(true);
    expect(parseRecipe({ pipeline: 'pixels' }).decoder.varianceMatching).toBe(false);
    expect(parseRecipe({ pipeline: 'pixels', decoder: { varianceMatching: true } }).decoder.varianceMatching).toBe(true);
  });
});
