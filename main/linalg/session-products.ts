/**
 * Products on ONNX Runtime. Each operation is a graph of one to five nodes with symbolic extents, opened once and kept: a session per form,
 * dtype and sign, whatever the sizes (memory patterns are off, so sizes may change from run to run).
 */
import { availableParallelism } from 'node:os';
import { graphBuilder } from '../onnx/build.ts';
import { writeModel } from '../onnx/protobuf/write.ts';
import { openSession } from '../runtime/session.ts';
import { compilePackedKernel } from './packed-kernel.ts';
import { LARGEST_BYTES, ofType, productShape } from './products.ts';
import { solveOnThreads } from './subsystem-threads.ts';
import { solveInTurn } from './subsystems.ts';
import { BYTES } from '../../common/ndarray.ts';
import type { NdArray } from '../../common/ndarray.ts';
import type { GraphBuilder } from '../onnx/build.ts';
import type { Session, SessionOptions } from '../runtime/session.ts';
import type { Form, Matrix, Products, Real, ResidualSums } from './products.ts';

const TRANSPOSED: { readonly [F in Form]: { readonly transA: number; readonly transB: number } } = {
  ab: { transA: 0, transB: 0 }, aTb: { transA: 1, transB: 0 }, abT: { transA: 0, transB: 1 },
};

/** y = sign op(a) op(b) [+ base] */
function productGraph(form: Form, dtype: Real, base: boolean, sign: 1 | -1): GraphBuilder {
  const b = graphBuilder(`product-${form}`);
  const left = b.input('a', dtype, form === 'aTb' ? ['inner', 'rows'] : ['rows', 'inner']);
  const right = b.input('b', dtype, form === 'abT' ? ['columns', 'inner'] : ['inner', 'columns']);
  const start = base ? b.input('base', dtype, ['rows', 'columns']) : null;
  b.output(b.gemm(left, right, start, { ...TRANSPOSED[form], alpha: sign, beta: 1 }), 'y');
  return b;
}

/** Column sums of (target - prediction)^2, prediction, prediction^2; prediction = sum of `terms` products. */
function residualGraph(terms: number): GraphBuilder {
  const b = graphBuilder(`residual-sums-${terms}`);
  const target = b.input('target', 'float32', ['rows', 'columns']);
  let prediction = null;
  for (let i = 0; i < terms; i++) {
    const left = b.input(`left${i}`, 'float32', ['rows', `inner${i}`]);
    const right = b.input(`right${i}`, 'float32', [`inner${i}`, 'columns']);
    prediction = b.gemm(left, right, prediction);
  }
  if (prediction === null) throw new RangeError('a prediction has at least one term');
  const axes = { axes: [0], keepdims: 0 };
  b.output(b.node('ReduceSumSquare', [b.sub(target, prediction)], axes), 'squaredError');
  b.output(b.reduceSum(prediction, [0]), 'prediction');
  b.output(b.node('ReduceSumSquare', [prediction], axes), 'squaredPrediction');
  return b;
}

export interface ProductsOptions extends SessionOptions {
  /** Program of the threads that solve subsystems (`main/entry/subsystem-worker`); without it they are solved on the caller's thread, to the same bits. */
  readonly subsystemWorker?: string;
}

/** Multiply-adds that outweigh the start of a thread (some 30 ms). */
const WORTH_A_THREAD = 2e8;

/** Opens nothing until the first product. `options` choose provider and threads. */
export function sessionProducts(options: ProductsOptions = {}): Products {
  let kernel: WebAssembly.Module | null = null;
  const sessions = new Map<string, Promise<Session>>();
  const open = (key: string, graph: () => GraphBuilder): Promise<Session> => {
    const held = sessions.get(key);
    if (held !== undefined) return held;
    const opened = openSession({ bytes: writeModel(graph().build()), name: key }, options);
    sessions.set(key, opened);
    return opened;
  };
  const product = async <D extends Real>(form: Form, a: Matrix<D>, b: Matrix<D>, base: Matrix<D> | null, sign: 1 | -1): Promise<Matrix<D>> => {
    const { rows, columns } = productShape(form, a, b);
    if (rows * columns * BYTES[a.dtype] > LARGEST_BYTES) throw new RangeError(`a product of [${rows}, ${columns}] ${a.dtype} exceeds ${LARGEST_BYTES} bytes; work in blocks`);
    const session = await open(`product ${form} ${a.dtype} ${base === null ? 'new' : 'base'} ${sign}`, () => productGraph(form, a.dtype, base !== null, sign));
    const feeds: Record<string, NdArray> = base === null ? { a, b } : { a, b, base };
    const { y } = await session.run(feeds);
    return ofType(y, a.dtype);
  };
  return {
    multiply: (form, a, b) => product(form, a, b, null, 1),
    accumulate: (base, sign, form, a, b) => product(form, a, b, base, sign),
    solveSubsystems: async (systems, run) => {
      kernel ??= compilePackedKernel();
      const useful = Math.min(options.threads ?? availableParallelism(), systems.count, Math.floor((systems.count * systems.size ** 3) / 6 / WORTH_A_THREAD));
      if (useful < 2 || options.subsystemWorker === undefined) await solveInTurn(systems, kernel, run);
      else await solveOnThreads(systems, kernel, options.subsystemWorker, useful, run);
    },
    residualSums: async (terms, target): Promise<ResidualSums> => {
      const session = await open(`residual sums of ${terms.length}`, () => residualGraph(terms.length));
      const feeds: Record<string, NdArray> = { target };
      terms.forEach(({ left, right }, i) => { feeds[`left${i}`] = left; feeds[`right${i}`] = right; });
      const { squaredError, prediction, squaredPrediction } = await session.run(feeds);
      return {
        squaredError: ofType(squaredError, 'float32').data,
        prediction: ofType(prediction, 'float32').data,
        squaredPrediction: ofType(squaredPrediction, 'float32').data,
      };
    },
    release: async () => {
      for (const session of sessions.values()) await (await session).release();
      sessions.clear();
    },
  };
}
