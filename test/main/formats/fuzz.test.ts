/**
 * Damaged files. Every reader gets mutated copies of its golden files and may only succeed or throw a `FormatError`
 * (the HDF5 library's door also `UserError`, for a damaged dtype). Memory is bounded by construction: inflating is limited to 1 MiB here and
 * everything else is checked against the bytes left. OPTOGRAM_FUZZ=n gives n mutations a file, OPTOGRAM_FUZZ_SEED another seed.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FormatError, UserError } from '../../../common/errors.ts';
import { random } from '../../../common/random.ts';
import type { Random } from '../../../common/random.ts';
import { memorySource } from '../../../main/formats/byte-source.ts';
import { readCaptions, readInstances } from '../../../main/formats/coco.ts';
import { readColorTable } from '../../../main/formats/color-table.ts';
import { readCsv } from '../../../main/formats/csv.ts';
import { readAnnot } from '../../../main/formats/freesurfer-annot.ts';
import { readCurv } from '../../../main/formats/freesurfer-curv.ts';
import { readLabel } from '../../../main/formats/freesurfer-label.ts';
import { readPatch } from '../../../main/formats/freesurfer-patch.ts';
import { readSurface } from '../../../main/formats/freesurfer-surface.ts';
import { readGifti } from '../../../main/formats/gifti.ts';
import { readVoxelChunks } from '../../../main/formats/hdf5-chunks.ts';
import { chunkedDataset } from '../../../main/formats/hdf5-structure.ts';
import { openHdf5 } from '../../../main/formats/hdf5.ts';
import { readMat5 } from '../../../main/formats/mat5.ts';
import { readMgh, readMghFrame, readMghHeader } from '../../../main/formats/mgh.ts';
import { readNifti, readNiftiHeader, streamNiftiVolumes } from '../../../main/formats/nifti.ts';
import { readNumberColumns } from '../../../main/formats/number-columns.ts';
import { readNpyRows } from '../../../main/formats/npy-rows.ts';
import { readNpy, readNpyHeader } from '../../../main/formats/npy.ts';
import { readNpz } from '../../../main/formats/npz.ts';
import { readPng } from '../../../main/formats/png.ts';
import { readTsv } from '../../../main/formats/tsv.ts';
import { goldenBytes } from './golden.ts';

const SEED = Number(process.env['OPTOGRAM_FUZZ_SEED'] ?? 20261123);
const MUTATIONS = Number(process.env['OPTOGRAM_FUZZ'] ?? 40);
const LIMIT = { maxInflatedBytes: 2 ** 20 };
const folder = mkdtempSync(join(tmpdir(), 'optogram-fuzz-'));
afterAll(() => { rmSync(folder, { recursive: true }); });

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 97) yield await Promise.resolve(bytes.subarray(at, at + 97));
}

async function drain(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const item of items) count += item === undefined ? 0 : 1;
  return count;
}

/** A new name every time: after an error inside the library the old file stays open in it (hdf5.ts). */
async function readWithLibrary(bytes: Uint8Array): Promise<void> {
  const path = join(mkdtempSync(join(folder, 'turn-')), 'mutated.h5');
  writeFileSync(path, bytes);
  const file = await openHdf5(path);
  try {
    for (const { name, dtype, shape } of file.datasets()) if (dtype !== undefined) file.read(name, shape.map((extent) => [0, Math.min(extent, 2)]));
  } finally { file.close(); }
}

async function readFirstRow(bytes: Uint8Array): Promise<void> {
  const path = join(folder, 'mutated.npy');
  writeFileSync(path, bytes);
  const { shape } = await readNpyRows(path, 0, 0);
  await readNpyRows(path, 0, Math.min(1, shape[0] ?? 0));
}

interface Case { readonly samples: readonly string[]; readonly read: (bytes: Uint8Array) => unknown }

