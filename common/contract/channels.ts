/**
 * The contract between window, main process and engine. Names are `domain.verb`. This file imports types only: it is
 * compiled for the browser and for Node.
 *
 * - `Invoke`: window -> main process (store, queue, dialogs, windows).
 * - `View`: window -> view lane of the engine, over a MessagePort (arrays for the screen; never waits behind a fit).
 * - `Push`: main process -> window.
 */
import type { Arm, TableNumber } from '../ablation/arms.ts';
import type { AblationTable } from '../ablation/table.ts';
import type { Hemisphere, Inspection, SurfaceLabels, VoxelSampling } from '../dataset.ts';
import type { ErrorReport } from '../errors.ts';
import type { U8 } from '../ndarray.ts';
import type { Recipe, RefineChoice, SamplerChoice, SpaceName } from '../recipe.ts';
import type { RunEvent } from '../run-event.ts';
import type { PackReport } from './pack-report.ts';
import type {
  AppInfo, FolderKind, HemisphereGeometry, JobRow, MapRequest, RefinementView, RegionAccuracy, RegionCard, RunDetail, RunRef, RunRow, TableRun, Theme, UnitAccuracy, VoxelCard, VoxelMap,
} from './payloads.ts';

interface Call<Args extends readonly unknown[], Result> {
  readonly args: Args;
  readonly result: Result;
}

export interface Invoke {
  'app.info': Call<[], AppInfo>;
  'app.setTheme': Call<[theme: Theme], null>;
  /** Remembers where the user is, so that the next launch returns there. */
  'app.remember': Call<[place: { dataPath: string | null; runId: string | null }], null>;
  /** Native folder dialog; null if cancelled. */
  'data.choose': Call<[], string | null>;
  'data.addRecent': Call<[entry: { path: string; label: string; synthetic: boolean }], null>;
  'data.removeRecent': Call<[path: string], null>;
  /** Native folder dialog for a model pack; null if cancelled. */
  'pack.choose': Call<[], string | null>;
  /** New experiments start with this pack from now on; a folder is also kept in the list of recent ones. */
  'pack.remember': Call<[entry: { path: string; label: string }], null>;
  'pack.removeRecent': Call<[path: string], null>;
  /** What a dropped folder or file is, by the names in it; nothing of it is read. */
  'folder.kind': Call<[path: string], FolderKind>;
  /** Writes the demo dataset if it is not there yet; returns its path at once if it is. Progress through `job.changed`. */
  'demo.create': Call<[], { path: string }>;
  'run.start': Call<[recipe: Recipe, dataPath: string], RunRow>;
  'run.cancel': Call<[runId: string], null>;
  /** Stops runs so that they go on later, waiting ones before the one at work; what is finished is kept, and a paused run stays paused when the application closes. */
  'run.pause': Call<[runIds: readonly string[]], null>;
  /** Queues a paused, interrupted, cancelled or failed run again; it goes on at the item where it stopped. */
  'run.resume': Call<[runId: string], RunRow>;
  /** Queues decoders of single regions of a finished run; progress through `job.changed`, with the job's id; `run.cancel` stops it. */
  'regions.start': Call<[runId: string], { readonly jobId: string }>;
  /** Bytes that a fit may take on this computer; null = the default. */
  'app.setMemory': Call<[bytes: number | null], null>;
  'run.rename': Call<[runId: string, name: string], null>;
  'run.delete': Call<[runId: string], null>;
  'run.list': Call<[], readonly RunRow[]>;
  'run.get': Call<[runId: string], RunDetail>;
  'job.list': Call<[], readonly JobRow[]>;
  /** Queues the arms that are not done yet; arms that a run made before are taken from it, if it made the scores named in `keys` (view `table.keys`). */
  'table.start': Call<[table: TableNumber, arms: readonly Arm[], keys: readonly string[], dataPath: string], TableRun>;
  'table.list': Call<[], readonly TableRun[]>;
  /** Save dialog, `.png` appended if missing, written atomically; the final path, or null if cancelled. */
  'file.savePng': Call<[suggestedName: string, png: Uint8Array], string | null>;
  'file.saveText': Call<[suggestedName: string, text: string], string | null>;
  'file.show': Call<[path: string], null>;
}

