/** Writes one file of every kind that main/formats writes into a folder, with what it should hold in `manifest.json`, for check.py. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { f32, ndarray, sizeOf, zeros } from '../../../common/ndarray.ts';
import type { DType, NdArray } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { writeAnnot } from '../../../main/formats/freesurfer-annot.ts';
import { writeCurv } from '../../../main/formats/freesurfer-curv.ts';
import { writeLabel } from '../../../main/formats/freesurfer-label.ts';
import { writePatch } from '../../../main/formats/freesurfer-patch.ts';
import { writeSurface } from '../../../main/formats/freesurfer-surface.ts';
import { writeCaptions } from '../../../main/formats/coco.ts';
import { writeColorTable } from '../../../main/formats/color-table.ts';
import { writeCsv } from '../../../main/formats/csv.ts';
import { writeGifti } from '../../../main/formats/gifti.ts';
import { writeHdf5 } from '../../../main/formats/hdf5.ts';
import { writeMat5 } from '../../../main/formats/mat5.ts';
import { writeMgh } from '../../../main/formats/mgh.ts';
import { writeNifti } from '../../../main/formats/nifti.ts';
import { writeNpy } from '../../../main/formats/npy.ts';
import { writeNpz } from '../../../main/formats/npz.ts';
import { writePng } from '../../../main/formats/png.ts';
import { writeTsv } from '../../../main/formats/tsv.ts';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: node write.ts FOLDER');
mkdirSync(folder, { recursive: true });
const source = random(11);
const manifest: Record<string, unknown> = {};

function some(dtype: DType, shape: readonly number[]): NdArray {
  const out: NdArray = zeros(dtype, shape);
  if (out.data instanceof BigInt64Array || out.data instanceof BigUint64Array) for (let i = 0; i < out.data.length; i++) out.data[i] = BigInt(source.integer(1e9));
  else for (let i = 0; i < out.data.length; i++) out.data[i] = dtype === 'bool' ? source.integer(2) : dtype.startsWith('float') && dtype !== 'float16' ? source.normal() * 10 : source.integer(100);
  return out;
}
const plain = (array: NdArray): unknown => ({ dtype: array.dtype, shape: array.shape, values: Array.from<number | bigint, string>(array.data, String) });
function put(name: string, bytes: Uint8Array, value: unknown): void {
  writeFileSync(join(folder ?? '', name), bytes);
  manifest[name] = value;
}

const DTYPES: readonly DType[] = ['float64', 'float32', 'float16', 'int64', 'uint64', 'int32', 'uint32', 'int16', 'uint16', 'int8', 'uint8', 'bool'];
for (const dtype of DTYPES) {
  const array = some(dtype, [2, 3, 4]);
  put(`${dtype}.npy`, writeNpy(array), plain(array));
}
const parts = new Map([['a', some('float32', [3, 4])], ['b', some('int16', [5])]]);
for (const compress of [false, true]) put(`${compress ? 'deflated' : 'stored'}.npz`, writeNpz(parts, { compress }), Object.fromEntries([...parts].map(([key, array]) => [key, plain(array)])));

const affine = Float64Array.from([1.8, 0, 0, -72, 0, 1.8, 0, -92.7, 0, 0.1, 1.8, -73.8, 0, 0, 0, 1]);
for (const dtype of DTYPES.filter((name) => name !== 'bool' && name !== 'float16')) {
  const data = some(dtype, [2, 4, 3, 5]);
  put(`${dtype}.nii${dtype === 'int16' ? '.gz' : ''}`, writeNifti({ shape: [5, 3, 4, 2], affine, data }, { compress: dtype === 'int16' }), { ...Object(plain(data)), affine: [...affine] });
}
for (const dtype of ['uint8', 'int16', 'int32', 'float32'] as const) {
  const data = some(dtype, [2, 4, 3, 5]);
  put(`${dtype}.mg${dtype === 'int16' ? 'z' : 'h'}`, writeMgh({ data, affine, repetitionTimeMs: 1600 }, { compress: dtype === 'int16' }), { ...Object(plain(data)), affine: [...affine] });
}
const vector = some('float32', [9]);
put('lh.vector.mgz', writeMgh({ data: vector }, { compress: true }), plain(vector));

const coordinates = f32([6, 3], Float32Array.from({ length: 18 }, () => source.normal() * 30));
const faces = ndarray('int32', [4, 3], Int32Array.of(0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5));
const footer = { valid: true, filename: 'T1.mgz', volume: [320, 320, 320], voxelSizeMm: [0.8, 0.8, 0.8], xras: [-1, 0, 0], yras: [0, 0, -1], zras: [0, 1, 0], cras: [0.4, 0.4, 0.4] };
put('lh.white', writeSurface({ created: 'made for a test', coordinates, faces, footer }), { coordinates: plain(coordinates), faces: plain(faces), cras: footer.cras });
const curv = f32([6], Float32Array.from({ length: 6 }, () => source.normal()));
put('lh.curv', writeCurv({ values: curv, faces: 4 }), plain(curv));
const entries = [{ index: 0, name: 'unknown', rgbt: [25, 5, 25, 0] }, { index: 1, name: 'V1v', rgbt: [120, 18, 134, 0] }] as const;
put('lh.test.annot', writeAnnot({ labels: ndarray('int32', [4], Int32Array.of(0, 1, 1, 0)), entries, table: 'test.ctab' }), { labels: [0, 1, 1, 0], names: ['unknown', 'V1v'], colours: entries.map((entry) => entry.rgbt) });
put('lh.test.label', writeLabel({ comment: 'ascii label  , from subject demo', vertices: ndarray('int32', [2], Int32Array.of(3, 5)), coordinates: f32([2, 3], [1, 2, 3, 4, 5, 6]), statistic: f32([2], [0.5, 0.25]) }), { vertices: [3, 5], statistic: [0.5, 0.25] });
put('lh.flat.patch.3d', writePatch({ vertices: ndarray('int32', [3], Int32Array.of(0, 4, 5)), border: ndarray('bool', [3], Uint8Array.of(0, 1, 0)), coordinates: f32([3, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8]) }), { signed: [1, -5, 6], coordinates: [0, 1, 2, 3, 4, 5, 6, 7, 8] });
put('test.ctab', writeColorTable([...entries]), { names: ['unknown', 'V1v'] });

const mat = new Map(DTYPES.filter((name) => name !== 'float16').map((dtype) => [`v_${dtype}`, some(dtype, [2, 3, 2])]));
mat.set('whole', ndarray('float64', [8, 10], Float64Array.from({ length: 80 }, (_, i) => i * 900)));
for (const [name, options] of [['plain', {}], ['compressed', { compress: true }], ['compact', { compact: true, compress: true }]] as const) {
  put(`${name}.mat`, writeMat5(mat, options), Object.fromEntries([...mat].map(([key, array]) => [key, plain(array)])));
}
put('table.csv', writeCsv(['', 'cropBox'], [['0', '(0, 0.5)'], ['1', 'a "b"\nc']]), { columns: ['', 'cropBox'], cells: ['(0, 0.5)', 'a "b"\nc'] });
put('table.tsv', writeTsv(['A', 'B'], [['1', 'NaN'], ['2', '2.5']]), { A: [1, 2] });
put('captions.json', writeCaptions({ images: [{ id: 1, width: 2, height: 3, fileName: 'é.png' }], captions: [{ id: 5, imageId: 1, caption: 'a "red" cube' }] }), { caption: 'a "red" cube', file_name: 'é.png' });

for (const encoding of ['ASCII', 'Base64Binary', 'GZipBase64Binary'] as const) {
  const gifti = {
    metadata: new Map([['Creator', 'Optogram & <test>']]), labels: entries.map(({ index, name, rgbt: [r, g, b] }) => ({ key: index, name, rgba: [r / 255, g / 255, b / 255, 1] as const })),
    arrays: [
      { intent: 'NIFTI_INTENT_POINTSET', data: coordinates, metadata: new Map<string, string>(), coordinateSystems: [{ dataSpace: 'NIFTI_XFORM_UNKNOWN', transformedSpace: 'NIFTI_XFORM_SCANNER_ANAT', matrix: affine }] },
      { intent: 'NIFTI_INTENT_TRIANGLE', data: faces, metadata: new Map<string, string>(), coordinateSystems: [] },
      { intent: 'NIFTI_INTENT_SHAPE', data: curv, metadata: new Map([['Name', 'curv']]), coordinateSystems: [] },
    ],
  };
  put(`${encoding}.gii`, writeGifti(gifti, { encoding }), { coordinates: plain(coordinates), faces: plain(faces), curv: plain(curv), names: ['unknown', 'V1v'] });
}
for (const channels of [1, 2, 3, 4]) {
  const image = ndarray('uint8', [4, 5, channels], Uint8Array.from({ length: 20 * channels }, () => source.integer(256)));
  put(`channels${channels}.png`, writePng(image, { dpi: 300 }), plain(image));
}
const hdf5 = DTYPES.filter((name) => name !== 'bool' && name !== 'float16').map((dtype) => ({ name: `all/${dtype}`, data: some(dtype, [3, 4]) }));
const betas = ndarray('int16', [750, 2, 3, 4], Int16Array.from({ length: 750 * 24 }, () => source.integer(60000) - 30000));
const bricks = ndarray('uint8', [3, 5, 5, 3], Uint8Array.from({ length: sizeOf([3, 5, 5, 3]) }, () => source.integer(256)));
for (const layout of ['earliest', 'latest'] as const) {
  const all = [...hdf5, { name: 'betas', data: betas, chunks: [750, 1, 1, 1] }, { name: 'imgBrick', data: bricks }, { name: 'packed', data: some('float32', [20, 10]), chunks: [5, 10], compression: 4 }];
  await writeHdf5(join(folder, `${layout}.hdf5`), all, { layout });
  manifest[`${layout}.hdf5`] = Object.fromEntries(all.map(({ name, data }) => [name, plain(data)]));
}
writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
