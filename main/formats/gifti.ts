/**
 * GIFTI surface files (.gii, .gii.gz). Definition: "GIFTI Surface Data Format", version 1.0 (NITRC).
 *
 * Read: ASCII, Base64Binary and GZipBase64Binary (a zlib stream, whatever its name says) in both byte orders and both
 * index orders; data, label tables, metadata, coordinate systems. Besides the three data types of the definition, the
 * others that nibabel writes. Written: little-endian, row-major. Refused by name: ExternalFileBinary, other encodings and types.
 */
import { FormatError } from '../../common/errors.ts';
import { BYTES, ndarray, zeros } from '../../common/ndarray.ts';
import type { DType, F32, I32, NdArray, RealDType } from '../../common/ndarray.ts';
import { ByteReader, elementCount } from './byte-reader.ts';
import { decodeElements, encodeElements, fromFortran } from './elements.ts';
import { deflateZlib, gunzipIfNeeded, gzip, inflateZlib, MAX_INFLATED_BYTES } from './gzip.ts';
import type { InflateLimit } from './gzip.ts';
import { readXml, xmlText } from './xml.ts';
import type { XmlElement } from './xml.ts';

const DTYPE_OF: ReadonlyMap<string, RealDType> = new Map([
  ['NIFTI_TYPE_UINT8', 'uint8'], ['NIFTI_TYPE_INT32', 'int32'], ['NIFTI_TYPE_FLOAT32', 'float32'], ['NIFTI_TYPE_FLOAT64', 'float64'],
  ['NIFTI_TYPE_INT8', 'int8'], ['NIFTI_TYPE_INT16', 'int16'], ['NIFTI_TYPE_UINT16', 'uint16'], ['NIFTI_TYPE_UINT32', 'uint32'],
]);
const TYPE_OF: ReadonlyMap<DType, string> = new Map([...DTYPE_OF].map(([type, dtype]) => [dtype, type]));
const SPECIAL: ReadonlyMap<string, number> = new Map([['nan', NaN], ['-nan', NaN], ['inf', Infinity], ['-inf', -Infinity], ['infinity', Infinity], ['-infinity', -Infinity]]);
const MAX_AXES = 6;

export interface GiftiLabel {
  readonly key: number;
  readonly name: string;
  /** 0..1; absent if the file gives no colour. */
  readonly rgba?: readonly [number, number, number, number];
}

export interface GiftiCoordinateSystem {
  readonly dataSpace: string;
  readonly transformedSpace: string;
  /** 4x4 row-major, from data space to transformed space. */
  readonly matrix: Float64Array;
}

export interface GiftiArray {
  /** `NIFTI_INTENT_POINTSET`, `NIFTI_INTENT_TRIANGLE`, ... */
  readonly intent: string;
  /** In C order, extents as `Dim0`, `Dim1`, ... give them. */
  readonly data: NdArray;
  readonly metadata: ReadonlyMap<string, string>;
  readonly coordinateSystems: readonly GiftiCoordinateSystem[];
}

export interface Gifti {
  readonly metadata: ReadonlyMap<string, string>;
  readonly labels: readonly GiftiLabel[];
  readonly arrays: readonly GiftiArray[];
}

function wrong(name: string, element: XmlElement, expected: string, found: string, fix?: string): FormatError {
  return new FormatError({ file: name, offset: element.offset, expected, found, ...(fix === undefined ? {} : { fix }) });
}

function attribute(name: string, element: XmlElement, key: string): string {
  const value = element.attributes.get(key);
  if (value === undefined) throw wrong(name, element, `attribute ${key} of ${element.name}`, 'none');
  return value;
}

function integer(name: string, element: XmlElement, key: string): number {
  const text = attribute(name, element, key).trim();
  if (!/^-?\d{1,15}$/.test(text)) throw wrong(name, element, `a whole number ${key}`, JSON.stringify(text.slice(0, 40)));
  return Number(text);
}

function childText(name: string, element: XmlElement, child: string): string {
  const found = element.children.filter((entry) => entry.name === child);
  const [only] = found;
  if (only === undefined || found.length !== 1) throw wrong(name, element, `one ${child} in ${element.name}`, `${found.length}`);
  return xmlText(only, name).trim();
}

