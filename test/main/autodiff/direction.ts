/**
 * The check of a gradient by its definition: <v, J^T w> against the central difference of <w, f(x + h v)> for random v and w
 * (after autograd's test of random directions).
 */
import { f32, ndarray } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import type { Random } from '../../../common/random.ts';

export type Feeds = Readonly<Record<string, NdArray>>;
export type Run = (feeds: Feeds) => Promise<Record<string, NdArray>>;

/** Central differences with step h err by O(h^2) and by rounding/h: in float32 the two balance near 5e-3 relative. */
const STEP = { float32: 1e-2, float64: 1e-5 } as const;

export interface Direction {
  readonly name: string;
  readonly numeric: number;
  readonly analytic: number;
  /** |numeric - analytic| as a share of what a random direction typically gives, at least 1. */
  readonly error: number;
}

export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => { let sum = 0; for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0); return sum; };

/** Elements of a floating array as numbers; integers and half precision have no place here. */
export function real(array: NdArray | undefined): Float32Array | Float64Array {
  if (array?.data instanceof Float32Array || array?.data instanceof Float64Array) return array.data;
  throw new Error(`expected float32 or float64, found ${array?.dtype ?? 'nothing'}`);
}

export function like(array: NdArray, values: Float64Array): NdArray {
  return array.dtype === 'float64' ? ndarray('float64', array.shape, values) : f32(array.shape, Float32Array.from(values));
}

/** One random direction for each input; `backward` runs the gradient graph. */
export async function directions(forward: Run, backward: Run, feeds: Feeds, wrt: readonly string[], cotangents: Feeds, source: Random): Promise<readonly Direction[]> {
  const gradients = await backward({ ...feeds, ...Object.fromEntries(Object.entries(cotangents).map(([name, w]) => [`${name}_grad`, w])) });
  const found: Direction[] = [];
  for (const name of wrt) {
    const x = feeds[name], gradient = gradients[`${name}_grad`];
    if (x === undefined || gradient === undefined || gradient.shape.join() !== x.shape.join()) throw new Error(`no gradient of ${name} in its shape`);
    const values = real(x), g = real(gradient), step = x.dtype === 'float64' ? STEP.float64 : STEP.float32;
    const v = Float64Array.from({ length: values.length }, () => source.normal());
    const moved = async (sign: number): Promise<number> => {
      const y = await forward({ ...feeds, [name]: like(x, Float64Array.from(v, (each, i) => (values[i] ?? 0) + sign * step * each)) });
      return Object.entries(cotangents).reduce((sum, [output, w]) => sum + dot(real(y[output]), real(w)), 0);
    };
    const numeric = (await moved(1) - await moved(-1)) / (2 * step), analytic = dot(g, v);
    const scale = Math.max(1, Math.sqrt(dot(g, g)) * Math.sqrt(dot(v, v)) / Math.sqrt(Math.max(1, v.length)));
    found.push({ name, numeric, analytic, error: Math.abs(numeric - analytic) / scale });
  }
  return found;
}
