/** What a session is said to take, against a count by hand of one small network, and of the same network in half precision. */
import { describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import type { DType } from '../../../common/ndarray.ts';
import { graphBuilder } from '../../../main/onnx/build.ts';
import type { Graph } from '../../../main/onnx/graph.ts';
import { initializerOf } from '../../../main/onnx/tensor.ts';
import { footprint } from '../../../main/runtime/footprint.ts';

const KIB = 2 ** 10, NODE = 3800;

/** x [1, 4, 64, 64] -> 3x3 convolution to 4 channels -> rows times w, twice, -> times w transposed -> y; w [64, 64]. */
function network(dtype: 'float32' | 'float16'): Graph {
  const b = graphBuilder('small'), weight = (name: string, shape: readonly number[]): ReturnType<typeof b.initializer> => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    return b.initializer(initializerOf(name, dtype === 'float32' ? f32(shape, new Float32Array(count)) : { dtype: 'float16' satisfies DType, shape, data: new Uint16Array(count) }));
  };
  const kernel = weight('kernel', [4, 4, 3, 3]), w = weight('w', [64, 64]), x = b.input('x', dtype, [1, 4, 64, 64]);
  const rows = b.reshape(b.conv(x, kernel, null, { pads: [1, 1, 1, 1] }), [256, 64]);
  b.output(b.matMul(b.matMul(b.matMul(rows, w), w), b.transpose(w, [1, 0])), 'y');
  return b.build();
}

describe('what a session takes', () => {
  // In float32 the kernel has 576 bytes, w 16 KiB, every value of the images 64 KiB. The reshape looks at the same block; its list of extents has two int64.
  const kernel = 576, w = 16 * KIB, value = 64 * KIB, extents = 16, nodes = 7;

  it('is weights, copies and values', () => {
    expect(footprint(network('float32'), false)).toEqual({
      weightBytes: kernel + w + extents,
      // The kernel in blocks of channels; w packed once more for the second product; w transposed beforehand (its packed form takes its place).
      copyBytes: NODE * nodes + kernel + w + w,
      // Two blocks: the convolution's and the first product's. The second product has a block of its own, which lies where the convolution's was; the third takes the
      // first's, and the output lies where the second's was. Beside them our arrays of x and y.
      valueBytes: 2 * value + 2 * value,
    });
  });

  it('is no copies where the graph runs as it is', () => {
    expect(footprint(network('float32'), true)).toMatchObject({ weightBytes: kernel + w + extents, copyBytes: NODE * nodes });
  });

  it('counts weights of half precision in float32 too, and their copies, values and arrays in float32', () => {
    const half = footprint(network('float16'), false), whole = footprint(network('float32'), false);
    expect(half.weightBytes).toBe((kernel + w) / 2 + extents);
    expect(half.copyBytes).toBe(whole.copyBytes + kernel + w);
    expect(half.valueBytes).toBe(whole.valueBytes);
  });
});