function readMetadata(name: string, parent: XmlElement): Map<string, string> {
  const pairs = parent.children.filter((child) => child.name === 'MetaData').flatMap((child) => child.children.filter((entry) => entry.name === 'MD'));
  return new Map(pairs.map((pair) => [childText(name, pair, 'Name'), childText(name, pair, 'Value')]));
}

function readLabels(name: string, table: XmlElement): GiftiLabel[] {
  return table.children.filter((child) => child.name === 'Label').map((label) => {
    const key = integer(name, label, label.attributes.has('Key') ? 'Key' : 'Index');
    const text = xmlText(label, name).trim();
    if (!label.attributes.has('Red')) return { key, name: text };
    const [r = NaN, g = NaN, b = NaN, a = NaN] = ['Red', 'Green', 'Blue', 'Alpha'].map((channel) => Number(attribute(name, label, channel)));
    if (![r, g, b, a].every((value) => value >= 0 && value <= 1)) throw wrong(name, label, 'colours from 0 to 1', [r, g, b, a].join(' '));
    return { key, name: text, rgba: [r, g, b, a] };
  });
}

/** Numbers of an ASCII text; at most `count`, so a wrong count is noticed without keeping more. */
function asciiNumbers(name: string, element: XmlElement, count: number): Float64Array {
  const tokens = xmlText(element, name).split(/\s+/).filter((token) => token !== '');
  if (tokens.length !== count) throw wrong(name, element, `${count} numbers`, `${tokens.length}`);
  return Float64Array.from(tokens, (token) => {
    const value = /^[+-]?(\d|\.\d)[\d.eE+-]*$/.test(token) ? Number(token) : SPECIAL.get(token.toLowerCase());
    if (value === undefined || (Number.isNaN(value) && !SPECIAL.has(token.toLowerCase()))) throw wrong(name, element, 'a number', JSON.stringify(token.slice(0, 40)));
    return value;
  });
}

