/** The node tests of the ONNX standard suite (test/golden/onnx/nodes.json.gz) as graphs with feeds and expected outputs. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { ndarray, sizeOf, zeros } from '../../../common/ndarray.ts';
import type { DType, NdArray } from '../../../common/ndarray.ts';
import type { Initializer } from '../../../main/onnx/graph.ts';
import { arrayOf } from '../../../main/onnx/tensor.ts';

interface Stored { readonly dtype: DType; readonly shape: readonly number[]; readonly data: string }
interface Wave { readonly dtype: DType; readonly shape: readonly number[]; readonly array?: number }
interface Places { readonly shape: readonly number[]; readonly at: number; readonly values: number }
interface Entry {
  readonly name: string;
  readonly op: string;
  /** The operator written out in others, as the standard defines it. */
  readonly expanded: boolean;
  readonly model: string;
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
  readonly wave?: readonly Wave[];
  readonly places?: readonly Places[];
  /** Element types or kinds of value in this test that the house does not read. */
  readonly foreign?: readonly string[];
}
interface File { readonly version: string; readonly opset: number; readonly suite: Readonly<Record<string, number>>; readonly arrays: readonly Stored[]; readonly tests: readonly Entry[] }

export interface Expected {
  readonly shape: readonly number[];
  /** Flattened indices that are given; null = all. */
  readonly at: readonly number[] | null;
  readonly values: NdArray;
}

export interface StandardTest extends Pick<Entry, 'name' | 'op' | 'expanded'> {
  readonly bytes: Uint8Array;
  readonly foreign: readonly string[];
  /** In the order of the graph's inputs. */
  readonly feeds: readonly NdArray[];
  /** In the order of its outputs. */
  readonly expected: readonly Expected[];
}

function decode(stored: Stored): NdArray {
  const source = { kind: 'inline', bytes: Uint8Array.from(Buffer.from(stored.data, 'base64')) } as const;
  const initializer: Initializer = { name: 'golden', dtype: stored.dtype, shape: stored.shape, source };
  return arrayOf(initializer);
}

/** sin(0.37 k + i) */
function wave(spec: Wave, index: number): NdArray {
  const values = Float64Array.from({ length: sizeOf(spec.shape) }, (_, k) => Math.sin(0.37 * k + index));
  return spec.dtype === 'float64' ? ndarray('float64', spec.shape, values) : ndarray('float32', spec.shape, Float32Array.from(values));
}

export function readStandardTests(): { readonly version: string; readonly suite: File['suite']; readonly tests: readonly StandardTest[] } {
  const file = JSON.parse(gunzipSync(readFileSync(new URL('../../golden/onnx/nodes.json.gz', import.meta.url))).toString()) as File;
  const array = (index: number): NdArray => { const stored = file.arrays[index]; return stored === undefined ? zeros('float32', [0]) : decode(stored); };
  return {
    version: file.version, suite: file.suite,
    tests: file.tests.map((entry) => ({
      name: entry.name, op: entry.op, expanded: entry.expanded, foreign: entry.foreign ?? [], bytes: Uint8Array.from(Buffer.from(entry.model, 'base64')),
      feeds: entry.wave?.map((spec, i) => (spec.array === undefined ? wave(spec, i) : array(spec.array))) ?? entry.inputs?.map(array) ?? [],
      expected: entry.places?.map((places) => ({ shape: places.shape, at: Array.from(array(places.at).data as ArrayLike<number>), values: array(places.values) }))
        ?? entry.outputs?.map((index) => { const values = array(index); return { shape: values.shape, at: null, values }; }) ?? [],
    })),
  };
}