/** Every exported reader of the package, by name; a reader that is not here fails the first test. */
const READERS: Readonly<Record<string, Case>> = {
  readNpy: { samples: ['npy-big-f4.npy', 'npy-fortran.npy', 'npy-little-b1.npy'], read: (bytes) => readNpy(bytes, 'x') },
  readNpyRows: { samples: ['npy-big-f4.npy', 'npy-little-b1.npy'], read: readFirstRow },
  readNpyHeader: { samples: ['npy-vector.npy'], read: (bytes) => readNpyHeader(bytes, 'x') },
  readNpz: { samples: ['npz-stored.npz', 'npz-deflated.npz'], read: (bytes) => readNpz(bytes, 'x', LIMIT) },
  readNifti: { samples: ['nifti-int16.nii', 'nifti-qform.nii', 'nifti-two-big.nii', 'nifti-gz.nii.gz', 'nifti-scaled.nii'], read: (bytes) => readNifti(bytes, 'x', LIMIT).scaled() },
  readNiftiHeader: { samples: ['nifti-two.nii', 'nifti-gz.nii.gz'], read: (bytes) => readNiftiHeader(bytes, 'x') },
  streamNiftiVolumes: { samples: ['nifti-two.nii', 'nifti-big.nii', 'nifti-extension.nii'], read: (bytes) => drain(streamNiftiVolumes(chunksOf(bytes), 'x')) },
  readMgh: { samples: ['mgh-float32.mgh', 'mgh-int16.mgz', 'mgh-vector.mgz'], read: (bytes) => readMgh(bytes, 'x', LIMIT) },
  readMghHeader: { samples: ['mgh-int32.mgh'], read: (bytes) => readMghHeader(bytes, 'x') },
  readMghFrame: { samples: ['mgh-float32.mgh'], read: (bytes) => readMghFrame(memorySource(bytes), 'x', readMghHeader(bytes, 'x'), 0) },
  readSurface: { samples: ['surface-footer', 'surface-plain'], read: (bytes) => readSurface(bytes, 'x') },
  readCurv: { samples: ['curv-new', 'curv-old'], read: (bytes) => readCurv(bytes, 'x') },
  readAnnot: { samples: ['annot-new', 'annot-old'], read: (bytes) => readAnnot(bytes, 'x') },
  readLabel: { samples: ['test.label'], read: (bytes) => readLabel(bytes, 'x') },
  readPatch: { samples: ['test.patch.3d'], read: (bytes) => readPatch(bytes, 'x') },
  readColorTable: { samples: ['nsd.mgz.ctab', 'freesurfer.ctab'], read: (bytes) => readColorTable(bytes, 'x') },
  readMat5: { samples: ['mat-plain.mat', 'mat-compressed.mat', 'mat-compact-big.mat'], read: (bytes) => readMat5(bytes, 'x', LIMIT) },
  readCsv: { samples: ['stim.csv'], read: (bytes) => readCsv(bytes, 'x') },
  readTsv: { samples: ['responses.tsv'], read: (bytes) => readTsv(bytes, 'x') },
  readNumberColumns: { samples: ['responses.tsv'], read: (bytes) => readNumberColumns(bytes, 'x', { form: 'tsv', wanted: (header) => header.slice(0, 4) }) },
  readCaptions: { samples: ['captions.json', 'captions-utf8.json'], read: (bytes) => drain(readCaptions(chunksOf(bytes), 'x')) },
  readInstances: { samples: ['instances.json'], read: (bytes) => drain(readInstances(chunksOf(bytes), 'x')) },
  readGifti: { samples: ['gifti-ASCII-little.gii', 'gifti-B64GZ-little.gii', 'gifti-column.gii', 'gifti.gii.gz'], read: (bytes) => readGifti(bytes, 'x', LIMIT) },
  readPng: { samples: ['png-rgb.png', 'png-palette.png', 'png-bit.png'], read: (bytes) => readPng(bytes, 'x') },
  chunkedDataset: { samples: ['hdf5-mixed.h5'], read: (bytes) => chunkedDataset(memorySource(bytes), 'x', 'group/u1') },
  readVoxelChunks: {
    samples: ['hdf5-many.hdf5'],
    read: async (bytes) => {
      const source = memorySource(bytes);
      const dataset = await chunkedDataset(source, 'x', 'betas');
      const count = dataset.kind === 'other' ? 0 : dataset.shape.slice(1).reduce((product, extent) => product * extent, 1);
      return readVoxelChunks(source, 'x', dataset, Int32Array.from({ length: Math.min(count, 336) }, (_, i) => i));
    },
  },
  openHdf5: { samples: ['hdf5-mixed.h5', 'hdf5-v73.mat'], read: readWithLibrary },
};
/** Parts of the readers above. */
const INNER = ['readXml', 'readAt', 'readSuperblock', 'readJsonItems'];
/** The library writes and reads real files, so it gets fewer turns. */
const SLOW: Readonly<Record<string, number>> = { openHdf5: 4 };

