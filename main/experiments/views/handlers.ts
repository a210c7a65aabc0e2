/** What the view lane answers to the window: arrays for the screen, read from data set and artefacts, no session opened. */
import type { View, ViewName, ViewRequest } from '../../../common/contract/channels.ts';
import { VIEWABLE } from '../../../common/contract/invokable.ts';
import type { Dataset } from '../../../common/dataset.ts';
import { UserError } from '../../../common/errors.ts';
import type { Products } from '../../linalg/products.ts';
import { readRegions } from '../regions.ts';
import { unitAccuracy } from './accuracy.ts';
import { chooseProvider, packReport } from '../pack-report.ts';
import { packFolder } from '../prepare.ts';
import { scoreKeys } from '../score-keys.ts';
import { regionCard, voxelCard } from './cards.ts';
import { hemisphereGeometry } from './geometry.ts';
import { listMaps, voxelMap } from './maps.ts';
import { openRun } from './open-run.ts';
import { refinementsOf, tableOf } from './tables.ts';
import { thumbnails } from './thumbnails.ts';

export interface ViewDeps {
  readonly workspace: string;
  /** Folder of shipped packs. */
  readonly models: string;
  readonly openDataset: (root: string) => Promise<Dataset>;
  readonly products: Products;
}

type ViewHandlers = { readonly [Name in ViewName]: (...args: View[Name]['args']) => Promise<View[Name]['result']> };

/** One opened data set is kept: the window looks at one at a time. */
export function viewHandlers({ workspace, models, openDataset, products }: ViewDeps): (request: ViewRequest) => Promise<unknown> {
  let current: { path: string; dataset: Promise<Dataset> } | null = null;
  const dataset = (path: string, fresh = false): Promise<Dataset> => {
    if (current === null || current.path !== path || fresh) {
      const previous = current?.dataset;
      void previous?.then((opened) => { opened.close(); }, () => undefined);
      const opening = openDataset(path);
      current = { path, dataset: opening };
      opening.catch(() => { if (current?.dataset === opening) current = null; });
    }
    return current.dataset;
  };
  const runs = openRun(workspace, products);
  /** Trying the providers says the same every time. */
  let provider: ReturnType<typeof chooseProvider> | null = null;

  const handlers: ViewHandlers = {
    'data.inspect': async (path) => (await dataset(path, true)).inspect(),
    'data.stimuli': async (path, imageIds, pixels) => thumbnails(await (await dataset(path)).stimuli(imageIds), pixels),
    'data.captions': async (path, imageId) => (await (await dataset(path)).captions(Int32Array.of(imageId)))[0] ?? [],
    'cortex.geometry': async (path, subject, hemisphere) => hemisphereGeometry(await dataset(path), subject, hemisphere),
    'cortex.labels': async (path, subject, hemisphere, atlas) => (await dataset(path)).surfaceLabels(subject, hemisphere, atlas),
    'cortex.sampling': async (run, hemisphere) => {
      const { responses } = await runs(run);
      return responses.voxels === null ? null : (await dataset(run.dataPath)).sampling(run.subject, hemisphere, responses.voxels);
    },
    'map.list': async (run) => listMaps(await runs(run), await dataset(run.dataPath)),
    'map.voxels': async (run, request) => voxelMap(await runs(run), request, await dataset(run.dataPath)),
    'voxel.card': async (run, voxel) => voxelCard(await runs(run), voxel),
    'region.card': async (run, region) => regionCard(await runs(run), region),
    'region.list': async (run) => (await runs(run)).responses.regions,
    'table.keys': async (recipes, dataPath) => {
      // Opened anew, as a run opens it: files may have changed since the window looked.
      const opened = await openDataset(dataPath);
      try { return await scoreKeys(recipes, (await opened.inspect()).fingerprint, models); } finally { opened.close(); }
    },
    'table.compose': (table, refs) => tableOf(workspace, table, refs),
    'accuracy.units': (run, space) => unitAccuracy(workspace, run, space),
    'accuracy.regions': (run) => readRegions(workspace, run),
    'pack.check': async (pack, sampler, refine, images) => packReport(packFolder(models, pack), { sampler, refine, images }, await (provider ??= chooseProvider())),
    'refine.records': (run) => refinementsOf(workspace, run),
  };
  return async (request) => {
    if (!VIEWABLE.some((name) => name === request.name)) throw new UserError('usage', `unknown channel ${request.name}`);
    const handler = handlers[request.name] as (...args: readonly unknown[]) => Promise<unknown>;
    return handler(...request.args);
  };
}
