import { describe, expect, it } from 'vitest';
import type { DecodingAccuracy, RegionAccuracy, SpaceReport, UnitAccuracy } from '../../../common/contract/payloads.ts';
import { MEASURES } from '../../../common/decoding-measures.ts';
import type { MeasureName } from '../../../common/decoding-measures.ts';
import { edgeShare, groupChart, penaltyChart, placeChart, regionChart, reportBasis, reportLines } from '../../../renderer/views/experiment/accuracy-charts.ts';

const three = (median: number) => ({ q1: median - 0.1, median, q3: median + 0.1 });
const accuracy: DecodingAccuracy = {
  images: 24, units: 8, constant: 2, still: 1, chance: { shuffles: 200, seed: 7, unit: 0.4, median: 0.2, pattern: 0.1, identification: 0.56 },
  ceiling: { units: 6, r: three(0.45), ceiling: three(0.9), withoutNoise: three(0.5), trials: 72, voxelsLeftOut: 0 }, ceilingMissing: null,
};
const report: SpaceReport = { space: 'z', targets: 10, solver: 'dual', unitR: three(0.4), patternR: 0.3, identification: 0.9, identificationChance: 0.5, alphas: [0.1, 1, 10], alphaCounts: [6, 1, 1], accuracy };
const units: UnitAccuracy = { space: 'z', shape: [2, 2, 2], r: Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, Number.NaN), ceiling: Float32Array.of(0.5, 0.5, 0.5, 0.5, 1, 1, 0.2, Number.NaN), accuracy };
const said = (chart: { readonly items: readonly { readonly lines: readonly string[] }[] } | null): string => chart?.items.flatMap(({ lines }) => lines).join('\n') ?? '';

describe('the report of a space', () => {
  it('gives every ratio with both its parts, and chance for what has one', () => {
    const lines = reportLines(report), ratio = lines.find(({ name }) => name.startsWith('r / √NC'));
    expect(ratio?.value).toBe('0.5 (0.4 to 0.6)');
    expect(ratio?.chance).toContain('from r 0.45 and √NC 0.9');
    expect(lines.find(({ name }) => name.startsWith('Two-way'))?.chance).toBe('chance 50 %, 95 % of shuffles below 56.0\u00a0%');
    expect(reportBasis(report)).toBe('24 held-out images, 8 targets (left out: 2 are the same for every training image, 1 is the same for every test image); 200 shuffles of the pairing, seed 7; 72 trials.');
  });
  it('says why where a ceiling or chance is not known', () => {
    const lines = reportLines({ ...report, identification: Number.NaN, accuracy: { ...accuracy, images: 1, chance: null, ceiling: null, ceilingMissing: 'no test image was shown twice' } });
    expect(lines.map(({ value }) => value)).toEqual(['0.4 (0.3 to 0.5)', '0.3', 'n/a', 'not known', 'not known']);
    expect(lines[3]?.chance).toBe('no test image was shown twice');
    expect(reportLines({ ...report, accuracy: null })[3]?.chance).toBe('the run was made before this was measured');
  });
  it('warns of few test images', () => { expect(reportBasis({ ...report, accuracy: { ...accuracy, images: 2 } })).toContain('With 2 images nothing'.replace('2 images', '2 test images')); });
});

describe('charts of accuracy', () => {
  it('penalties: as many as there are, edges counted', () => {
    expect(penaltyChart(report, 400, 200).csv).toEqual([['alpha/N', 'targets'], ['0.1', '6'], ['1', '1'], ['10', '1']]);
    expect(edgeShare(report)).toBeCloseTo(7 / 8, 12);
    expect(edgeShare({ alphaCounts: [] })).toBe(0);
  });

  it('groups and places: medians of what is known, the ratio only where the ceiling allows it, both parts beside it', () => {
    expect(groupChart(units, 'r', 400, 200)?.csv.slice(1).map(([group, n, , median]) => [group, n, Number(median).toFixed(2)])).toEqual([['1', '4', '0.25'], ['2', '3', '0.60']]);
    const ratio = groupChart(units, 'without-noise', 400, 200);
    // Channel 2: 0.5 and 0.6 over a ceiling of one; the third has NC 0.04 and is left out.
    expect(ratio?.csv[2]?.slice(1, 4).map((text) => Number(text).toFixed(3))).toEqual(['2.000', '0.525', '0.550']);
    expect(said(ratio)).toContain('r 0.55, ceiling √NC 1');
    const place = placeChart(units, 'r', null, 200, 'viridis');
    expect(place?.chart.csv.slice(1).map(([row, column, value]) => [row, column, Number(value).toFixed(2)])).toEqual([['1', '1', '0.30'], ['1', '2', '0.40'], ['2', '1', '0.50'], ['2', '2', '0.40']]);
    expect(said(place?.chart ?? null)).toContain('Latent cell: row 2, column 2\nmean r 0.4 over 1 target');
  });

  it.each(Object.keys(MEASURES) as MeasureName[])('%s of a space without ceiling: shown or left out, never invented', (measure) => {
    const bare = { ...units, ceiling: null, accuracy: { ...accuracy, ceiling: null } };
    expect([groupChart(bare, measure, 400, 200) === null, placeChart(bare, measure, 0, 200, 'viridis') === null]).toEqual([measure !== 'r', measure !== 'r']);
  });

  it('tokens have bars and no picture; a constant token says so', () => {
    const c: UnitAccuracy = { ...units, space: 'c', shape: [2, 2], r: Float32Array.of(Number.NaN, Number.NaN, 0.2, 0.4), ceiling: null };
    expect(said(groupChart(c, 'r', 400, 200))).toContain('Token 0\nthe same for every training or test image: no correlation');
    expect(placeChart(c, 'r', null, 200, 'viridis')).toBeNull();
  });

  it('regions: one bar each and all together last, with voxels, ceiling and chance to read; one region only is drawn too', () => {
    const own = { space: 'z' as const, unitR: three(0.4), patternR: 0.3, identification: 0.9, accuracy, alphaCounts: [1] };
    const rows: RegionAccuracy['rows'] = [{ region: 'V1', voxels: 40, noiseCeilingPercent: 61, spaces: [own] }, { region: null, voxels: 100, noiseCeilingPercent: null, spaces: [own] }];
    for (const measure of Object.keys(MEASURES) as MeasureName[]) {
      const chart = regionChart({ seconds: 1, rows }, 'z', measure, 700, 220);
      expect(chart.csv.slice(1).map(([region]) => region)).toEqual(['V1', 'Together']);
      expect(said(chart)).toContain('r 0.45 / √NC 0.9 = 0.5');
      expect(said(chart)).toContain('voxels’ noise ceiling 61 %');
    }
    expect(regionChart({ seconds: 1, rows }, 'c', 'r', 700, 220).items).toEqual([]);
  });
});
