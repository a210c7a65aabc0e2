/**
 * Sessions: one ONNX model opened by ONNX Runtime, fed with and answering NdArrays. The only file that builds runtime tensors.
 *
 * What the runtime does that a caller must know (measured, onnxruntime-node 1.30):
 * - `run` and opening block the JavaScript thread for their whole duration and cannot be cancelled: use them in the engine, check for
 *   cancellation between calls, and for a hard stop end the process.
 * - Memory patterns are always off: with them the second run allocates all activations as one block, and inside Electron a
 *   block above 1 GiB ends the process. So does the runtime's arena there once all values together pass 1 GiB, since it grows by doubling: inside
 *   Electron it is off. Elsewhere it is on: giving each value's memory back to the system costs 10 of 60 CPU s of a full-size UNet's gradient.
 * - Threads that spin while they wait make everything else on the machine slow, themselves included (four times on two busy cores), and gain
 *   little on an idle one: they sleep.
 * - float16 tensors fail wherever a global `Float16Array` exists. A model with float16 inputs or outputs is therefore opened with casts
 *   at its edge and shows float32 (`onnx/edit/float32-io.ts`).
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import ort from 'onnxruntime-node';
import { UserError } from '../../common/errors.ts';
import { BYTES, describe, ndarray } from '../../common/ndarray.ts';
import type { DType, NdArray } from '../../common/ndarray.ts';
import { externalise } from '../onnx/edit/externalise.ts';
import { float32Edge } from '../onnx/edit/float32-io.ts';
import type { Dim, Graph } from '../onnx/graph.ts';
import { readModel } from '../onnx/protobuf/read.ts';
import { writeModel } from '../onnx/protobuf/write.ts';

/** Execution providers by name; which exist depends on platform and build. */
export type Provider = 'cpu' | 'cuda' | 'dml' | 'coreml' | 'webgpu';

/** Where the model is. `folder` is where external data of a model in memory lies. */
export type ModelSource =
  | { readonly path: string }
  | { readonly bytes: Uint8Array; readonly folder?: string; readonly name?: string };

export interface SessionOptions {
  /** 'cpu' unless said otherwise; choose with `providers.ts`. Others run with the CPU behind them for operators they lack. */
  readonly provider?: Provider;
  /** Threads inside one operator; the runtime's own choice (all cores) unless given. */
  readonly threads?: number;
  /**
   * Map external weights from the file instead of copying and repacking them: opens in milliseconds and takes no memory of its own.
   * For weights of a gigabyte and more; false unless given.
   */
  readonly mapWeights?: boolean;
  /**
   * The runtime runs the graph as it is. Its rewriting copies weights in other layouts (5.5 GB while a full-size UNet's gradient opens, against 0.1 GB)
   * and reorders nodes, which undoes checkpoints; for models that barely fit. False unless given.
   */
  readonly frugal?: boolean;
  /** Keep the runtime from writing errors to stderr; they are thrown anyway. For trying what may not work. */
  readonly quiet?: boolean;
}

export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  /** Known, named or unknown extents. The runtime reports an undeclared shape as a scalar's: []. */
  readonly shape: readonly Dim[];
}

export interface RunOptions {
  /** Outputs to compute; all unless given. */
  readonly outputs?: readonly string[];
}

export interface Session {
  readonly name: string;
  readonly provider: Provider;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Throws `UserError` (`bad-input`) listing every input that is missing, unknown, or of another dtype or shape. */
  run(feeds: Readonly<Record<string, NdArray>>, options?: RunOptions): Promise<Record<string, NdArray>>;
  /** Frees the native memory. The session cannot be used afterwards. */
  release(): Promise<void>;
}

/** Inside Electron a single native block above 1 GiB ends the process; no tensor may come near. */
const LARGEST_TENSOR_BYTES = 0.9 * 2 ** 30;

function runtimeOptions(options: SessionOptions, folder: string | undefined): ort.InferenceSession.SessionOptions {
  const session: Record<string, string> = { 'intra_op.allow_spinning': '0', 'inter_op.allow_spinning': '0' };
  if (options.mapWeights === true) session['disable_prepacking'] = '1';
  if (folder !== undefined) session['model_external_initializers_file_folder_path'] = path.resolve(folder);
  return {
    executionProviders: [options.provider ?? 'cpu'],
    enableMemPattern: false,
    enableCpuMemArena: !('electron' in process.versions),
    ...(options.frugal === true ? { graphOptimizationLevel: 'disabled' } : {}),
    logSeverityLevel: options.quiet === true ? 4 : 3,
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
    extra: { session },
  };
}

function isHouseType(type: string): type is DType {
  return Object.hasOwn(BYTES, type);
}

function specs(metadata: readonly ort.InferenceSession.ValueMetadata[], name: string): TensorSpec[] {
  return metadata.map((value) => {
    if (!value.isTensor || !isHouseType(value.type)) {
      throw new UserError('unsupported', `${name}: "${value.name}" is not a tensor of numbers`, { file: name, expected: 'number tensors as inputs and outputs', found: value.isTensor ? value.type : 'another kind of value' });
    }
    return { name: value.name, dtype: value.type, shape: value.shape.map((dim): Dim => (typeof dim === 'number' ? (dim < 0 ? null : dim) : dim === '' ? null : dim)) };
  });
}

function specText(spec: TensorSpec): string {
  return `${spec.name}: ${spec.dtype}[${spec.shape.map((dim) => dim ?? '?').join(', ')}]`;
}

