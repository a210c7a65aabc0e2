/** FastL2LiR (voxels chosen per target, double precision) against the published package on the same arrays. Wall and processor seconds. */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ndarray } from '../../../common/ndarray.ts';
import type { F64 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { writeNpy } from '../../formats/npy.ts';
import { sessionProducts } from '../../linalg/session-products.ts';
import { prepareFastL2lir } from '../../ridge/fastl2lir.ts';
import type { Benchmark } from './benchmark.ts';
import { RUNS, ratiosOf, timedBoth } from './benchmark.ts';
import { runPeer } from './peer.ts';

const ALPHA = 0.15;

export const FASTL2LIR: Benchmark = {
  does: 'FastL2LiR, float64; --rows 1200 --voxels 3000 --targets 512 --voxels-per-target 450 --threads N (ours only; the peer runs its loop on one)',
  async run(options, { subsystemWorker }) {
    const size = (name: string, fallback: number): number => Number(options[name] ?? fallback);
    const rows = size('rows', 1200), voxels = size('voxels', 3000), targets = size('targets', 512), voxelsPerTarget = size('voxels-per-target', 450);
    const x = normal(rows, voxels, 1), y = normal(rows, targets, 2);
    const products = sessionProducts({ subsystemWorker, ...options['threads'] === undefined ? {} : { threads: Number(options['threads']) } });
    let weights = x;
    const ours = await timedBoth('optogram', async () => {
      weights = (await (await prepareFastL2lir(x, { alpha: ALPHA, voxelsPerTarget }, products)).solve(y)).weights;
    });
    await products.release();
    const title = `FastL2LiR ${rows} x ${voxels} -> ${targets}, ${voxelsPerTarget} voxels a target`;
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'optogram-bench-'));
    try {
      for (const [name, array] of Object.entries({ x, y, weights })) await fs.writeFile(path.join(folder, `${name}.npy`), writeNpy(array));
      const peer = await runPeer('fastl2lir_peer.py', [folder, String(voxelsPerTarget), String(ALPHA), String(RUNS)]);
      if ('missing' in peer) return { title, ours, peer, ratios: {}, checks: {} };
      return { title, ours, peer: peer.timings, checks: peer.checks, ratios: ratiosOf(ours, peer.timings) };
    } finally { await fs.rm(folder, { recursive: true, force: true }); }
  },
};

function normal(rows: number, columns: number, seed: number): F64 {
  return ndarray('float64', [rows, columns], Float64Array.from(fillNormal(new Float32Array(rows * columns), random(seed))));
}
