import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../../common/random.ts';
import { KASTNER } from '../../../main/demo/areas.ts';
import type { Area } from '../../../main/demo/areas.ts';
import { noiseOf } from '../../../main/demo/noise.ts';
import { FAMILIES, plant } from '../../../main/demo/planted.ts';
import type { Planted } from '../../../main/demo/planted.ts';
import { addPicture, CHANNELS, channelsOf, emptyBank, fieldWeights, gaborEnergy, pool } from '../../../main/demo/receptive-field.ts';
import type { ChannelBank } from '../../../main/demo/receptive-field.ts';
import { reliabilityOf } from '../../../main/demo/reliability.ts';
import { renderScene } from '../../../main/demo/render.ts';
import { sampleScene, sceneFacts } from '../../../main/demo/scene.ts';
import type { SceneFacts } from '../../../main/demo/scene.ts';
import { sensitivities } from '../../../main/demo/sensitivity.ts';

const SEED = 3;
const PIXELS = 64, PICTURES = 120;
/** float32 sums over some hundred pictures. */
const ROUNDING = 1e-4;

describe('receptive fields', () => {
  it('have most energy where the orientation of a grating is the filter\'s, and none for a plain picture', () => {
    const side = 32;
    for (let o = 0; o < 4; o++) {
      const angle = (o * Math.PI) / 4;
      const plane = Float32Array.from({ length: side * side }, (_, i) => Math.cos((2 * Math.PI * ((i % side) * Math.cos(angle) + Math.floor(i / side) * Math.sin(angle))) / 4));
      const energy = gaborEnergy(plane, side), centre = 16 * side + 16;
      const at = [0, 1, 2, 3].map((k) => energy[k * side * side + centre] ?? 0);
      expect(at.indexOf(Math.max(...at))).toBe(o);
      // A matched complex Gabor of unit mass answers half the amplitude to a cosine.
      expect(at[o]).toBeCloseTo(0.5, 2);
    }
    const plain = channelsOf(new Uint8Array(PIXELS * PIXELS * 3).fill(90), PIXELS);
    expect(plain[0]).toBeCloseTo(90 / 255, 5);
    // The nine-tap envelope is cut at 2.2 SD, so that a constant leaks a little through.
    for (let c = 3; c < CHANNELS.length; c++) expect(Math.abs(plain[c * 1024 + 500] ?? 1)).toBeLessThan(0.01);
  });

  it('see all of a picture from its middle, half from its edge, nothing from afar', () => {
    for (const size of [0.4, 1.1]) {
      expect(fieldWeights({ x: 0, y: 0, size }).seen).toBeGreaterThan(0.96);
      expect(Math.abs(fieldWeights({ x: 4.2, y: 0, size }).seen - 0.5)).toBeLessThan(0.05);
      expect(fieldWeights({ x: 9, y: 0, size }).seen).toBe(0);
    }
  });

  it('look up where y is positive and right where x is', () => {
    const picture = new Uint8Array(PIXELS * PIXELS * 3), bank = emptyBank(1), out = new Float32Array(1);
    for (let row = 0; row < 16; row++) for (let column = 48; column < 64; column++) picture.fill(255, 3 * (row * PIXELS + column), 3 * (row * PIXELS + column) + 3);
    addPicture(bank, 0, picture, PIXELS);
    for (const [x, y, bright] of [[3.1, 3.1, true], [-3.1, 3.1, false], [3.1, -3.1, false]] as const) {
      pool(bank, 0, fieldWeights({ x, y, size: 0.5 }), out);
      expect((out[0] ?? 0) > 0.5).toBe(bright);
    }
  });
});