/** Every disagreement of feeds with the declared inputs, in words; empty if there is none. */
export function mismatches(inputs: readonly TensorSpec[], feeds: Readonly<Record<string, NdArray>>): readonly string[] {
  const problems: string[] = [], named = new Map<string, number>();
  for (const spec of inputs) {
    const feed = feeds[spec.name];
    if (feed === undefined) { problems.push(`${specText(spec)} is missing`); continue; }
    const fits = feed.dtype === spec.dtype && (spec.shape.length === feed.shape.length || spec.shape.length === 0) && spec.shape.every((dim, axis) => {
      const extent = feed.shape[axis] ?? -1;
      if (typeof dim === 'number') return dim === extent;
      if (dim === null) return true;
      if (!named.has(dim)) named.set(dim, extent);
      return true; // exporters give one name to extents that differ; the runtime checks the arithmetic itself
    });
    if (!fits) problems.push(`${specText(spec)} got ${describe(feed)}`);
    if (feed.data.byteLength > LARGEST_TENSOR_BYTES) problems.push(`${spec.name} has ${feed.data.byteLength} bytes; at most ${LARGEST_TENSOR_BYTES} are possible, split the batch`);
  }
  for (const name of Object.keys(feeds)) if (!inputs.some((spec) => spec.name === name)) problems.push(`${name} is not an input`);
  return problems;
}

function toArray(value: ort.OnnxValue, name: string): NdArray {
  if (!('dims' in value) || !isHouseType(value.type) || value.type === 'float16') throw new UserError('unsupported', `output "${name}" is not a tensor of numbers`, { expected: 'a tensor', found: 'type' in value ? value.type : 'another kind of value' });
  return ndarray<DType>(value.type, value.dims, value.data as NdArray['data']);
}

async function create(source: ModelSource, options: SessionOptions, name: string): Promise<ort.InferenceSession> {
  // What the runtime says outside of any session (a provider's library that is not there) is thrown too; its own logger would repeat it on stderr.
  ort.env.logLevel = 'fatal';
  try {
    return 'path' in source
      ? await ort.InferenceSession.create(source.path, runtimeOptions(options, undefined))
      : await ort.InferenceSession.create(source.bytes, runtimeOptions(options, source.folder));
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new UserError('bad-input', `${name} cannot be opened on ${options.provider ?? 'cpu'}: ${found}`, { file: name, expected: 'a model that ONNX Runtime can run', found, fix: 'Check the model file, its external data beside it, and the provider.' });
  }
}

/** The same model with float32 at its edge; weights stay in the file it came from. */
async function withFloat32Edge(source: ModelSource, name: string): Promise<ModelSource> {
  if (!('path' in source)) return { ...source, bytes: writeModel(float32Edge(readModel(source.bytes, name))) };
  const bytes = await readFile(source.path);
  return graphSource(float32Edge(readModel(bytes, name)), { bytes, path: source.path });
}

/** A graph edited from a model file, ready to be opened: its weights are read from the original file. */
export function graphSource(graph: Graph, original: { readonly bytes: Uint8Array; readonly path: string }): ModelSource {
  return { bytes: writeModel(externalise(graph, original.bytes, path.basename(original.path))), folder: path.dirname(original.path), name: path.basename(original.path) };
}

/**
 * Opens a model. Throws `UserError` (`bad-input`) with the runtime's words if it cannot, `unsupported` for inputs or outputs that are not
 * number tensors.
 */
export async function openSession(source: ModelSource, options: SessionOptions = {}): Promise<Session> {
  const name = 'path' in source ? source.path : (source.name ?? 'model');
  if (options.threads !== undefined && !(Number.isInteger(options.threads) && options.threads > 0)) throw new UserError('usage', `threads must be a whole number above 0, got ${options.threads}`);
  let native = await create(source, options, name);
  if ([...native.inputMetadata, ...native.outputMetadata].some((value) => value.isTensor && value.type === 'float16')) {
    await native.release();
    native = await create(await withFloat32Edge(source, name), options, name);
  }
  return wrap(native, name, options.provider ?? 'cpu');
}

function wrap(native: ort.InferenceSession, name: string, provider: Provider): Session {
  const inputs = specs(native.inputMetadata, name), outputs = specs(native.outputMetadata, name);
  let open = true;
  return {
    name, provider, inputs, outputs,
    run: async (feeds, options = {}) => {
      if (!open) throw new Error(`${name} was released`);
      const problems = [...mismatches(inputs, feeds), ...(options.outputs ?? []).filter((wanted) => !outputs.some((output) => output.name === wanted)).map((wanted) => `${wanted} is not an output`)];
      if (problems.length > 0) {
        throw new UserError('bad-input', `${name}: ${problems.join('; ')}`, { file: name, expected: inputs.map(specText).join(', '), found: Object.entries(feeds).map(([key, feed]) => `${key}: ${describe(feed)}`).join(', ') });
      }
      const tensors = Object.fromEntries(Object.entries(feeds).map(([key, feed]) => [key, new ort.Tensor(feed.dtype, feed.data, feed.shape)]));
      const results = await native.run(tensors, options.outputs ?? outputs.map((output) => output.name));
      return Object.fromEntries(Object.entries(results).map(([key, value]) => [key, toArray(value, key)]));
    },
    release: async () => {
      if (!open) return;
      open = false;
      await native.release();
    },
  };
}
