/** Cross-validated ridge with one penalty per target, against himalaya's KernelRidgeCV and scikit-learn's RidgeCV on the same arrays. */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { F32 } from '../../../common/ndarray.ts';
import { f32 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { writeNpy } from '../../formats/npy.ts';
import { sessionProducts } from '../../linalg/session-products.ts';
import { memoryStore } from '../../ridge/artefact.ts';
import { fitDecoder } from '../../ridge/fit.ts';
import { arrayTargets } from '../../ridge/targets.ts';
import type { Benchmark } from './benchmark.ts';
import { RUNS, ratiosOf, timedBoth } from './benchmark.ts';
import { runPeer } from './peer.ts';

const FOLDS = 5;
const GRID = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];

export const RIDGE: Benchmark = {
  does: 'ridge, 5 folds x 10 penalties; --rows 2000 --voxels 6000 --targets 4096 --search exhaustive|bracket --standardise none|zscore --runs 3 --threads N (ours and the peers\')',
  async run(options) {
    const size = (name: string, fallback: number): number => Number(options[name] ?? fallback);
    const rows = size('rows', 2000), voxels = size('voxels', 6000), targets = size('targets', 4096);
    const { x, y } = planted(rows, voxels, targets);
    const alphas = GRID.map((alpha) => alpha * rows);
    const threads = options['threads'] === undefined ? undefined : Number(options['threads']), runs = size('runs', RUNS);
    const search = options['search'] === 'exhaustive' || options['search'] === 'bracket' ? { search: options['search'] } as const : {};
    const products = sessionProducts(threads === undefined ? {} : { threads });
    const foldOf = Int32Array.from({ length: rows }, (_, row) => Math.floor((row * FOLDS) / rows));
    let chosen: readonly number[] = [];
    const ours = await timedBoth('optogram', async () => {
      const decoder = await fitDecoder({ x, y: arrayTargets(y), alphas, folds: { kind: 'given', foldOf }, ...search, standardise: options['standardise'] === 'zscore' ? 'zscore' : 'none' }, { products, store: memoryStore() });
      chosen = decoder.record.alphaPerTarget;
    }, runs);
    await products.release();
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'optogram-bench-'));
    try {
      await fs.writeFile(path.join(folder, 'x.npy'), writeNpy(x));
      await fs.writeFile(path.join(folder, 'y.npy'), writeNpy(y));
      await fs.writeFile(path.join(folder, 'chosen.json'), JSON.stringify(chosen));
      const peer = await runPeer('ridge.py', [folder, JSON.stringify(alphas), String(FOLDS), String(runs)], threads);
      if ('missing' in peer) return { title: `ridge ${rows} x ${voxels} -> ${targets}`, ours, peer, ratios: {}, checks: {} };
      return { title: `ridge ${rows} x ${voxels} -> ${targets}`, ours, peer: peer.timings, checks: peer.checks, ratios: ratiosOf(ours, peer.timings) };
    } finally { await fs.rm(folder, { recursive: true, force: true }); }
  },
};

/** y = x W of low rank + noise, so that penalties differ between targets. */
function planted(rows: number, voxels: number, targets: number): { x: F32; y: F32 } {
  const source = random(1), rank = 50;
  const x = fillNormal(new Float32Array(rows * voxels), source.fork('x'));
  const mix = fillNormal(new Float32Array(rank * targets), source.fork('mix'));
  const y = fillNormal(new Float32Array(rows * targets), source.fork('noise'));
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < rank; k++) {
      const value = (x[i * voxels + k * Math.floor(voxels / rank)] ?? 0) * 0.3;
      for (let j = 0; j < targets; j++) y[i * targets + j] = (y[i * targets + j] ?? 0) + value * (mix[k * targets + j] ?? 0);
    }
  }
  return { x: f32([rows, voxels], x), y: f32([rows, targets], y) };
}
