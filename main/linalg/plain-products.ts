/** Products as plain loops with double accumulation: for small work, and as the independent route that tests compare with. */
import { f32, ndarray, zeros } from '../../common/ndarray.ts';
import type { F64 } from '../../common/ndarray.ts';
import { productShape } from './products.ts';
import type { BatchTerm, Form, Matrix, Products, Real } from './products.ts';

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

function multiplyBatch(a: F64, b: F64): F64 {
  const [items = 0, rows = 0, inner = 0] = a.shape;
  const [, , columns = 0] = b.shape;
  const out = zeros('float64', [items, rows, columns]);
  for (let item = 0; item < items; item++) {
    const left = ndarray('float64', [rows, inner], a.data.subarray(item * rows * inner, (item + 1) * rows * inner));
    const right = ndarray('float64', [inner, columns], b.data.subarray(item * inner * columns, (item + 1) * inner * columns));
    out.data.set(multiply('ab', left, right).data, item * rows * columns);
  }
  return out;
}

function downdateBatch(base: F64, terms: readonly BatchTerm[]): F64 {
  const [items = 0, rows = 0, columns = 0] = base.shape;
  const out = ndarray('float64', base.shape, base.data.slice());
  for (const { upper, offset } of terms) {
    const [, inner = 0, width = 0] = upper.shape;
    for (let item = 0; item < items; item++) {
      for (let k = 0; k < inner; k++) {
        const row = (item * inner + k) * width + offset;
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            const at = (item * rows + i) * columns + j;
            out.data[at] = (out.data[at] ?? 0) - (upper.data[row + i] ?? 0) * (upper.data[row + j] ?? 0);
          }
        }
      }
    }
  }
  return out;
}

export function plainProducts(): Products {
  return {
    multiply: (form, a, b) => Promise.resolve(multiply(form, a, b)),
    accumulate: (base, sign, form, a, b) => {
      const out = multiply(form, a, b);
      for (let i = 0; i < out.data.length; i++) out.data[i] = (base.data[i] ?? 0) + sign * (out.data[i] ?? 0);
      return Promise.resolve(out);
    },
    multiplyBatch: (a, b) => Promise.resolve(multiplyBatch(a, b)),
    downdateBatch: (base, terms) => Promise.resolve(downdateBatch(base, terms)),
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
