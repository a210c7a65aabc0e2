/** Matrices in .npy files, whole or by columns, as float32 (or float64 where the file has it and it is asked for). */
import fs from 'node:fs/promises';
import { UserError } from '../../../common/errors.ts';
import { fileError } from '../../../common/file-error.ts';
import { BYTES, f32, ndarray } from '../../../common/ndarray.ts';
import type { F32, F64, NdArray } from '../../../common/ndarray.ts';
import { readNpy, readNpyHeader } from '../../formats/npy.ts';
import type { NpyHeader } from '../../formats/npy.ts';
import { arrayTargets } from '../../ridge/targets.ts';
import type { TargetSource } from '../../ridge/targets.ts';
import { readInput } from './files.ts';

/** First bytes of a file: more than any header that NumPy writes. */
const HEAD = 16_384;
/** Up to this many bytes a file is simply read. */
const WHOLE_BYTES = 2.5e8;

/** Any real array. */
export async function readNumbers(file: string): Promise<NdArray> {
  const bytes = await readInput(file, 'a .npy file');
  return readNpy(bytes, file);
}

async function readHeader(file: string): Promise<NpyHeader> {
  const handle = await fs.open(file).catch((error: unknown) => { throw fileError(error, file, 'a .npy file'); });
  try {
    const head = new Uint8Array(HEAD);
    const { bytesRead } = await handle.read(head, 0, HEAD, 0).catch((error: unknown) => { throw fileError(error, file, 'a .npy file'); });
    return readNpyHeader(head.subarray(0, bytesRead), file);
  } finally { await handle.close(); }
}

function checkMatrix(file: string, { shape, dtype }: { readonly shape: readonly number[]; readonly dtype: string }): void {
  if (shape.length !== 2) throw new UserError('bad-input', `${file} has shape [${shape.join(', ')}]`, { file, expected: 'a matrix [rows, columns]', found: `rank ${shape.length}`, fix: 'Reshape it.' });
  if (dtype === 'float16') throw new UserError('bad-input', `${file} holds float16`, { file, expected: 'float32 or float64', found: 'float16', fix: 'Convert it to float32.' });
  if (shape[0] === 0 || shape[1] === 0) throw new UserError('bad-input', `${file} is empty: [${shape.join(', ')}]`, { file, expected: 'at least one row and one column', found: `[${shape.join(', ')}]`, fix: 'Check the mask or selection that made it: it chose nothing.' });
}

/** A matrix as float64 `[rows, columns]`, whatever the file holds; NaN and infinity are refused with their place. */
export async function readDoubles(file: string): Promise<{ readonly matrix: F64; readonly stored: string }> {
  const array = await readNumbers(file);
  checkMatrix(file, array);
  const data = array.data instanceof Float64Array ? array.data : Float64Array.from(array.data as ArrayLike<number>, Number);
  refuseHoles(file, data, array.shape[1] ?? 1);
  return { matrix: ndarray('float64', array.shape, data), stored: array.dtype };
}

/** A matrix as float32 `[rows, columns]`; NaN and infinity are refused with their place. */
export async function readMatrix(file: string): Promise<F32> {
  const array = await readNumbers(file);
  checkMatrix(file, array);
  const data = singles(array);
  refuseHoles(file, data, array.shape[1] ?? 1);
  return f32(array.shape, data);
}

function singles(array: NdArray): Float32Array {
  if (array.data instanceof Float32Array) return array.data;
  return array.data instanceof Float64Array ? new Float32Array(array.data) : Float32Array.from(array.data as ArrayLike<number>, Number);
}

function refuseHoles(file: string, data: Float32Array | Float64Array, width: number): void {
  for (let at = 0; at < data.length; at++) {
    const value = data[at] ?? 0;
    if (Number.isFinite(value)) continue;
    throw new UserError('bad-input', `${file} holds ${String(value)} at row ${Math.floor(at / width)}, column ${at % width}`, { file, expected: 'finite numbers', found: String(value), fix: 'Remove or fill those rows or columns.' });
  }
}

export interface OpenTargets extends TargetSource {
  close(): Promise<void>;
}

/**
 * Targets in a .npy file. Little-endian float32 files in C order are read by blocks of columns, so that they may be larger than memory; others,
 * and small ones, whole. NaN and infinity are refused when they are met.
 */
export async function openTargets(file: string): Promise<OpenTargets> {
  const header = await readHeader(file);
  checkMatrix(file, header);
  const [rows = 0, columns = 0] = header.shape;
  if (header.dtype !== 'float32' || !header.littleEndian || header.fortranOrder || rows * columns * BYTES.float32 <= WHOLE_BYTES) {
    return { ...arrayTargets(await readMatrix(file)), close: () => Promise.resolve() };
  }
  const handle = await fs.open(file);
  const { size } = await handle.stat();
  if (size !== header.dataOffset + rows * columns * BYTES.float32) {
    await handle.close();
    throw new UserError('bad-input', `${file} is cut or too long`, { file, expected: `${header.dataOffset + rows * columns * BYTES.float32} bytes`, found: `${size} bytes`, fix: 'Save it again.' });
  }
  return {
    rows, targets: columns,
    read: async (from, to) => {
      const width = to - from;
      const out = new Float32Array(rows * width);
      const bytes = new Uint8Array(out.buffer);
      for (let row = 0; row < rows; row++) {
        await handle.read(bytes, row * width * BYTES.float32, width * BYTES.float32, header.dataOffset + (row * columns + from) * BYTES.float32);
      }
      for (let at = 0; at < out.length; at++) {
        if (Number.isFinite(out[at])) continue;
        throw new UserError('bad-input', `${file} holds ${String(out[at])} at row ${Math.floor(at / width)}, column ${from + (at % width)}`, { file, expected: 'finite numbers', found: String(out[at]), fix: 'Remove or fill those rows or columns.' });
      }
      return f32([rows, width], out);
    },
    close: () => handle.close(),
  };
}