describe(`planted responses (seed ${SEED})`, () => {
  let planted: Planted, bank: ChannelBank, facts: SceneFacts[], labels: Uint8Array;
  beforeAll(() => {
    bank = emptyBank(PICTURES);
    facts = [];
    for (let n = 0; n < PICTURES; n++) {
      const scene = sampleScene(random(SEED).fork(`scene/${n}`));
      addPicture(bank, n, renderScene(scene, PIXELS), PIXELS);
      facts.push(sceneFacts(scene));
    }
    const count = 25 * 16, source = random(SEED).fork('fields');
    labels = Uint8Array.from({ length: count }, (_, v) => 1 + (v % 25));
    const draw = (low: number, high: number): Float32Array => Float32Array.from({ length: count }, () => source.between(low, high));
    planted = plant({ labels, x: draw(-3.5, 3.5), y: draw(-3.5, 3.5), size: draw(0.4, 2), channels: bank, facts }, random(SEED).fork('plant'));
  }, 300_000);

  const of = (...names: readonly Area[]): number[] => Array.from(labels.keys()).filter((v) => names.includes(KASTNER[(labels[v] ?? 1) - 1] ?? 'FEF'));

  it('have mean 0 and variance 1, and shares that sum to 1, unless silent', () => {
    let silent = 0;
    for (let v = 0; v < labels.length; v++) {
      const response = planted.signal.subarray(v * PICTURES, (v + 1) * PICTURES), shares = planted.shares.subarray(v * FAMILIES.length, (v + 1) * FAMILIES.length);
      const square = response.reduce((sum, value) => sum + value * value, 0) / PICTURES, share = shares.reduce((sum, value) => sum + value, 0);
      const alive = (planted.snr[v] ?? 0) > 0;
      if (!alive) silent++;
      expect(Math.abs(square - (alive ? 1 : 0))).toBeLessThan(ROUNDING);
      expect(Math.abs(share - (alive ? 1 : 0))).toBeLessThan(ROUNDING);
    }
    // SPL1 and FEF are two of 25 labels; about an eighth of the others is silent.
    expect(silent / labels.length).toBeGreaterThan(0.12);
    expect(silent / labels.length).toBeLessThan(0.3);
    for (const v of of('SPL1', 'FEF')) expect(planted.snr[v]).toBe(0);
  });

  it('put layout into V1-V3 and meaning into VO and LO', () => {
    const truth = sensitivities(planted, bank, facts);
    const mean = (values: Float32Array, list: number[]): number => { const alive = list.filter((v) => (planted.snr[v] ?? 0) > 0); return alive.reduce((sum, v) => sum + (values[v] ?? 0) / Math.sqrt((planted.snr[v] ?? 1) ** 2 / (1 + (planted.snr[v] ?? 1) ** 2)), 0) / alive.length; };
    const early = of('V1v', 'V1d', 'V2v', 'V2d', 'V3v', 'V3d'), late = of('LO1', 'LO2', 'VO1', 'VO2');
    expect(mean(truth.z, early)).toBeGreaterThan(1.5 * mean(truth.z, late));
    expect(mean(truth.c, late)).toBeGreaterThan(mean(truth.c, early));
    for (const space of [truth.z, truth.c, truth.clip]) for (const value of space) { expect(value).toBeGreaterThanOrEqual(0); expect(value).toBeLessThanOrEqual(1); }
    // One voxel by the definition, slowly: correlation with the indicator of "grass" and so on is bounded by the mean of clip.
    const v = early.find((voxel) => (planted.snr[voxel] ?? 0) > 0) ?? 0;
    expect((truth.clip[v] ?? 0) ** 2).toBeCloseTo(((truth.z[v] ?? 0) ** 2 + (truth.c[v] ?? 0) ** 2) / 2, 5);
  });

  it('come out of the betas again as ncsnr', () => {
    // White noise of SD 1 and a signal of known SD, three trials of 250 pictures in one session.
    const source = random(SEED).fork('betas'), wanted = [0, 0.3, 0.6, 1], trialsOf = Int32Array.from({ length: 750 }, (_, i) => i + 1);
    const session = new Int16Array(wanted.length * 750);
    wanted.forEach((snr, v) => {
      for (let p = 0; p < 250; p++) { const signal = snr * source.normal(); for (let r = 0; r < 3; r++) session[v * 750 + 3 * p + r] = Math.round(300 * (2 + signal + source.normal())); }
    });
    const { ncsnr, meanbeta } = reliabilityOf([session], wanted.length, trialsOf);
    wanted.forEach((snr, v) => {
      // The noise variance of 500 degrees of freedom is known to about 6 %.
      expect(Math.abs((ncsnr[v] ?? 0) ** 2 - snr ** 2)).toBeLessThan(0.2 * (1 + snr ** 2));
      expect(Math.abs((meanbeta[v] ?? 0) - 600)).toBeLessThan(40);
    });
  });
});

describe(`noise (seed ${SEED})`, () => {
  it('has unit variance without drift, and neighbours share more of it than strangers', () => {
    const grid = { shape: [12, 12, 12] as const, voxelSizeMm: 4, centre: [0, 0, 0] as const };
    const inner: number[] = [];
    for (let k = 2; k < 10; k++) for (let j = 2; j < 10; j++) for (let i = 2; i < 10; i++) inner.push(i + 12 * (j + 12 * k));
    const voxels = Int32Array.from(inner), noise = noiseOf(grid, voxels, 1, random(SEED)), trials = 1500;
    const all = Array.from({ length: trials }, (_, t) => { const out = new Float32Array(voxels.length); noise.add(out, 0, t / trials); return out; });
    const covariance = (a: number, b: number): number => all.reduce((sum, row) => sum + (row[a] ?? 0) * (row[b] ?? 0), 0) / trials;
    let variance = 0, near = 0, far = 0;
    const probes = [0, 77, 150, 222, 300];
    for (const v of probes) { variance += covariance(v, v) / probes.length; near += covariance(v, v + 1) / probes.length; far += covariance(v, (v + 260) % 512) / probes.length; }
    // Drift adds 0.22 squared; 1500 trials know a variance to about 4 %.
    expect(Math.abs(variance - 1.05)).toBeLessThan(0.12);
    expect(near).toBeGreaterThan(far + 0.1);
  });
});
