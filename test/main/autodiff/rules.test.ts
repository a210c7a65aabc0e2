/**
 * Every rule against the definition of a derivative, in random directions (Gradient check after autograd's: <v, J^T w> against the
 * central difference of <w, f(x + h v)>), in double precision where the runtime computes it, away from kinks. Seeds are printed on failure.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { vjp } from '../../../main/autodiff/backward.ts';
import { FORBIDDEN, NO_GRADIENT, RULES } from '../../../main/autodiff/rules/index.ts';
import { OPS } from '../../../main/onnx/ops.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { openSession } from '../../../main/runtime/session.ts';
import type { Session } from '../../../main/runtime/session.ts';
import { CASES, buildCase } from './cases.ts';

/** Central differences with step h err by O(h^2) and by rounding/h: in float32 the two balance near 5e-3 relative. */
const TOLERANCE = { float32: 2e-2, float64: 1e-6 } as const;
const STEP = { float32: 1e-2, float64: 1e-5 } as const;
const DIRECTIONS = 3;

const tested = new Set<string>(CASES.map((each) => each.op));

describe('the lists of operators', () => {
  it('put every known operator in exactly one of: rule, no gradient, forbidden', () => {
    for (const op of Object.keys(OPS)) {
      const lists = [Object.hasOwn(RULES, op), Object.hasOwn(NO_GRADIENT, op), Object.hasOwn(FORBIDDEN, op)].filter(Boolean).length;
      expect(lists, `${op} is in ${lists} lists`).toBe(1);
    }
  });
  it('test every rule', () => { expect(Object.keys(RULES).filter((op) => !tested.has(op))).toEqual([]); });
});

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => { let sum = 0; for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0); return sum; };

describe('gradient rules', () => {
  const sessions: Session[] = [];
  afterAll(async () => { for (const session of sessions) await session.release(); });

  it.each(CASES.map((each, index) => ({ ...each, index })))('$op: $title', async (each) => {
    const seed = 1000 + each.index, source = random(seed);
    const { graph, feeds, wrt, dtype, outputs } = buildCase(each, source);
    const forward = await openSession({ bytes: writeModel(graph) });
    const backward = await openSession({ bytes: writeModel(vjp(graph, { wrt })) });
    sessions.push(forward, backward);
    const run = async (given: Readonly<Record<string, NdArray>>): Promise<Record<string, NdArray>> => forward.run(given);
    const base = await run(feeds);
    const make = (shape: readonly number[], values: Float64Array): NdArray => (dtype === 'float64' ? ndarray('float64', shape, values) : f32(shape, Float32Array.from(values)));
    for (let direction = 0; direction < DIRECTIONS; direction++) {
      const weights: Record<string, NdArray> = {};
      for (const name of outputs) {
        const y = base[name];
        if (y === undefined) throw new Error(`no output ${name}`);
        weights[name] = make(y.shape, Float64Array.from({ length: y.data.length }, () => source.normal()));
      }
      const gradients = await backward.run({ ...feeds, ...Object.fromEntries(Object.entries(weights).map(([name, w]) => [`${name}_grad`, w])) });
      for (const name of wrt) {
        const x = feeds[name], gradient = gradients[`${name}_grad`];
        if (x === undefined || gradient === undefined) throw new Error(`no gradient of ${name}`);
        expect(gradient.shape).toEqual(x.shape);
        const v = Float64Array.from({ length: x.data.length }, () => source.normal());
        const moved = async (sign: number): Promise<number> => {
          const shifted = make(x.shape, Float64Array.from({ length: v.length }, (_, i) => Number(x.data[i]) + sign * STEP[dtype] * (v[i] ?? 0)));
          const y = await run({ ...feeds, [name]: shifted });
          return outputs.reduce((sum, output) => sum + dot(y[output]?.data as Float32Array, weights[output]?.data as Float32Array), 0);
        };
        const numeric = (await moved(1) - await moved(-1)) / (2 * STEP[dtype]);
        const analytic = dot(gradient.data as Float32Array, v);
        const scale = Math.max(1, Math.sqrt(dot(gradient.data as Float32Array, gradient.data as Float32Array)) * Math.sqrt(dot(v, v)) / Math.sqrt(v.length));
        expect(Math.abs(numeric - analytic) / scale, `${each.op} (${each.title}) d/d${name}: numeric ${numeric}, analytic ${analytic}, seed ${seed}`).toBeLessThan(TOLERANCE[dtype]);
      }
    }
  });
});
