import path from 'node:path';
import type { Quartiles, RegionAccuracy, SpaceReport } from '../../../common/contract/payloads.ts';
import { UserError } from '../../../common/errors.ts';
import { openDataset } from '../../experiments/open-dataset.ts';
import { measureRegions, readRegions } from '../../experiments/regions.ts';
import { readSpaceReports } from '../../experiments/space-report.ts';
import { sessionProducts } from '../../linalg/session-products.ts';
import { openStore } from '../../store/open.ts';
import { getRun } from '../../store/runs.ts';
import { findRef } from './map.ts';
import type { Verb } from './verb.ts';
import { choice, numeric, required } from './verb.ts';

const USAGE = 'accuracy --workspace WS --run ID [--regions true|false] [--memory GB]';

export const ACCURACY: Verb = {
  usage: USAGE,
  does: 'says how well the decoders of a run predict held-out images, with chance and trial noise; with --regions also a decoder for every region',
  options: ['workspace', 'run', 'regions', 'memory'],
  words: [0, 0],
  async run(context) {
    const workspace = path.resolve(required(context, 'workspace', USAGE)), ref = findRef(workspace, required(context, 'run', USAGE));
    const spaces = await readSpaceReports(workspace, ref.keys), gigabytes = numeric(context, 'memory', 8);
    if (!(gigabytes > 0)) throw new UserError('usage', `--memory ${gigabytes}`, { expected: 'a positive number of GB', found: String(gigabytes) });
    if (spaces.length === 0) throw new UserError('bad-input', `run ${ref.runId} has no decoders that were measured`, { file: workspace, expected: 'a run that has predicted its test images', found: Object.keys(ref.keys).join(', ') || 'no finished step', fix: 'Finish the run first.' });
    let regions: RegionAccuracy | null = await readRegions(workspace, ref);
    if (regions === null && choice(context, 'regions', ['true', 'false'], 'false') === 'true') {
      const store = openStore(workspace), recipe = getRun(store, ref.runId)?.recipe;
      store.close();
      if (recipe === undefined) throw new RangeError(`run ${ref.runId} vanished`);
      const dataset = await openDataset(ref.dataPath), products = sessionProducts();
      try {
        regions = await measureRegions({ workspace, ref, recipe, dataset, products, memory: gigabytes * 1e9, signal: context.signal, progress: context.progress });
      } finally {
        dataset.close();
        await products.release();
      }
    }
    context.out({ runId: ref.runId, spaces, regions }, [...spaces.map(told), ...(regions === null ? [] : regionLines(regions))].join('\n'));
  },
};

const number = (value: number): string => (Number.isFinite(value) ? value.toFixed(3) : 'n/a');
const three = ({ q1, median, q3 }: Quartiles): string => `${number(median)} (${number(q1)} to ${number(q3)})`;

function told({ space, unitR, patternR, identification, accuracy }: SpaceReport): string {
  const chance = accuracy?.chance ?? null, ceiling = accuracy?.ceiling ?? null;
  return [
    `${space}: r per target ${three(unitR)}${chance === null ? '' : `, 95 % of shuffled medians below ${number(chance.median)}`}; pattern r ${number(patternR)}; identification ${number(identification)}, chance 0.5`,
    ceiling === null ? `  no ceiling: ${accuracy?.ceilingMissing ?? 'the run was made before it was measured'}` : `  ceiling ${three(ceiling.ceiling)}, r / ceiling ${three(ceiling.withoutNoise)} from r ${number(ceiling.r.median)} (${ceiling.units} targets, ${ceiling.trials} trials)`,
  ].join('\n');
}

function regionLines({ rows }: RegionAccuracy): string[] {
  return rows.map(({ region, voxels, spaces }) => `${(region ?? 'together').padEnd(10)} ${String(voxels).padStart(6)} voxels  ${spaces.map(({ space, unitR, identification }) => `${space}: r ${number(unitR.median)}, identification ${number(identification)}`).join('  ')}`);
}
