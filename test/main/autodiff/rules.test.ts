/**
 * Every rule against the definition of a derivative, in random directions and away from kinks. The derivatives are taken in float64 by the reference
 * evaluator of the ONNX standard (test/golden/autodiff); our gradient graph is run by the runtime. Seeds are printed on failure.
 */
import { describe, expect, it } from 'vitest';
import { FORBIDDEN, NO_GRADIENT, RULES } from '../../../main/autodiff/rules/index.ts';
import { WRITTEN_OUT } from '../../../main/onnx/edit/decompose.ts';
import { OPS } from '../../../main/onnx/ops.ts';
import { CASES } from './cases.ts';
import { casePlans } from './plan.ts';
import { check, GRADE, readReference } from './reference.ts';

const tested = new Set<string>(CASES.map((each) => each.op));

describe('the lists of operators', () => {
  it('put every known operator in exactly one of: rule, no gradient, forbidden, written out', () => {
    for (const op of Object.keys(OPS)) {
      const lists = [Object.hasOwn(RULES, op), Object.hasOwn(NO_GRADIENT, op), Object.hasOwn(FORBIDDEN, op), Object.hasOwn(WRITTEN_OUT, op)].filter(Boolean).length;
      expect(lists, `${op} is in ${lists} lists`).toBe(1);
    }
  });
  it('test every rule', () => { expect(Object.keys(RULES).filter((op) => !tested.has(op))).toEqual([]); });
});

describe('gradient rules', () => {
  const reference = readReference();
  it.each(casePlans())('$key', async (plan) => {
    const found = await check(plan, reference);
    expect(found.map((each) => each.name)).toEqual(plan.wrt);
    for (const { name, numeric, analytic, error, grade } of found) expect(error, `d/d${name} (${grade}): numeric ${numeric}, analytic ${analytic}, seed ${plan.seed}`).toBeLessThan(GRADE[grade]);
  });
});
