/** Products. With Y = A B: dA = dY B^T, dB = A^T dY. */
import { ndarray } from '../../../common/ndarray.ts';
import type { GraphBuilder, Ref } from '../../onnx/build.ts';
import { einsumTerms } from '../../onnx/einsum.ts';
import { ALL_OPSETS, cotangent, dims, input, number, range, unsupported } from '../rule.ts';
import type { Rule } from '../rule.ts';

/** Last two axes exchanged; once for each value, which parts of a cut chain share. */
export function turned(b: GraphBuilder, x: Ref): Ref {
  const rank = dims(x).length;
  return b.shared(`turned ${x.name}`, () => b.transpose(x, [...range(rank - 2), rank - 1, rank - 2]));
}

/** `[..., m] x [k, m]^T`, by the product that reads its second factor turned: a weight is not copied. */
function timesTurned(b: GraphBuilder, x: Ref, w: Ref): Ref {
  const lead = dims(x).slice(0, -1), rows = lead.reduce((product, extent) => product * extent, 1);
  return b.reshape(b.gemm(b.reshape(x, [rows, dims(x).at(-1) ?? 0]), w, null, { transB: 1 }), [...lead, dims(w)[0] ?? 0]);
}

/** `A^T Y` over the last two axes. Turning A costs a copy of it; where Y and the result are smaller they are turned instead. */
function turnedTimes(b: GraphBuilder, a: Ref, y: Ref): Ref {
  const [n = 1, k = 1] = dims(a).slice(-2), m = dims(y).at(-1) ?? 1;
  return n * k > (n + k) * m ? turned(b, b.matMul(turned(b, y), a)) : b.matMul(turned(b, a), y);
}

export const MAT_MUL: Rule<'MatMul'> = {
  op: 'MatMul', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, a = input(c, 0), w = input(c, 1), sa = dims(a), sw = dims(w), dy = cotangent(c);
    // 1. Vectors become matrices: [k] -> [1, k] on the left, [k, 1] on the right.
    const left = sa.length === 1 ? b.reshape(a, [1, ...sa]) : a, right = sw.length === 1 ? b.reshape(w, [...sw, 1]) : w;
    let dyMatrix = dy;
    if (sw.length === 1) dyMatrix = b.unsqueeze(dyMatrix, [dims(dyMatrix).length]);
    if (sa.length === 1) dyMatrix = b.unsqueeze(dyMatrix, [dims(dyMatrix).length - 1]);
    const plain = dims(right).length === 2 && dims(left).length > 2; // [..., n, k] x [k, m]: one tall product
    let da: Ref | null = null, dw: Ref | null = null;
    if (c.needs[0] === true) da = plain ? timesTurned(b, dyMatrix, right) : b.matMul(dyMatrix, turned(b, right));
    if (c.needs[1] === true) {
      if (plain) {
        const k = dims(left).at(-1) ?? 0, m = dims(dyMatrix).at(-1) ?? 0, n = dims(left).slice(0, -1).reduce((p, s) => p * s, 1);
        dw = b.matMul(turned(b, b.reshape(left, [n, k])), b.reshape(dyMatrix, [n, m]));
      } else dw = turnedTimes(b, left, dyMatrix);
    }
    // 2. Back to vectors; batch axes that were broadcast are summed by the walker once the trailing axes agree.
    return [da !== null && sa.length === 1 ? vector(b, da, 'left') : da, dw !== null && sw.length === 1 ? vector(b, dw, 'right') : dw];
  },
};

/** `[..., 1, k]` or `[..., k, 1]` to `[..., k]`. */
function vector(b: GraphBuilder, x: Ref, side: 'left' | 'right'): Ref {
  const rank = dims(x).length;
  return b.squeeze(x, [side === 'left' ? rank - 2 : rank - 1]);
}

/** Y = alpha A' B' + beta C */
export const GEMM: Rule<'Gemm'> = {
  op: 'Gemm', opsets: ALL_OPSETS,
  vjp(c) {
    const { b, attributes: { alpha, beta, transA, transB } } = c, a = input(c, 0), w = input(c, 1), dy = cotangent(c);
    const da = transA === 1 ? b.gemm(w, dy, null, { alpha, transA: transB, transB: 1 }) : b.gemm(dy, w, null, { alpha, transB: 1 - transB });
    const dw = c.needs[1] !== true ? null : transB === 1 ? b.gemm(dy, a, null, { alpha, transA: 1, transB: transA }) : b.gemm(a, dy, null, { alpha, transA: 1 - transA });
    return [c.needs[0] === true ? da : null, dw, c.needs[2] === true ? (beta === 1 ? dy : b.mul(dy, number(b, beta, dy.dtype))) : null];
  },
};

/**
 * The gradient of one term is the Einsum of dy with all other terms; letters only that term has are spread. A letter that a term repeats reads a
 * diagonal: its gradient is put on the diagonal by a product with the identity.
 */
export const EINSUM: Rule<'Einsum'> = {
  op: 'Einsum', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, written = einsumTerms(c.attributes.equation, c.inputs.map((_, i) => dims(input(c, i)).length));
    if (written === null) throw unsupported(c.node, 'known ranks', c.attributes.equation);
    const { terms, result } = written;
    return terms.map((term, i) => {
      if (c.needs[i] !== true) return null;
      const shape = dims(input(c, i)), others = terms.map((other, k) => ({ other, ref: input(c, k) })).filter((_, k) => k !== i);
      // 1. Repeated letters get one of their own, tied to the first by an identity.
      const spare = Array.from('abcdefghijklmnopqrstuvwxyz').filter((letter) => !terms.join('').includes(letter) && !result.includes(letter)), ties: { other: string; ref: Ref }[] = [];
      const own = [...term].map((letter, axis) => {
        if (term.indexOf(letter) === axis) return letter;
        const fresh = spare.shift();
        if (fresh === undefined) throw unsupported(c.node, 'fewer letters', c.attributes.equation);
        ties.push({ other: letter + fresh, ref: identity(b, shape[axis] ?? 1, input(c, i)) });
        return fresh;
      });
      const factors = [...others, ...ties], seen = new Set([...result, ...factors.flatMap(({ other }) => [...other])]), inside = own.filter((letter) => seen.has(letter)).join('');
      // 2. The product, where an operand was broadcast by "..." summed by the walker.
      const product = b.einsum(`${[result, ...factors.map(({ other }) => other)].join(',')}->${inside}`, cotangent(c), ...factors.map(({ ref }) => ref));
      // 3. Letters summed inside this term alone, or met by extents of 1 elsewhere: the same gradient along them.
      const made = dims(product), placed = own.map((letter) => (seen.has(letter) ? (made[inside.indexOf(letter)] ?? 1) : 1)), whole = placed.map((extent, axis) => Math.max(extent, shape[axis] ?? 1));
      const spread = inside === own.join('') ? product : b.reshape(product, placed);
      return whole.every((extent, axis) => extent === placed[axis]) ? spread : b.expand(spread, whole);
    });
  },
};

function identity(b: GraphBuilder, extent: number, like: Ref): Ref {
  const data = new Float32Array(extent * extent);
  for (let i = 0; i < extent; i++) data[i * extent + i] = 1;
  return b.cast(b.constant(ndarray('float32', [extent, extent], data), 'identity'), like.dtype);
}
