/**
 * Every node test of the ONNX standard suite whose operator is in the house's table: our reader, writer, shape inference and the runtime give the
 * standard's outputs; and where the operator has a gradient, the gradient passes the check of random directions in float64.
 */
import { describe, expect, it } from 'vitest';
import type { NdArray } from '../../../common/ndarray.ts';
import { RULES } from '../../../main/autodiff/rules/index.ts';
import { decompose, WRITTEN_OUT } from '../../../main/onnx/edit/decompose.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { inferShapes } from '../../../main/onnx/shape.ts';
import { openSession } from '../../../main/runtime/session.ts';
import { difference } from '../../support/close.ts';
import { bound, standardPlan } from './plan.ts';
import { check, GRADE, readReference } from './reference.ts';
import type { StandardTest } from './standard-nodes.ts';
import { readStandardTests } from './standard-nodes.ts';

const { suite, tests } = readStandardTests();
const reference = readReference();
/** The suite's own tolerance (1e-3 relative), and float32 rounding of values near zero. */
const AGREEMENT = { relative: 1e-3, absolute: 1e-5 };
/** Two roundings of a half: sums in another order. */
const HALF = { relative: 2e-3, absolute: 1e-3 };

/** Tests that the house cannot read, by what they hold: refused by the reader with the name of the type. */
const unreadable = (test: StandardTest): boolean => test.foreign.length > 0;
/** Tests that the bundled runtime cannot do although the standard can. Each must still fail, or this list is out of date. */
const RUNTIME_LACKS: Readonly<Record<string, RegExp>> = {
  'an element type of this operator': /^test_celu_float16$|^test_(max|min)_u?int16$|^test_pow_types_float32_uint(32|64)$|^test_top_k_uint64$|^test_clip_default_int8_(min|max)_expanded$|^test_reduce_max_empty_set_bool$|^test_range_float16_type/,
  'the remainder of floats without fmod': /^test_mod_float.*_fmod_0/,
  'attribute mode of SpaceToDepth (opset 28)': /^test_spacetodepth_(dcr|crd)_mode_example$/,
  'a broken number of samples with align_corners (it rounds first)': /^test_resize_downsample_scales_(linear|cubic)_align_corners$/,
  'the random numbers of training dropout': /^test_dropout_random_old$|^test_training_dropout_(default|default_mask)$|^test_training_dropout(_mask)?$/,
};
/** Forms of an operator that its rule refuses by name. */
const REFUSED: readonly (readonly [RegExp, RegExp])[] = [
  [/^test_batchnorm_.*_training_mode$/, /training form/], [/^test_training_dropout/, /training mode/],
  [/^test_dropout_default_old$/, /operator set 11/], [/^test_dropout_random_old$/, /not supported: ratio/],
];
/** Written-out attention where a row of the softmax is NaN: 0 x NaN stays NaN, in PyTorch too. The fused operator itself passes. */
const NAN_INSIDE = /^test_attention_(causal_boolmask_nan_robustness|23_boolmask_fullymasked_row_nan_robustness|4d_causal_nonpad_negative_offset_structural_empty|2[34]_fullymasked_qk_matmul_output_mode3_zero|local_window_gqa_rank4_mask)_expanded/;

const lacking = (test: StandardTest): boolean => Object.values(RUNTIME_LACKS).some((pattern) => pattern.test(test.name));
const differentiable = (test: StandardTest): boolean => Object.hasOwn(RULES, test.op) || Object.hasOwn(WRITTEN_OUT, test.op);
const refusal = (test: StandardTest): RegExp | undefined => REFUSED.find(([pattern]) => pattern.test(test.name))?.[1];