const LIES = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** What the whole run saw: printed with OPTOGRAM_FUZZ, never asserted, for a busy machine is slow without being wrong. */
const seen = { files: 0, slowestMs: 0, slowest: '' };
afterAll(() => {
  if (process.env['OPTOGRAM_FUZZ'] !== undefined) console.info(`${seen.files} mutated files, seed ${SEED}; slowest ${seen.slowestMs.toFixed(0)} ms (${seen.slowest}); peak memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`);
});

/** One of: flipped bits, a cut, a lying 4-byte length in either order, a removed, doubled or thousandfold stretch, another byte. */
function mutate(bytes: Uint8Array, source: Random): Uint8Array {
  const out = Buffer.from(bytes);
  // Headers are at the front in most formats and decide most, so half of the hits go there.
  const place = (): number => source.integer(source.uniform() < 0.5 ? Math.min(400, out.length) : out.length);
  switch (source.integer(7)) {
    case 0: for (let n = 1 + source.integer(8); n > 0; n--) { const at = place(); out[at] = (out[at] ?? 0) ^ (1 << source.integer(8)); } return out;
    case 1: return out.subarray(0, source.integer(out.length));
    case 2: { const at = Math.min(place(), Math.max(0, out.length - 4)); const lie = source.pick(LIES); if (out.length >= 4) { if (source.uniform() < 0.5) out.writeUInt32BE(lie, at); else out.writeUInt32LE(lie, at); } return out; }
    case 3: { const at = place(); return Buffer.concat([out.subarray(0, at), out.subarray(Math.min(out.length, at + 1 + source.integer(16)))]); }
    case 4: { const at = place(); const end = Math.min(out.length, at + 1 + source.integer(16)); return Buffer.concat([out.subarray(0, end), out.subarray(at)]); }
    case 5: { const at = place(); const end = Math.min(out.length, at + 1 + source.integer(64)); return Buffer.concat([out.subarray(0, at), ...Array.from({ length: 1000 }, () => out.subarray(at, end)), out.subarray(end)]); }
    default: { const at = place(); out[at] = source.integer(256); return out; }
  }
}

describe('damaged files', () => {
  it('every exported reader is in the table', () => {
    const package_ = join(import.meta.dirname, '../../../main/formats');
    const found = readdirSync(package_).filter((name) => name.endsWith('.ts')).flatMap((name) => [...readFileSync(join(package_, name), 'utf8').matchAll(/^export (?:async )?function\*? ((?:read|open|stream|chunkedDataset)\w*)/gm)].map((match) => match[1] ?? ''));
    expect([...found].sort()).toEqual([...Object.keys(READERS), ...INNER].sort());
  });

  it.each(Object.entries(READERS))(`%s succeeds or throws a FormatError (seed ${SEED}, ${MUTATIONS} mutations a file)`, async (name, { samples, read }) => {
    for (const sample of samples) {
      const original = goldenBytes(sample);
      await read(original);
      const turns = Math.min(MUTATIONS, (SLOW[name] ?? Infinity) * Math.max(1, MUTATIONS / 40));
      for (let turn = 0; turn < turns; turn++) {
        const mutated = mutate(original, random(SEED).fork(`${name}/${sample}/${turn}`));
        const from = performance.now();
        try {
          await read(mutated);
        } catch (error) {
          const allowed = name === 'openHdf5' ? UserError : FormatError;
          if (!(error instanceof allowed)) throw new Error(`${name} of ${sample}, turn ${turn}, seed ${SEED}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`, { cause: error });
        }
        seen.files++;
        if (performance.now() - from > seen.slowestMs) Object.assign(seen, { slowestMs: performance.now() - from, slowest: `${name} of ${sample}, turn ${turn}` });
      }
    }
  }, 120_000 + 100 * MUTATIONS);
});
