/** Products as plain loops with double accumulation: for small work, and as the independent route that tests compare with. */
import { f32, zeros } from '../../common/ndarray.ts';
import { productShape } from './products.ts';
import { refusalError } from './subsystems.ts';
import { rowPlace } from './triangle.ts';
import type { Form, Matrix, Products, Real, Subsystems } from './products.ts';

function multiply<D extends Real>(form: Form, a: Matrix<D>, b: Matrix<D>): Matrix<D> {
  const { rows, columns, inner } = productShape(form, a, b);
  const out = zeros<D>(a.dtype, [rows, columns]);
  const [aRow, aStep] = form === 'aTb' ? [1, rows] : [inner, 1];
  const [bColumn, bStep] = form === 'abT' ? [inner, 1] : [1, columns];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += (a.data[i * aRow + k * aStep] ?? 0) * (b.data[j * bColumn + k * bStep] ?? 0);
      out.data[i * columns + j] = sum;
    }
  }
  return out;
}

/** Cholesky by dot products of columns, then two substitutions. */
function solveSubsystems(systems: Subsystems): void {
  const { matrix, size, count, subsets, right } = systems;
  const u = new Float64Array(size * size);
  for (let item = 0; item < count; item++) {
    const at = item * size;
    for (let j = 0; j < size; j++) {
      for (let i = 0; i <= j; i++) {
        const { piece, at: start } = rowPlace(matrix, subsets[at + i] ?? NaN);
        let sum = matrix.pieces[piece]?.[start + (subsets[at + j] ?? NaN) - (subsets[at + i] ?? NaN)] ?? NaN;
        for (let k = 0; k < i; k++) sum -= (u[k * size + i] ?? 0) * (u[k * size + j] ?? 0);
        if (i === j && !(sum > 0)) throw refusalError(systems, { item, place: i, pivot: sum });
        u[i * size + j] = i === j ? Math.sqrt(sum) : sum / (u[i * size + i] ?? NaN);
      }
    }
    const substitute = (i: number, known: (sum: number) => number): void => { right[at + i] = known(right[at + i] ?? NaN) / (u[i * size + i] ?? NaN); };
    for (let i = 0; i < size; i++) substitute(i, (sum) => { for (let k = 0; k < i; k++) sum -= (u[k * size + i] ?? 0) * (right[at + k] ?? NaN); return sum; });
    for (let i = size - 1; i >= 0; i--) substitute(i, (sum) => { for (let k = i + 1; k < size; k++) sum -= (u[i * size + k] ?? 0) * (right[at + k] ?? NaN); return sum; });
  }
}

export function plainProducts(): Products {
  return {
    multiply: (form, a, b) => Promise.resolve(multiply(form, a, b)),
    accumulate: (base, sign, form, a, b) => {
      const out = multiply(form, a, b);
      for (let i = 0; i < out.data.length; i++) out.data[i] = (base.data[i] ?? 0) + sign * (out.data[i] ?? 0);
      return Promise.resolve(out);
    },
    // eslint-disable-next-line @typescript-eslint/require-await
    solveSubsystems: async (systems) => { solveSubsystems(systems); },
    residualSums: (terms, target) => {
      const [rows = 0, columns = 0] = target.shape;
      const prediction = f32([rows, columns], new Float32Array(rows * columns));
      for (const { left, right } of terms) {
        const part = multiply('ab', left, right);
        for (let i = 0; i < part.data.length; i++) prediction.data[i] = (prediction.data[i] ?? 0) + (part.data[i] ?? 0);
      }
      const sums = [new Float64Array(columns), new Float64Array(columns), new Float64Array(columns)] as const;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const p = prediction.data[i * columns + j] ?? 0;
          sums[0][j] = (sums[0][j] ?? 0) + ((target.data[i * columns + j] ?? 0) - p) ** 2;
          sums[1][j] = (sums[1][j] ?? 0) + p;
          sums[2][j] = (sums[2][j] ?? 0) + p * p;
        }
      }
      return Promise.resolve({ squaredError: Float32Array.from(sums[0]), prediction: Float32Array.from(sums[1]), squaredPrediction: Float32Array.from(sums[2]) });
    },
    release: () => Promise.resolve(),
  };
}