export interface View {
  'data.inspect': Call<[path: string], Inspection>;
  /** Thumbnails of stimuli, uint8 `[images, pixels, pixels, 3]`. */
  'data.stimuli': Call<[path: string, imageIds: Int32Array, pixels: number], U8>;
  'data.captions': Call<[path: string, imageId: number], readonly string[]>;
  'cortex.geometry': Call<[path: string, subject: string, hemisphere: Hemisphere], HemisphereGeometry | null>;
  'cortex.labels': Call<[path: string, subject: string, hemisphere: Hemisphere, atlas: string], SurfaceLabels | null>;
  'cortex.sampling': Call<[run: RunRef, hemisphere: Hemisphere], VoxelSampling | null>;
  /** Which maps this run can show. */
  'map.list': Call<[run: RunRef], readonly MapRequest[]>;
  'map.voxels': Call<[run: RunRef, request: MapRequest], VoxelMap>;
  'voxel.card': Call<[run: RunRef, voxel: number], VoxelCard>;
  'region.card': Call<[run: RunRef, region: string], RegionCard>;
  /** Region name per voxel column of the run's responses. */
  'region.list': Call<[run: RunRef], readonly string[]>;
  /** Key of each recipe's scores as they would be made now of this data. */
  'table.keys': Call<[recipes: readonly Recipe[], dataPath: string], readonly string[]>;
  /** The table of finished arms, `refs` in the order of `table.arms`. */
  'table.compose': Call<[table: TableRun, refs: readonly RunRef[]], AblationTable>;
  /** Accuracy of every target of a space on held-out images. */
  'accuracy.units': Call<[run: RunRef, space: SpaceName], UnitAccuracy>;
  /** What was measured of the run's regions; null if nothing was. */
  'accuracy.regions': Call<[run: RunRef], RegionAccuracy | null>;
  /** What a model pack provides and would take, before a network of it is opened. */
  'pack.check': Call<[pack: string, sampler: SamplerChoice, refine: RefineChoice, images: number], PackReport>;
  /** Loss curves of a run's stage 2, finished images only. */
  'refine.records': Call<[run: RunRef], readonly RefinementView[]>;
}

export interface Push {
  'run.event': { readonly runId: string; readonly event: RunEvent };
  'run.changed': RunRow;
  'job.changed': JobRow;
  /** The OS asked to open a folder or file (double-click, argument, second launch). */
  'data.openRequested': { readonly path: string };
  /** A menu item or shortcut of the native menu, by command id. */
  'command': { readonly id: string };
  /** The engine process ended unexpectedly and was restarted. */
  'engine.restarted': { readonly lane: 'work' | 'view'; readonly message: string };
}

export type InvokeName = keyof Invoke;
export type ViewName = keyof View;
export type PushName = keyof Push;

export type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ErrorReport };

/** One request over the MessagePort to the view lane, and its answer. */
export interface ViewRequest<Name extends ViewName = ViewName> {
  readonly id: number;
  readonly name: Name;
  readonly args: View[Name]['args'];
}

export interface ViewReply {
  readonly id: number;
  readonly reply: Reply<unknown>;
}

/** What the preload puts on `window.lab`. */
export interface Lab {
  invoke<Name extends InvokeName>(name: Name, ...args: Invoke[Name]['args']): Promise<Reply<Invoke[Name]['result']>>;
  on<Name extends PushName>(name: Name, listener: (payload: Push[Name]) => void): () => void;
  /** Path of a dropped file or folder. */
  pathOf(file: File): string;
}
/* The engine port arrives as `window.postMessage('engine-port', origin, [port])` after load and after every engine restart. */
