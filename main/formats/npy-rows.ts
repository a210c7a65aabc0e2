/** Some rows of a .npy file, without reading the others. */
import fs from 'node:fs/promises';
import { FormatError } from '../../common/errors.ts';
import { fileError } from '../../common/file-error.ts';
import { BYTES, ndarray } from '../../common/ndarray.ts';
import type { NdArray } from '../../common/ndarray.ts';
import { decodeElements } from './elements.ts';
import { readNpyHeader } from './npy.ts';

/** First bytes of a file: more than any header of the arrays that we write. */
const HEAD = 1024;

/** Rows `from..to` of the first axis and the shape of the whole. Throws FormatError, also for Fortran order, where rows are not together. */
export async function readNpyRows(file: string, from: number, to: number): Promise<{ readonly rows: NdArray; readonly shape: readonly number[] }> {
  const handle = await fs.open(file).catch((error: unknown) => { throw fileError(error, file, 'a .npy file'); });
  try {
    const head = new Uint8Array(HEAD);
    const { bytesRead } = await handle.read(head, 0, HEAD, 0);
    const { dtype, shape, littleEndian, fortranOrder, dataOffset } = readNpyHeader(head.subarray(0, bytesRead), file);
    const [count = 0, ...rest] = shape;
    if (fortranOrder || shape.length === 0) throw new FormatError({ file, offset: 0, expected: 'an array in C order', found: fortranOrder ? 'Fortran order' : 'a single number', fix: 'Save it with numpy.save(file, numpy.ascontiguousarray(array)).' });
    if (!(from >= 0 && from <= to && to <= count)) throw new RangeError(`rows ${from} to ${to} of ${count} in ${file}`);
    const width = rest.reduce((product, extent) => product * extent, 1) * BYTES[dtype];
    // Before memory is asked for: a shape may lie.
    const { size } = await handle.stat();
    const cut = (at: number): FormatError => new FormatError({ file, offset: at, expected: `${dataOffset + count * width} bytes`, found: `${at} bytes`, fix: 'The file is cut: make it again.' });
    if (!(dataOffset + count * width <= size)) throw cut(size);
    const bytes = new Uint8Array((to - from) * width);
    for (let done = 0; done < bytes.length;) {
      const { bytesRead: more } = await handle.read(bytes, done, bytes.length - done, dataOffset + from * width + done);
      if (more === 0) throw cut(dataOffset + from * width + done);
      done += more;
    }
    return { rows: ndarray(dtype, [to - from, ...rest], decodeElements(dtype, bytes, littleEndian)), shape };
  } finally { await handle.close(); }
}
