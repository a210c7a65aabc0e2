/**
 * Ridge at the scale of NSD, from files as the command line reads them: random responses and targets, 5 folds, 10 penalties, resumable. One
 * run; no Python peer is that large. Prints the seconds and processor seconds of each phase.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { f32 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { arrayFolder, checkpointFolder } from '../../experiments/array-folder.ts';
import { writeNpy } from '../../formats/npy.ts';
import { sessionProducts } from '../../linalg/session-products.ts';
import { fitDecoder } from '../../ridge/fit.ts';
import { openTargets, readMatrix } from '../verbs/npy-matrix.ts';
import type { Benchmark } from './benchmark.ts';

const GRID = [0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
/** Rows that are made and written at a time. */
const BATCH = 256;

export const RIDGE_SCALE: Benchmark = {
  does: 'ridge at NSD scale, resumable; --folder DIR --rows 8859 --voxels 11694 --targets 16384 --memory 8 --search exhaustive|bracket --standardise none|zscore',
  async run(options) {
    const size = (name: string, fallback: number): number => Number(options[name] ?? fallback);
    const rows = size('rows', 8859), voxels = size('voxels', 11694), targets = size('targets', 16384);
    const folder = path.resolve(options['folder'] ?? 'ridge-scale');
    await fs.mkdir(folder, { recursive: true });
    const file = (name: string): string => path.join(folder, name);
    await randomFile(file(`x-${rows}-${voxels}.npy`), rows, voxels, 1);
    await randomFile(file(`y-${rows}-${targets}.npy`), rows, targets, 2);
    const x = await readMatrix(file(`x-${rows}-${voxels}.npy`));
    const y = await openTargets(file(`y-${rows}-${targets}.npy`));
    const out = file(`decoder-${rows}-${voxels}-${targets}`);
    await fs.mkdir(out, { recursive: true });
    const products = sessionProducts(options['threads'] === undefined ? {} : { threads: Number(options['threads']) });
    const clock = phaseClock();
    const started = performance.now(), used = process.cpuUsage();
    const decoder = await fitDecoder({
      x, y, alphas: GRID.map((alpha) => alpha * rows), folds: { kind: 'k-fold', folds: 5 }, memory: size('memory', 8) * 1e9,
      search: options['search'] === 'bracket' ? 'bracket' : 'exhaustive', standardise: options['standardise'] === 'zscore' ? 'zscore' : 'none',
    }, { products, store: arrayFolder(out), checkpoint: checkpointFolder(path.join(out, 'partial')), progress: clock.tick });
    const seconds = (performance.now() - started) / 1000;
    const cpu = process.cpuUsage(used);
    await y.close();
    await products.release();
    return {
      title: `ridge ${rows} x ${voxels} -> ${targets}, 5 folds x ${GRID.length} penalties, search ${decoder.record.folds?.search ?? 'none'}, ${decoder.record.solver.reason}`,
      ours: [{ name: 'optogram, wall', seconds: [seconds], median: seconds }, { name: 'optogram, processor', seconds: [(cpu.user + cpu.system) / 1e6], median: (cpu.user + cpu.system) / 1e6 }],
      peer: { missing: 'none at this size' }, ratios: {}, checks: { ...clock.phases(), 'median r': decoder.record.summary?.medianR ?? NaN },
    };
  },
};

/** Processor seconds between reports, by what was being done; a line on stderr every half minute. */
function phaseClock(): { readonly tick: (done: number, total: number, what: string) => void; readonly phases: () => Record<string, number> } {
  const sums = new Map<string, number>();
  let doing = 'reading and centring', last = process.cpuUsage(), said = 0;
  return {
    tick: (done, total, what) => {
      const used = process.cpuUsage(last);
      sums.set(doing, (sums.get(doing) ?? 0) + (used.user + used.system) / 1e6);
      last = process.cpuUsage();
      doing = what;
      if (performance.now() - said < 30_000) return;
      said = performance.now();
      process.stderr.write(`${new Date().toISOString()} ${((100 * done) / total).toFixed(1)} % ${what}, ${Math.round(process.memoryUsage().rss / 1e6)} MB\n`);
    },
    phases: () => Object.fromEntries([...sums].map(([name, seconds]) => [`processor seconds, ${name}`, Number(seconds.toFixed(2))])),
  };
}

/** Normal numbers, seeded, written by rows unless the file is there already. */
async function randomFile(file: string, rows: number, columns: number, seed: number): Promise<void> {
  if (await fs.access(file).then(() => true, () => false)) return;
  const source = random(seed);
  const handle = await fs.open(`${file}.part`, 'w');
  try {
    // The header of an array of this shape, then its rows.
    const header = writeNpy(f32([0, columns], new Float32Array(0)));
    const text = Buffer.from(header).toString('latin1'); // TextDecoder's latin1 is windows-1252, which changes the magic bytes
    const grown = text.replace(`(0, ${columns})`, `(${rows}, ${columns})`);
    const excess = grown.length - text.length;
    await handle.write(Buffer.from(grown.replace(' '.repeat(excess) + '\n', '\n'), 'latin1'));
    for (let from = 0; from < rows; from += BATCH) {
      const data = fillNormal(new Float32Array((Math.min(rows, from + BATCH) - from) * columns), source);
      await handle.write(new Uint8Array(data.buffer));
    }
  } finally { await handle.close(); }
  await fs.rename(`${file}.part`, file);
}
