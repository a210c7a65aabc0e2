/**
 * Writes every gradient check as models, feeds, cotangents and directions for `directions.py`: node test/golden/autodiff/write.ts FILE
 * (Node 24 runs it as it is.) Run again when cases, seeds or the standard's node tests change.
 */
import { writeFileSync } from 'node:fs';
import type { NdArray } from '../../../common/ndarray.ts';
import { RULES } from '../../../main/autodiff/rules/index.ts';
import { WRITTEN_OUT } from '../../../main/onnx/edit/decompose.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { casePlans, standardPlan } from '../../main/autodiff/plan.ts';
import type { Plan } from '../../main/autodiff/plan.ts';
import { readStandardTests } from '../../main/autodiff/standard-nodes.ts';

const base64 = (view: ArrayBufferView): string => Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64');
const array = (value: NdArray): object => ({ dtype: value.dtype, shape: value.shape, data: base64(value.data) });
const table = <T>(values: Readonly<Record<string, T>>, write: (value: T) => unknown): object => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, write(value)]));

const plans: Plan[] = [...casePlans()];
for (const test of readStandardTests().tests) {
  if (test.foreign.length > 0 || !(Object.hasOwn(RULES, test.op) || Object.hasOwn(WRITTEN_OUT, test.op))) continue;
  try {
    const plan = standardPlan(test);
    if (plan !== null) plans.push(plan);
  } catch (error) {
    process.stderr.write(`${test.name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
writeFileSync(process.argv[2] ?? 'plans.json', JSON.stringify(plans.map((plan) => ({
  key: plan.key, model: base64(writeModel(plan.graph)), feeds: table(plan.feeds, array), wrt: plan.wrt, cotangents: table(plan.cotangents, base64), directions: table(plan.directions, base64),
}))));
process.stderr.write(`${plans.length} checks\n`);
