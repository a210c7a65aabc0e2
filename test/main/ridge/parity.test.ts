/** Weights against a direct solve in double precision over hard shapes, and penalties against himalaya at a larger size. */
import { afterAll, describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { memoryStore } from '../../../main/ridge/artefact.ts';
import { primalWeights } from '../../../main/ridge/decoder.ts';
import { fitDecoder } from '../../../main/ridge/fit.ts';
import { RIDGE_SOLVERS } from '../../../main/ridge/solvers.ts';
import { arrayTargets } from '../../../main/ridge/targets.ts';
import golden from '../../golden/ridge/banded.json' with { type: 'json' };
import { expectClose } from '../../support/close.ts';
import { noise } from './fixture.ts';
import { directRidge } from './slow-solve.ts';
import type { RidgeSolverName } from '../../../main/ridge/solvers.ts';

const SEED = 77;
/** Issue 4: relative error of weights, in the Frobenius norm per target. */
const WEIGHTS = 1e-4;
const products = sessionProducts({ threads: 1 });
afterAll(() => products.release());

interface Shape {
  readonly rows: number;
  readonly voxels: number;
  readonly alpha: number;
  /** Changes X in place. */
  readonly spoil?: (x: Float32Array, rows: number, voxels: number) => void;
}

/** Column j is scaled by 10^(-4 j / (voxels - 1)): the Gram matrix, of squares, spans eight decades. */
function graded(x: Float32Array, rows: number, voxels: number): void {
  for (let i = 0; i < rows; i++) for (let j = 0; j < voxels; j++) x[i * voxels + j] = (x[i * voxels + j] ?? 0) * 10 ** ((-4 * j) / (voxels - 1));
}

const SHAPES: Readonly<Record<string, Shape>> = {
  tall: { rows: 150, voxels: 40, alpha: 3 },
  wide: { rows: 40, voxels: 150, alpha: 3 },
  square: { rows: 80, voxels: 80, alpha: 1 },
  'ill-conditioned tall': { rows: 120, voxels: 50, alpha: 1e-3, spoil: graded },
  'ill-conditioned wide': { rows: 50, voxels: 120, alpha: 1e-3, spoil: graded },
  'constant columns': { rows: 60, voxels: 90, alpha: 1, spoil: (x, rows, voxels) => { for (let i = 0; i < rows; i++) { x[i * voxels + 4] = 3; x[i * voxels + 5] = 0; } } },
  'duplicated columns': { rows: 90, voxels: 60, alpha: 0.01, spoil: (x, rows, voxels) => { for (let i = 0; i < rows; i++) for (const j of [10, 11, 12]) x[i * voxels + j] = x[i * voxels + 9] ?? 0; } },
  'large offsets': { rows: 70, voxels: 30, alpha: 1, spoil: (x) => { for (let at = 0; at < x.length; at++) x[at] = (x[at] ?? 0) + 100; } },
};

/** The automatic choice (undefined) and every linear solver, dual ones of tall X and primal ones of wide X too. */
const SOLVERS: readonly (RidgeSolverName | undefined)[] = [undefined, ...Object.values(RIDGE_SOLVERS).filter(({ kind }) => kind === 'linear').map(({ name }) => name)];

describe('weights against a direct solve in double precision', () => {
  for (const [name, shape] of Object.entries(SHAPES)) {
    const { rows, voxels, alpha, spoil } = shape;
    for (const solver of SOLVERS) {
      it(`${name} (${rows} x ${voxels}), ${solver ?? 'automatic'}: relative error at most ${WEIGHTS}`, async () => {
        const source = random(SEED);
        const x = fillNormal(new Float32Array(rows * voxels), source.fork('x'));
        spoil?.(x, rows, voxels);
        const X = f32([rows, voxels], x), y = f32([rows, 3], fillNormal(new Float32Array(rows * 3), source.fork('y')));
        const decoder = await fitDecoder({ x: X, y: arrayTargets(y), alphas: [alpha], folds: null, ...(solver === undefined ? {} : { solver }) }, { products, store: memoryStore() });
        expect(decoder.record.check?.missed).toEqual([]);
        expect(decoder.record.check?.worstError).toBeLessThan(WEIGHTS);
        const weights = await primalWeights(decoder, products);
        directRidge(X, y, alpha).forEach((expected, t) => {
          let error = 0, size = 0;
          expected.forEach((value, v) => { error += ((weights.data[v * 3 + t] ?? NaN) - value) ** 2; size += value * value; });
          expect(Math.sqrt(error / size), `seed ${SEED}, target ${t}`).toBeLessThan(WEIGHTS);
        });
      });
    }
  }
  it('the two-voxel suppressor: weights near (0.98, -0.97), patterns near (1.02, 0)', async () => {
    // x1 = s + n, x2 = n, y = s (method.md 6.2): s and n orthogonal, equally strong; a penalty of 2 % of a voxel's noise.
    const rows = 400;
    const s = Float64Array.from({ length: rows }, (_, i) => Math.SQRT2 * Math.sin((2 * Math.PI * 3 * i) / rows));
    const n = Float64Array.from({ length: rows }, (_, i) => Math.SQRT2 * Math.cos((2 * Math.PI * 7 * i) / rows));
    const x = f32([rows, 2], Float32Array.from({ length: rows * 2 }, (_, at) => (at % 2 === 0 ? (s[at >> 1] ?? NaN) : 0) + (n[at >> 1] ?? NaN)));
    const y = f32([rows, 1], Float32Array.from(s));
    const decoder = await fitDecoder({ x, y: arrayTargets(y), alphas: [0.01 * rows], folds: null }, { products, store: memoryStore() });
    const { data: w } = await primalWeights(decoder, products);
    expect([w[0], w[1]].map((value) => (value ?? NaN).toFixed(2))).toEqual(['0.98', '-0.97']);
    // a = cov(x, p) / var(p).
    const p = Float64Array.from({ length: rows }, (_, i) => (w[0] ?? NaN) * (x.data[2 * i] ?? NaN) + (w[1] ?? NaN) * (x.data[2 * i + 1] ?? NaN));
    const spread = p.reduce((sum, value) => sum + value * value, 0);
    const pattern = [0, 1].map((v) => p.reduce((sum, value, i) => sum + value * (x.data[2 * i + v] ?? NaN), 0) / spread);
    // The closed form at this penalty, a = S w / (w' S w), S = [2 1; 1 1], is (1.030, 0.010): the sheet's (1.02, 0) to its own rounding.
    expectClose(pattern, [1.0298, 0.0101], { absolute: 2e-4 });
    expectClose(pattern, [1.02, 0], { absolute: 0.0125 });
  });
});

describe('himalaya KernelRidgeCV on the same folds and grid', () => {
  it('chooses the same penalty for at least 99 % of 300 targets, R2 within 1e-3', async () => {
    const { rows, voxels, targets, alphas, chosen, r2 } = golden.kernel_ridge;
    const x = f32([rows, voxels], Float32Array.from(noise(rows, voxels, 11).map((value, at) => value * (1 + ((at % voxels) % 3)))));
    const w = noise(voxels, targets, 12).map((value, at) => (value * ((at % targets) % 8)) / 8);
    const e = noise(rows, targets, 13);
    const exact = noise(rows, voxels, 11).map((value, at) => value * (1 + ((at % voxels) % 3)));
    const y = Float32Array.from({ length: rows * targets }, (_, at) => {
      const i = Math.floor(at / targets), t = at % targets;
      let sum = (Math.sqrt(voxels) / 6) * (e[at] ?? NaN);
      for (let v = 0; v < voxels; v++) sum += (exact[i * voxels + v] ?? NaN) * (w[v * targets + t] ?? NaN);
      return sum;
    });
    const foldOf = Int32Array.from({ length: rows }, (_, i) => Math.floor((i * 5) / rows));
    for (const search of ['exhaustive', 'bracket'] as const) {
      const { record } = await fitDecoder({ x, y: arrayTargets(f32([rows, targets], y)), alphas, folds: { kind: 'given', foldOf }, search }, { products, store: memoryStore() });
      const same = record.alphaPerTarget.filter((alpha, t) => Math.abs(alpha / (chosen[t] ?? NaN) - 1) < 1e-6).length;
      expect(same / targets, search).toBeGreaterThanOrEqual(0.99);
      const gaps = (record.scores?.mse ?? []).map((mse, t) => {
        let mean = 0, squares = 0;
        for (let i = 0; i < rows; i++) mean += (y[i * targets + t] ?? NaN) / rows;
        for (let i = 0; i < rows; i++) squares += ((y[i * targets + t] ?? NaN) - mean) ** 2;
        return Math.abs(1 - (mse * rows) / squares - (r2[t] ?? NaN));
      });
      expect(Math.max(...gaps), search).toBeLessThan(1e-3);
    }
  });
});
