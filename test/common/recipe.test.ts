import { describe, expect, it } from 'vitest';
import { UserError } from '../../common/errors.ts';
import { DEFAULT_RECIPE, parseRecipe } from '../../common/recipe.ts';

const messageOf = (value: unknown): string => {
  try { parseRecipe(value); } catch (error) { if (error instanceof UserError) return error.message; throw error; }
  return 'accepted';
};

describe('parseRecipe', () => {
  it('fills missing fields with the defaults', () => {
    expect(parseRecipe({})).toEqual(DEFAULT_RECIPE);
    expect(parseRecipe({ data: { subject: 'subj02' }, seed: 5 }).data).toEqual({ ...DEFAULT_RECIPE.data, subject: 'subj02' });
  });

  it.each([
    [{ seed: -1 }, 'seed: a whole number'],
    [{ sampler: { strength: 2 } }, 'strength: a number from 0.01 to 1'],
    [{ data: { colour: 1 } }, 'no field "colour"'],
    [{ decoder: { alphas: [1, -2] } }, 'alphas: a non-empty list of positive numbers'],
    [{ pipeline: 'magic' }, 'pipeline: one of diffusion, pixels'],
    [{ version: 2 }, 'version: 1'],
    [null, 'an object'],
    [[], 'an object'],
  ])('refuses %j by name', (value, expected) => { expect(messageOf(value)).toContain(expected); });
});

describe('decoderFor', () => {
  it('rescales predictions for a generator and leaves pictures decoded directly as they are', () => {
    expect(parseRecipe({}).decoder.varianceMatching).toBe(true);
    expect(parseRecipe({ pipeline: 'pixels' }).decoder.varianceMatching).toBe(false);
    expect(parseRecipe({ pipeline: 'pixels', decoder: { varianceMatching: true } }).decoder.varianceMatching).toBe(true);
  });
});
