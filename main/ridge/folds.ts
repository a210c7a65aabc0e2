/** Cross-validation folds over rows. Rows of one group (trials of one image) always share a fold. Deterministic. */
import { UserError } from '../../common/errors.ts';
import { permutation, random } from '../../common/random.ts';
import type { Range } from '../linalg/panels.ts';

export type FoldChoice =
  /** `groups[row]`: rows with equal numbers stay together; without it every row is its own group. */
  | { readonly kind: 'k-fold'; readonly folds: number; readonly groups?: ArrayLike<number> | undefined; readonly seed?: number }
  /** `foldOf[row]` = 0 .. folds - 1, chosen by the caller. */
  | { readonly kind: 'given'; readonly foldOf: ArrayLike<number> }
  /** Every row is predicted from all others, exactly and without refits. */
  | { readonly kind: 'leave-one-out' };

export interface Folds {
  /** Rows sorted by fold (stable): row i in fold order is row `order[i]` of the data. */
  readonly order: Int32Array;
  /** Rows of each fold, in fold order. */
  readonly ranges: readonly Range[];
}

/**
 * Folds of nearly equal size: groups are shuffled by the seed and each goes to the fold with the fewest rows so far (the first of equals).
 * Throws UserError (`usage`) for fewer than 2 folds or fewer groups than folds.
 */
export function assignFolds(rows: number, choice: Exclude<FoldChoice, { kind: 'leave-one-out' }>): Int32Array {
  if (choice.kind === 'given') {
    if (choice.foldOf.length !== rows) throw new RangeError(`${choice.foldOf.length} fold numbers for ${rows} rows`);
    return Int32Array.from(choice.foldOf);
  }
  const { folds, groups, seed = 0 } = choice;
  if (groups !== undefined && groups.length !== rows) {
    throw new UserError('bad-input', `${groups.length} group numbers for ${rows} rows`, { expected: `${rows} group numbers`, found: `${groups.length}`, fix: 'Give one group per row of X.' });
  }
  const members = new Map<number, number[]>();
  for (let row = 0; row < rows; row++) {
    const group = groups === undefined ? row : (groups[row] ?? 0);
    const list = members.get(group);
    if (list === undefined) members.set(group, [row]);
    else list.push(row);
  }
  if (!Number.isInteger(folds) || folds < 2 || members.size < folds) {
    throw new UserError('usage', `${folds} folds of ${members.size} groups`, { expected: `2 to ${members.size} folds`, found: `${folds}`, fix: 'Use fewer folds or more images.' });
  }
  const names = [...members.keys()].sort((a, b) => a - b);
  const shuffled = permutation(names.length, random(seed));
  const counts = new Int32Array(folds);
  const foldOf = new Int32Array(rows);
  for (const index of shuffled) {
    const fold = counts.indexOf(Math.min(...counts));
    for (const row of members.get(names[index] ?? 0) ?? []) { foldOf[row] = fold; counts[fold] = (counts[fold] ?? 0) + 1; }
  }
  return foldOf;
}

/** Rows sorted by fold. Throws UserError (`usage`) if a fold number is missing or fewer than two are used. */
export function sortByFold(foldOf: Int32Array): Folds {
  const folds = foldOf.reduce((most, fold) => Math.max(most, fold + 1), 0);
  const order: number[] = [];
  const ranges: Range[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const start = order.length;
    foldOf.forEach((own, row) => { if (own === fold) order.push(row); });
    ranges.push([start, order.length]);
  }
  if (folds < 2 || order.length !== foldOf.length || ranges.some(([from, to]) => from === to)) {
    throw new UserError('usage', `folds of ${ranges.map(([from, to]) => to - from).join(', ')} rows`, { expected: 'fold numbers 0, 1, ... that are all used, at least two', found: `${folds} folds`, fix: 'Renumber the folds from 0 without gaps.' });
  }
  return { order: Int32Array.from(order), ranges };
}

/** What is left of 0 .. rows after taking out a range: one or two ranges, none empty. */
export function outside(rows: number, [from, to]: Range): readonly Range[] {
  const ranges: readonly Range[] = [[0, from], [to, rows]];
  return ranges.filter(([low, high]) => low < high);
}
