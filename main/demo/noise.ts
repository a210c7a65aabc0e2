/**
 * What a voxel says besides the picture: noise that neighbours share, noise that networks and the whole brain share, noise
 * of its own, and slow drift. Unit variance per voxel without the drift, so that a signal of SD `snr` has that ncsnr.
 *
 * Shared noise is what makes decoder weights mislead: a voxel without signal is still worth a weight, to cancel it.
 */
import { fillNormal } from '../../common/random.ts';
import type { Random } from '../../common/random.ts';
import type { Grid } from './volume.ts';

/** Shares of the variance; they sum to 1. */
const VARIANCE = { own: 0.5, neighbours: 0.22, networks: 0.18, brain: 0.1 };
const NETWORKS = 8;
const NETWORK_PASSES = 10;
/** SD of the drift within a session against the noise's. */
const DRIFT = 0.22;
const DRIFT_MAPS = 3;

/** One pass of the kernel (1/4, 1/2, 1/4) along each axis, zero outside; `scratch` has the same length. In place. */
function blur(values: Float32Array, scratch: Float32Array, [I, J, K]: readonly [number, number, number]): void {
  // Axis by axis: `outer` blocks of `extent` planes, each of `stride` neighbouring numbers.
  let from = values, to = scratch, stride = 1;
  for (const extent of [I, J, K]) {
    const block = stride * extent;
    for (let start = 0; start < from.length; start += block) {
      for (let plane = 0; plane < extent; plane++) {
        // At the ends the missing neighbour has weight 0; its index stays inside the array.
        const first = start + plane * stride, back = plane > 0 ? stride : 0, on = plane < extent - 1 ? stride : 0;
        const before = back > 0 ? 0.25 : 0, after = on > 0 ? 0.25 : 0;
        for (let at = first; at < first + stride; at++) to[at] = 0.5 * (from[at] ?? 0) + before * (from[at - back] ?? 0) + after * (from[at + on] ?? 0);
      }
    }
    stride = block;
    const held = from; from = to; to = held;
  }
  values.set(from);
}

/** Smooth random map over the listed voxels, mean 0 and SD 1. */
function smoothMap(grid: Grid, voxels: Int32Array, passes: number, source: Random): Float32Array {
  const all = fillNormal(new Float32Array(grid.shape[0] * grid.shape[1] * grid.shape[2]), source), scratch = new Float32Array(all.length);
  for (let pass = 0; pass < passes; pass++) blur(all, scratch, grid.shape);
  const out = Float32Array.from(voxels, (voxel) => all[voxel] ?? 0);
  const mean = out.reduce((sum, value) => sum + value, 0) / out.length;
  const size = Math.sqrt(out.reduce((sum, value) => sum + (value - mean) ** 2, 0) / out.length) || 1;
  return out.map((value) => (value - mean) / size);
}

/** Draws to choose from; 65536 of them stand for the normal distribution at a fraction of its cost, mean 0 and SD 1 exactly. */
const DRAWS = 65536;

function normalTable(source: Random): Float32Array {
  const table = fillNormal(new Float32Array(DRAWS), source);
  const mean = table.reduce((sum, value) => sum + value, 0) / DRAWS;
  const size = Math.sqrt(table.reduce((sum, value) => sum + (value - mean) ** 2, 0) / DRAWS);
  return table.map((value) => (value - mean) / size);
}

/** Fills with draws from the table, two for each random number. */
function fillFrom(table: Float32Array, out: Float32Array, source: Random): void {
  for (let i = 0; i < out.length; i += 2) {
    const bits = (source.uniform() * 4294967296) >>> 0;
    out[i] = table[bits & 65535] ?? 0;
    if (i + 1 < out.length) out[i + 1] = table[bits >>> 16] ?? 0;
  }
}

export interface NoiseSource {
  /** Adds one trial's noise to `out` (one number per voxel, in noise SDs). `place` = trial / trials of the session, 0 to 1. */
  add(out: Float32Array, session: number, place: number): void;
}

/** A stream of noise over the listed voxels of a grid (0-based, i fastest). */
export function noiseOf(grid: Grid, voxels: Int32Array, sessions: number, source: Random): NoiseSource {
  const networks = Array.from({ length: NETWORKS }, (_, n) => smoothMap(grid, voxels, NETWORK_PASSES, source.fork(`network/${n}`)));
  // Each voxel's network part is brought to the same variance, wherever the maps happen to be large.
  const size = Float32Array.from(voxels, (_, v) => Math.sqrt(networks.reduce((sum, map) => sum + (map[v] ?? 0) ** 2, 0)) || 1);
  const driftMaps = Array.from({ length: sessions * DRIFT_MAPS }, (_, n) => smoothMap(grid, voxels, NETWORK_PASSES, source.fork(`drift/${n}`)));
  const driftTurns = driftMaps.map((_, n) => { const own = source.fork(`turn/${n}`); return [own.normal(), own.normal()] as const; });
  const trial = source.fork('trials');
  const near = new Float32Array(grid.shape[0] * grid.shape[1] * grid.shape[2]), scratch = new Float32Array(near.length);
  // The kernel (1/4, 1/2, 1/4) keeps 3/8 of white noise's variance along each axis.
  const nearGain = Math.sqrt(VARIANCE.neighbours) / Math.sqrt(0.375 ** 3), ownGain = Math.sqrt(VARIANCE.own);
  const mix = new Float32Array(voxels.length), own = new Float32Array(voxels.length), table = normalTable(source.fork('table'));
  return {
    add: (out, session, place) => {
      fillFrom(table, near, trial);
      fillFrom(table, own, trial);
      blur(near, scratch, grid.shape);
      const brain = Math.sqrt(VARIANCE.brain) * trial.normal();
      mix.fill(0);
      for (const map of networks) {
        const strength = Math.sqrt(VARIANCE.networks) * trial.normal();
        for (let v = 0; v < mix.length; v++) mix[v] = (mix[v] ?? 0) + strength * (map[v] ?? 0);
      }
      for (let v = 0; v < mix.length; v++) mix[v] = (mix[v] ?? 0) / (size[v] ?? 1);
      for (let d = 0; d < DRIFT_MAPS; d++) {
        const map = driftMaps[session * DRIFT_MAPS + d], [line = 0, bend = 0] = driftTurns[session * DRIFT_MAPS + d] ?? [];
        // Both shapes have mean 0 and variance 1 over a session.
        const now = (DRIFT / Math.sqrt(2 * DRIFT_MAPS)) * (line * Math.sqrt(12) * (place - 0.5) + bend * Math.SQRT2 * Math.cos(2 * Math.PI * place));
        if (map !== undefined) for (let v = 0; v < mix.length; v++) mix[v] = (mix[v] ?? 0) + now * (map[v] ?? 0);
      }
      for (let v = 0; v < out.length; v++) out[v] = (out[v] ?? 0) + brain + (mix[v] ?? 0) + nearGain * (near[voxels[v] ?? 0] ?? 0) + ownGain * (own[v] ?? 0);
    },
  };
}