/** Disagreements with the standard, in words. */
async function forward(test: StandardTest): Promise<readonly string[]> {
  // Attention runs as we write it out: the bundled runtime's own knows no windows and not every mask.
  const { graph, feeds } = bound(test), known = inferShapes(graph), problems: string[] = [], run = Object.hasOwn(WRITTEN_OUT, test.op) && !test.expanded ? decompose(graph) : graph;
  const session = await openSession({ bytes: writeModel(run), name: test.name }, { threads: 1, quiet: true });
  try {
    const results = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, feed]): readonly [string, NdArray] => [name, widened(feed)])));
    test.expected.forEach(({ shape, at, values }, i) => {
      const name = graph.outputs[i]?.name ?? '', operand = known.get(name), result = results[name];
      const inferred = operand?.shape ?? null, fits = operand?.dtype === values.dtype && (inferred === null || (inferred.length === shape.length && inferred.every((dim, axis) => typeof dim !== 'number' || dim === shape[axis])));
      if (!fits) problems.push(`${name} was inferred as ${operand?.dtype ?? '?'}[${inferred?.join(', ') ?? '?'}], it is ${values.dtype}[${shape.join(', ')}]`);
      if (result === undefined || result.shape.join() !== shape.join()) { problems.push(`${name} has shape [${result?.shape.join(', ') ?? ''}], not [${shape.join(', ')}]`); return; }
      const all = numbers(result), wrong = difference(at === null ? all : at.map((index) => all[index] ?? Number.NaN), numbers(widened(values)), values.dtype === 'float16' ? HALF : AGREEMENT);
      if (wrong !== null && !sameNaN(at === null ? all : at.map((index) => all[index] ?? Number.NaN), numbers(widened(values)))) problems.push(`${name}: ${wrong}`);
    });
  } finally { await session.release(); }
  return problems;
}

/** Half precision as float32, as sessions take it. */
function widened(array: NdArray): NdArray {
  if (array.dtype !== 'float16' || !(array.data instanceof Uint16Array)) return array;
  return { dtype: 'float32', shape: array.shape, data: Float32Array.from(array.data, (bits) => {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    return exponent === 31 ? (fraction === 0 ? sign * Infinity : Number.NaN) : exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }) };
}

const numbers = (array: NdArray): number[] => Array.from(array.data as ArrayLike<number | bigint>, Number);
/** NaN where NaN is expected, everything else within the tolerance. */
const sameNaN = (found: readonly number[], expected: readonly number[]): boolean =>
  expected.some(Number.isNaN) && found.every((value, i) => Number.isNaN(value) === Number.isNaN(expected[i] ?? 0))
  && difference(found.filter((value) => !Number.isNaN(value)), expected.filter((value) => !Number.isNaN(value)), AGREEMENT) === null;

describe('the suite', () => {
  it('has tests of every operator with a gradient rule', () => {
    const without = Object.keys(RULES).filter((op) => (suite[op] ?? 0) === 0);
    expect(without).toEqual([]);
    for (const op of Object.keys(RULES)) expect(tests.filter((test) => test.op === op && !test.expanded).length, op).toBe(suite[op]);
  });

  it.each(tests.filter(unreadable))('holds what the house does not read, refused by name: $name', (test) => {
    expect(() => bound(test)).toThrow(/not supported|has no value/);
  });

  it.each(tests.filter((test) => !unreadable(test) && lacking(test)))('asks for more than the runtime has: $name', async (test) => {
    const outcome = await forward(test).catch((error: unknown) => [String(error)]);
    expect(outcome.length).toBeGreaterThan(0);
  });
});

describe('forward', () => {
  it.each(tests.filter((test) => !unreadable(test) && !lacking(test) && !/^test_range_.*_expanded$/.test(test.name)))('$name', async (test) => { expect(await forward(test)).toEqual([]); });
  it.each(tests.filter((test) => /^test_range_.*_expanded$/.test(test.name)))('a loop over values that are not tensors is refused: $name', (test) => {
    expect(() => readModel(test.bytes, test.name)).toThrow(/not number tensors|not supported/);
  });
});

describe('gradients', () => {
  const asked = tests.filter((test) => !unreadable(test) && differentiable(test));
  it.each(asked.filter((test) => refusal(test) !== undefined))('refused by name: $name', (test) => { expect(() => standardPlan(test)).toThrow(refusal(test)); });

  it.each(asked.filter((test) => refusal(test) === undefined && !lacking(test)))('$name', async (test) => {
    const plan = standardPlan(test);
    if (plan === null) return;
    const found = await check(plan, reference);
    if (NAN_INSIDE.test(test.name)) { expect(found.some(({ analytic }) => Number.isNaN(analytic))).toBe(true); return; }
    for (const { name, numeric, analytic, error, grade } of found) expect(error, `d/d${name} (${grade}): numeric ${numeric}, analytic ${analytic}, seed ${plan.seed}`).toBeLessThan(GRADE[grade]);
  });
});
