/** Directional derivatives in float64 by the standard's reference evaluator (test/golden/autodiff/directions.json). */
import { readFileSync } from 'node:fs';
import type { NdArray } from '../../../common/ndarray.ts';
import { ndarray } from '../../../common/ndarray.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { openSession } from '../../../main/runtime/session.ts';
import { directions, dot, like, real } from './direction.ts';
import type { Direction } from './direction.ts';
import type { Plan } from './plan.ts';
import { random } from '../../../common/random.ts';

type Checks = Readonly<Record<string, Readonly<Record<string, number | null>> | string>>;

export function readReference(): Checks {
  return (JSON.parse(readFileSync(new URL('../../golden/autodiff/directions.json', import.meta.url), 'utf8')) as { readonly checks: Checks }).checks;
}

/**
 * Largest error of a direction. Against the reference: rounding of a gradient computed in float32 (the worst of 2000 checks is 1.2e-6).
 * Against the runtime's own difference in float32: truncation and rounding balance near 5e-3.
 */
export const GRADE = { 'float64 reference': 1e-5, 'runtime difference': 2e-2 } as const;

export interface Checked extends Direction {
  readonly grade: 'float64 reference' | 'runtime difference';
}

/**
 * The gradient graph, run by the runtime, against the reference's derivative; where the reference evaluator cannot do an operator (it says why),
 * against the runtime's own central difference. Throws where the reference has not been made for this plan.
 */
export async function check(plan: Plan, reference: Checks): Promise<readonly Checked[]> {
  const expected = reference[plan.key];
  if (expected === undefined) throw new Error(`directions.json has no check "${plan.key}"; make it again (test/golden/autodiff/README.md)`);
  const outputs = new Map(plan.gradient.outputs.map((output) => [output.name, output] as const));
  const cotangents = Object.fromEntries(Object.entries(plan.cotangents).map(([name, w]): readonly [string, NdArray] => {
    const info = outputs.get(name), shape = (info?.shape ?? []).map(Number);
    return [name, like(ndarray(info?.dtype === 'float64' ? 'float64' : 'float32', shape, info?.dtype === 'float64' ? w : Float32Array.from(w)), w)];
  }));
  const backward = await openSession({ bytes: writeModel(plan.gradient), name: plan.key }, { threads: 1, quiet: true });
  try {
    if (typeof expected === 'string') {
      const forward = await openSession({ bytes: writeModel(plan.graph), name: plan.key }, { threads: 1, quiet: true });
      try {
        const found = await directions((feeds) => forward.run(feeds), (feeds) => backward.run(feeds), plan.feeds, plan.wrt, cotangents, random(plan.seed));
        return found.map((each) => ({ ...each, grade: 'runtime difference' }));
      } finally { await forward.release(); }
    }
    const gradients = await backward.run({ ...plan.feeds, ...Object.fromEntries(Object.entries(cotangents).map(([name, w]) => [`${name}_grad`, w])) });
    return plan.wrt.filter((name) => expected[name] !== null).map((name) => {
      const gradient = gradients[`${name}_grad`], v = plan.directions[name], numeric = expected[name];
      if (gradient === undefined || v === undefined || numeric === undefined || numeric === null || gradient.shape.join() !== plan.feeds[name]?.shape.join()) throw new Error(`no gradient of ${name} in its shape`);
      const g = real(gradient), analytic = dot(g, v);
      return { name, numeric, analytic, error: Math.abs(numeric - analytic) / Math.max(1, Math.sqrt(dot(g, g)) * Math.sqrt(dot(v, v)) / Math.sqrt(Math.max(1, v.length))), grade: 'float64 reference' };
    });
  } finally { await backward.release(); }
}
