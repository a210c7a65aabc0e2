/**
 * Run-time allow-lists of channel names, made exhaustive at compile time: a type parameter constrained to `never` fails
 * to compile when a channel of the contract is missing here.
 */
import type { InvokeName, PushName, ViewName } from './channels.ts';

type Exhaustive<_Missing extends never> = true;

export const INVOKABLE = [
  'app.info', 'app.setTheme', 'app.setMemory', 'app.remember', 'data.choose', 'data.addRecent', 'data.removeRecent', 'pack.choose', 'pack.remember', 'pack.removeRecent', 'folder.kind', 'demo.create', 'run.start', 'run.cancel', 'run.pause',
  'run.resume', 'run.rename', 'run.delete', 'run.list', 'run.get', 'regions.start', 'job.list', 'table.start', 'table.list', 'file.savePng', 'file.saveText', 'file.show',
] as const satisfies readonly InvokeName[];

export const VIEWABLE = [
  'data.inspect', 'data.stimuli', 'data.captions', 'cortex.geometry', 'cortex.labels', 'cortex.sampling', 'map.list', 'map.voxels',
  'voxel.card', 'region.card', 'region.list', 'table.keys', 'table.compose', 'accuracy.units', 'accuracy.regions', 'refine.records', 'pack.check',
] as const satisfies readonly ViewName[];

export const PUSHABLE = [
  'run.event', 'run.changed', 'job.changed', 'data.openRequested', 'command', 'engine.restarted',
] as const satisfies readonly PushName[];

export type Checked = [
  Exhaustive<Exclude<InvokeName, (typeof INVOKABLE)[number]>>,
  Exhaustive<Exclude<ViewName, (typeof VIEWABLE)[number]>>,
  Exhaustive<Exclude<PushName, (typeof PUSHABLE)[number]>>,
];