function base64(name: string, element: XmlElement): Uint8Array {
  const text = Buffer.from(element.raw).toString('latin1').replace(/\s+/g, '');
  const bytes = Buffer.from(text, 'base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  // Buffer skips what is not base64, so anything foreign shows as missing bytes.
  if (text.length % 4 !== 0 || /[-_]/.test(text) || bytes.length !== (text.length / 4) * 3 - padding) throw wrong(name, element, 'base64 text', `${text.length} characters that decode to ${bytes.length} bytes`);
  return bytes;
}

function readData(name: string, element: XmlElement, dtype: RealDType, shape: readonly number[], limit: number): NdArray {
  const count = elementCount(new ByteReader(element.raw, name, true), shape, 'the data array');
  const encoding = attribute(name, element, 'Encoding');
  const endian = attribute(name, element, 'Endian');
  const order = attribute(name, element, 'ArrayIndexingOrder');
  if (endian !== 'LittleEndian' && endian !== 'BigEndian') throw wrong(name, element, 'LittleEndian or BigEndian', endian);
  if (order !== 'RowMajorOrder' && order !== 'ColumnMajorOrder') throw wrong(name, element, 'RowMajorOrder or ColumnMajorOrder', order);
  const holders = element.children.filter((child) => child.name === 'Data');
  const [holder] = holders;
  if (holder === undefined || holders.length !== 1) throw wrong(name, element, 'one Data element', `${holders.length}`);
  const inOrder = (array: NdArray): NdArray => (order === 'RowMajorOrder' ? array : fromFortran(array.dtype, shape, array.data));
  if (encoding === 'ASCII') {
    const values = asciiNumbers(name, holder, count);
    const out = zeros(dtype, shape);
    out.data.set(values);
    const inexact = dtype.startsWith('float') ? -1 : values.findIndex((value, i) => out.data[i] !== value);
    if (inexact >= 0) throw wrong(name, holder, `${dtype} values`, `${values[inexact] ?? ''}`);
    return inOrder(out);
  }
  if (encoding !== 'Base64Binary' && encoding !== 'GZipBase64Binary') throw wrong(name, element, 'ASCII, Base64Binary or GZipBase64Binary', encoding, 'Convert the file so that its data are inside it.');
  const size = count * BYTES[dtype];
  if (size > limit) throw wrong(name, element, `at most ${limit} bytes of data`, `${size}`);
  const packed = base64(name, holder);
  const raw = encoding === 'Base64Binary' ? packed : inflateZlib(packed, name, holder.offset, size);
  if (raw.length !== size) throw wrong(name, holder, `${size} bytes for ${dtype}[${shape.join(', ')}]`, `${raw.length}`);
  return inOrder(ndarray(dtype, shape, decodeElements(dtype, raw, endian === 'LittleEndian')));
}

function readArray(name: string, element: XmlElement, limit: number): GiftiArray {
  const type = attribute(name, element, 'DataType');
  const dtype = DTYPE_OF.get(type);
  if (dtype === undefined) throw wrong(name, element, `a data type among ${[...DTYPE_OF.keys()].join(', ')}`, type);
  const axes = integer(name, element, 'Dimensionality');
  if (!(axes >= 1 && axes <= MAX_AXES)) throw wrong(name, element, `1 to ${MAX_AXES} dimensions`, `${axes}`);
  const shape = Array.from({ length: axes }, (_, axis) => integer(name, element, `Dim${axis}`));
  return {
    intent: attribute(name, element, 'Intent'), data: readData(name, element, dtype, shape, limit), metadata: readMetadata(name, element),
    coordinateSystems: element.children.filter((child) => child.name === 'CoordinateSystemTransformMatrix').map((system) => {
      const holder = system.children.find((child) => child.name === 'MatrixData');
      if (holder === undefined) throw wrong(name, system, 'a MatrixData element', 'none');
      return { dataSpace: childText(name, system, 'DataSpace'), transformedSpace: childText(name, system, 'TransformedSpace'), matrix: asciiNumbers(name, holder, 16) };
    }),
  };
}

/** A GIFTI file, gzipped or not. Throws `FormatError`. */
export function readGifti(bytes: Uint8Array, name: string, { maxInflatedBytes = MAX_INFLATED_BYTES }: InflateLimit = {}): Gifti {
  const root = readXml(gunzipIfNeeded(bytes, name, { maxInflatedBytes }), name);
  if (root.name !== 'GIFTI') throw wrong(name, root, 'a GIFTI document', `<${root.name}>`);
  let left = maxInflatedBytes;
  const arrays = root.children.filter((child) => child.name === 'DataArray').map((child) => {
    const array = readArray(name, child, left);
    left -= array.data.data.byteLength;
    return array;
  });
  const declared = integer(name, root, 'NumberOfDataArrays');
  if (declared !== arrays.length) throw wrong(name, root, `${declared} data arrays`, `${arrays.length}`);
  return { metadata: readMetadata(name, root), labels: root.children.filter((child) => child.name === 'LabelTable').flatMap((table) => readLabels(name, table)), arrays };
}

/** The only array with an intent (given without `NIFTI_INTENT_`). Throws `FormatError` if there is none or more than one. */
export function giftiArray(gifti: Gifti, intent: string, name: string): GiftiArray {
  const found = gifti.arrays.filter((array) => array.intent === `NIFTI_INTENT_${intent}`);
  const [only] = found;
  if (only === undefined || found.length !== 1) {
    throw new FormatError({ file: name, offset: 0, expected: `one ${intent} array`, found: `${found.length}; the file has ${gifti.arrays.map((array) => array.intent.replace('NIFTI_INTENT_', '')).join(', ')}` });
  }
  return only;
}

/** Coordinates `[vertices, 3]` and faces `[faces, 3]` of a surface file, vertex numbers checked. Throws `FormatError`. */
export function giftiSurface(gifti: Gifti, name: string): { readonly coordinates: F32; readonly faces: I32 } {
  const points = giftiArray(gifti, 'POINTSET', name).data;
  const triangles = giftiArray(gifti, 'TRIANGLE', name).data;
  const fail = (expected: string, found: string): FormatError => new FormatError({ file: name, offset: 0, expected, found });
  if (!(points.data instanceof Float32Array) || points.shape.length !== 2 || points.shape[1] !== 3) throw fail('float32 points [vertices, 3]', `${points.dtype}[${points.shape.join(', ')}]`);
  if (!(triangles.data instanceof Int32Array) || triangles.shape.length !== 2 || triangles.shape[1] !== 3) throw fail('int32 triangles [faces, 3]', `${triangles.dtype}[${triangles.shape.join(', ')}]`);
  const vertices = points.shape[0] ?? 0;
  const bad = triangles.data.find((vertex) => vertex < 0 || vertex >= vertices);
  if (bad !== undefined) throw fail(`vertex numbers from 0 to ${vertices - 1}`, `${bad}`);
  return { coordinates: ndarray('float32', points.shape, points.data), faces: ndarray('int32', triangles.shape, triangles.data) };
}

export interface GiftiWriteOptions {
  readonly encoding?: 'ASCII' | 'Base64Binary' | 'GZipBase64Binary';
  /** Gives a `.gii.gz`. */
  readonly compress?: boolean;
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A GIFTI 1.0 file, little-endian, row-major. Throws `RangeError` for a dtype that it cannot hold. */
export function writeGifti(gifti: Gifti, { encoding = 'GZipBase64Binary', compress = false }: GiftiWriteOptions = {}): Uint8Array {
  const metadata = (pairs: ReadonlyMap<string, string>): string => `<MetaData>${[...pairs].map(([key, value]) => `<MD><Name>${escape(key)}</Name><Value>${escape(value)}</Value></MD>`).join('')}</MetaData>\n`;
  const labels = gifti.labels.map(({ key, name, rgba }) => {
    const [r, g, b, a] = rgba ?? [];
    return `<Label Key="${key}"${rgba === undefined ? '' : ` Red="${r}" Green="${g}" Blue="${b}" Alpha="${a}"`}>${escape(name)}</Label>`;
  });
  const parts = [
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE GIFTI SYSTEM "http://www.nitrc.org/frs/download.php/115/gifti.dtd">\n',
    `<GIFTI Version="1.0" NumberOfDataArrays="${gifti.arrays.length}">\n`, metadata(gifti.metadata), `<LabelTable>${labels.join('')}</LabelTable>\n`,
    ...gifti.arrays.flatMap((array) => arrayXml(array, encoding, metadata)), '</GIFTI>\n',
  ];
  const bytes = new Uint8Array(Buffer.from(parts.join(''), 'utf8'));
  return compress ? gzip(bytes) : bytes;
}

function arrayXml({ intent, data, metadata, coordinateSystems }: GiftiArray, encoding: string, metadataXml: (pairs: ReadonlyMap<string, string>) => string): string[] {
  const type = TYPE_OF.get(data.dtype);
  if (type === undefined) throw new RangeError(`GIFTI has no ${data.dtype} type`);
  const dims = data.shape.map((extent, axis) => ` Dim${axis}="${extent}"`).join('');
  const raw = encodeElements(data, true);
  const payload = encoding === 'ASCII' ? Array.from(data.data, String).join(' ') : Buffer.from(encoding === 'Base64Binary' ? raw : deflateZlib(raw)).toString('base64');
  return [
    `<DataArray Intent="${escape(intent)}" DataType="${type}" ArrayIndexingOrder="RowMajorOrder" Dimensionality="${data.shape.length}"${dims} Encoding="${encoding}" Endian="LittleEndian" ExternalFileName="" ExternalFileOffset="0">\n`,
    metadataXml(metadata),
    ...coordinateSystems.map((system) => `<CoordinateSystemTransformMatrix><DataSpace>${escape(system.dataSpace)}</DataSpace><TransformedSpace>${escape(system.transformedSpace)}</TransformedSpace><MatrixData>${[...system.matrix].join(' ')}</MatrixData></CoordinateSystemTransformMatrix>\n`),
    `<Data>${payload}</Data>\n</DataArray>\n`,
  ];
}
