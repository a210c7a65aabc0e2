/** The arrays of test/golden/ridge/make.py, rebuilt from their formulas, and a slow float64 ridge written apart from the package. */
import { f32 } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';

export const TARGETS = 8;
export const NEW = 7;

export function noise(rows: number, columns: number, k: number): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, n) => {
    const value = Math.abs(Math.sin(12.9898 * Math.floor(n / columns) + 78.233 * (n % columns) + 37.719 * k)) * 43758.5453;
    return value - Math.floor(value) - 0.5;
  });
}

export interface RidgeData {
  readonly x: F32;
  readonly y: F32;
  readonly fresh: F32;
}

export function ridgeData(rows: number, voxels: number): RidgeData {
  const all = rows + NEW;
  const x = noise(all, voxels, 1).map((value, n) => value * (1 + ((n % voxels) % 5)) + 3 + ((n % voxels) % 7));
  const w = noise(voxels, TARGETS, 2);
  const e = noise(all, TARGETS, 3);
  const mean = Float64Array.from({ length: voxels }, (_, v) => {
    let sum = 0;
    for (let i = 0; i < all; i++) sum += x[i * voxels + v] ?? 0;
    return sum / all;
  });
  const y = Float64Array.from({ length: all * TARGETS }, (_, n) => {
    const i = Math.floor(n / TARGETS);
    const t = n % TARGETS;
    let signal = 0;
    for (let v = 0; v < voxels; v++) signal += ((x[i * voxels + v] ?? 0) - (mean[v] ?? 0)) * (w[v * TARGETS + t] ?? 0);
    return (signal * t) / 2 + 4 * Math.sqrt(voxels / 12) * (e[n] ?? 0) + 50;
  });
  return {
    x: f32([rows, voxels], Float32Array.from(x.subarray(0, rows * voxels))),
    y: f32([rows, TARGETS], Float32Array.from(y.subarray(0, rows * TARGETS))),
    fresh: f32([NEW, voxels], Float32Array.from(x.subarray(rows * voxels))),
  };
}

export function goldenFolds(rows: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, i) => Math.floor((i * 7) / 3) % 4);
}

/** Rows of a matrix that pass. */
export function where(matrix: F32, keep: (row: number) => boolean): F32 {
  const [rows = 0, width = 0] = matrix.shape;
  const kept: number[] = [];
  let count = 0;
  for (let i = 0; i < rows; i++) {
    if (!keep(i)) continue;
    count++;
    kept.push(...matrix.data.subarray(i * width, (i + 1) * width));
  }
  return f32([count, width], kept);
}

/**
 * Ridge with intercept for one target column: centre, form the normal equations, Gaussian elimination with partial pivoting, predict.
 * Everything in float64 and as slow as it looks.
 */
export function slowRidge(x: F32, y: F32, target: number, alpha: number, fresh: F32, zscore = false): Float64Array {
  const [rows = 0, voxels = 0] = x.shape;
  const width = y.shape[1] ?? 0;
  const mean = new Float64Array(voxels);
  const scale = new Float64Array(voxels).fill(1);
  for (let v = 0; v < voxels; v++) {
    for (let i = 0; i < rows; i++) mean[v] = (mean[v] ?? 0) + (x.data[i * voxels + v] ?? 0) / rows;
    if (!zscore) continue;
    let squares = 0;
    for (let i = 0; i < rows; i++) squares += ((x.data[i * voxels + v] ?? 0) - (mean[v] ?? 0)) ** 2;
    scale[v] = Math.sqrt(squares / rows);
  }
  const at = (array: F32, i: number, v: number): number => ((array.data[i * voxels + v] ?? 0) - (mean[v] ?? 0)) / (scale[v] ?? 1);
  let yMean = 0;
  for (let i = 0; i < rows; i++) yMean += (y.data[i * width + target] ?? 0) / rows;
  // Augmented system [X'X + alpha I | X'y].
  const stride = voxels + 1;
  const a = new Float64Array(voxels * stride);
  for (let u = 0; u < voxels; u++) {
    for (let v = 0; v < voxels; v++) for (let i = 0; i < rows; i++) a[u * stride + v] = (a[u * stride + v] ?? 0) + at(x, i, u) * at(x, i, v);
    a[u * stride + u] = (a[u * stride + u] ?? 0) + alpha;
    for (let i = 0; i < rows; i++) a[u * stride + voxels] = (a[u * stride + voxels] ?? 0) + at(x, i, u) * ((y.data[i * width + target] ?? 0) - yMean);
  }
  for (let k = 0; k < voxels; k++) {
    let pivot = k;
    for (let i = k + 1; i < voxels; i++) if (Math.abs(a[i * stride + k] ?? 0) > Math.abs(a[pivot * stride + k] ?? 0)) pivot = i;
    for (let j = 0; j < stride; j++) {
      const held = a[k * stride + j] ?? 0;
      a[k * stride + j] = a[pivot * stride + j] ?? 0;
      a[pivot * stride + j] = held;
    }
    for (let i = 0; i < voxels; i++) {
      if (i === k) continue;
      const factor = (a[i * stride + k] ?? 0) / (a[k * stride + k] ?? 1);
      for (let j = k; j < stride; j++) a[i * stride + j] = (a[i * stride + j] ?? 0) - factor * (a[k * stride + j] ?? 0);
    }
  }
  return Float64Array.from({ length: fresh.shape[0] ?? 0 }, (_, i) => {
    let sum = yMean;
    for (let v = 0; v < voxels; v++) sum += at(fresh, i, v) * ((a[v * stride + voxels] ?? 0) / (a[v * stride + v] ?? 1));
    return sum;
  });
}
