/**
 * Stage 2 (method.md 4): z and c of stage 1 adjusted until the picture meets the decoded Z_CLIP.
 *
 * Images are refined in the groups of `reconstruct.ts`. After every iteration its pictures are written, then the group's state in one file that takes the
 * place of the last: whatever ends the process, the next run goes on from a whole state and makes the same bytes.
 */
import path from 'node:path';
import fs from 'node:fs/promises';
import { throwIfAborted, UserError } from '../../../common/errors.ts';
import { refineCost, samplerCost } from '../../../common/gradient-modes.ts';
import type { RefinementRecord } from '../../../common/run-event.ts';
import { f32, ndarray, rows, sizeOf } from '../../../common/ndarray.ts';
import type { F32, U8 } from '../../../common/ndarray.ts';
import { finalistIterations } from '../../../common/recipe.ts';
import { FEATURE_LOSSES } from '../../diffusion/feature-loss.ts';
import type { FeatureLoss, LossFacts } from '../../diffusion/feature-loss.ts';
import { drift, initialState, refineOnce } from '../../diffusion/refine.ts';
import type { RefineState, RefineTargets, Searches } from '../../diffusion/refine.ts';
import type { Refiner } from '../../diffusion/refiner.ts';
import { axesAt, componentAxes, precisionOf, spreadAxes, valueAxes } from '../../diffusion/search-axes.ts';
import type { SearchAxes } from '../../diffusion/search-axes.ts';
import { toPicture } from '../../diffusion/vae.ts';
import { readPng, writePng } from '../../formats/png.ts';
import { openDecoder } from '../../ridge/decoder.ts';
import { arrayFolder } from '../array-folder.ts';
import { artefactPath, exists, folderBytes, putItem, readArray } from '../artefacts.ts';
import { chooseFinal } from '../finalists.ts';
import type { FinalChoice } from '../finalists.ts';
import { inputRows, predictedRows } from '../inputs.ts';
import type { Networks } from '../networks.ts';
import type { PlannedStep } from '../plan.ts';
import { keyFor } from '../plan.ts';
import { readState, writeState } from '../refine-state.ts';
import type { Stage, StageContext } from '../stage.ts';
import { folderOf, progressOf } from '../stage.ts';
import { loadFeatures } from './features.ts';
import { ERROR_DEVIATION, ERROR_DIRECTIONS } from './fit.ts';
import { BATCH, groupsOf, itemNames, noiseOf, picture, testImages } from './reconstruct.ts';

const ITERATIONS = 'iterations';
const recordName = (id: number): string => `${String(id).padStart(5, '0')}-refinement.json`;
const stateName = (group: Int32Array): string => `state-${String(group[0] ?? 0).padStart(5, '0')}.npz`;
const STATE = /^state-\d+\.npz$/;
/** Relative to the artefact folder. */
export const iterationName = (id: number, iteration: number): string => `${ITERATIONS}/${String(id).padStart(5, '0')}-${String(iteration).padStart(4, '0')}.png`;

export const REFINE: Stage = {
  kind: 'refine',
  async isComplete(step, context) {
    if (!await exists(path.join(folderOf(context, 'responses'), 'artefact.json'))) return false;
    return (await unfinished(step, context)).length === 0;
  },
  async run(step, context) {
    const ids = await testImages(context), todo = await unfinished(step, context), folder = folderOf(context, 'refine'), progress = progressOf(step, context);
    await sweepStates(folder, groupsOf(ids).filter((group) => group.some((id) => todo.includes(id))));
    for (const id of ids) if (!todo.includes(id)) announce(step, context, id);
    const networks = await context.networks();
    const refiner = await networks.refiner({ sampler: context.recipe.sampler, refine: context.recipe.refine, images: Math.min(BATCH, ids.length) });
    const task: Task = { step, context, folder, networks, refiner, targets: await targetsOf(context), axes: await searched(context, networks.shapes.latentShape), z: await inputRows(context, 'z'), c: await inputRows(context, 'c') };
    for (const group of groupsOf(ids)) {
      if (!group.some((id) => todo.includes(id))) continue;
      const before = ids.indexOf(group[0] ?? -1);
      await refineGroup(task, group, (share) => { progress(before + share * group.length, ids.length, 'images'); });
      for (const id of group) announce(step, context, id);
      progress(before + group.length, ids.length, 'images');
    }
    return folderBytes(folder);
  },
  async replay(step, context) {
    await sweepStates(folderOf(context, step.label), []);
    for (const id of await testImages(context)) announce(step, context, id);
  },
};

/** Removes states that nothing goes on from: a process that ends between a group's last record and the removal of its state leaves one. */
async function sweepStates(folder: string, open: readonly Int32Array[]): Promise<void> {
  const names = await fs.readdir(folder).catch((): string[] => []); // absent: nothing was begun
  for (const name of names.filter((each) => STATE.test(each) && !open.some((group) => stateName(group) === each))) await fs.rm(path.join(folder, name), { force: true });
}

interface Task {
  readonly step: PlannedStep;
  readonly context: StageContext;
  readonly folder: string;
  readonly networks: Networks;
  readonly refiner: Refiner;
  /** `atTruth`: decoded loss of each image's own features. */
  readonly targets: (ids: Int32Array) => Promise<Omit<RefineTargets, 'search'> & { readonly atTruth: Float64Array }>;
  readonly axes: { readonly z: SearchAxes; readonly c: SearchAxes };
  readonly z: (ids: Int32Array) => Promise<Float32Array>;
  readonly c: (ids: Int32Array) => Promise<Float32Array>;
}

/** Images without a record: it is written last. */
async function unfinished(step: PlannedStep, context: StageContext): Promise<Int32Array> {
  const folder = folderOf(context, step.label), ids = await testImages(context);
  const there = await Promise.all([...ids].map((id) => exists(path.join(folder, recordName(id)))));
  return ids.filter((_, index) => there[index] !== true);
}

function announce(step: PlannedStep, context: StageContext, imageId: number): void {
  const names = itemNames(imageId), truth = `${artefactPath(keyFor(context.steps, 'reconstruct'))}/${names.truth}`;
  context.emit({ type: 'image', key: step.key, image: { imageId, truth, reconstruction: `${artefactPath(step.key)}/${names.reconstruction}` } });
}

/** Losses against decoded and own features. */
async function targetsOf(context: StageContext): Promise<Task['targets']> {
  const { refine, inputs, decoder: choice } = context.recipe, make = FEATURE_LOSSES[refine.loss];
  const decoder = await openDecoder(arrayFolder(folderOf(context, 'fit:clip')));
  const own = async (ids: Int32Array): Promise<Float32Array> => (await loadFeatures(folderOf(context, 'features:clip'), ids)).features.data;
  // The published loss takes ridge's own, shrunken predictions; in z units the contrast is the recipe's choice, as for z and c.
  const matched = refine.loss !== 'published' && choice.varianceMatching;
  const rowsOf = await predictedRows(context, 'clip', matched ? 'predicted' : 'raw');
  const facts: LossFacts = { matched, keptShare: refine.keptShare, layers: (await loadShape(context))[0] ?? 1, mean: decoder.yMean, deviation: decoder.yDeviation, r: decoder.record.scores === null ? null : Float32Array.from(decoder.record.scores.r) };
  return async (ids) => {
    const truth = await own(ids), target = inputs.clip === 'true' ? truth : rowsOf(ids), width = target.length / ids.length;
    const losses = (values: Float32Array): FeatureLoss[] => Array.from(ids, (_, n) => make(facts, values.slice(n * width, (n + 1) * width)));
    const decoded = losses(target), atTruth = Float64Array.from(decoded, (loss, n) => loss(truth.slice(n * width, (n + 1) * width)).value);
    // The image's own features do not err.
    return { decoded, atTruth, agreed: Float64Array.from(decoded, ({ left }) => (inputs.clip === 'true' ? 0 : left)), true: losses(truth) };
  };
}

/** Where an input is searched. What was not decoded has no errors of a decoder: it is searched value by value, in units of its spread over the training images. */
async function axesOf(context: StageContext, space: 'z' | 'c'): Promise<SearchAxes> {
  const { refine, inputs } = context.recipe, folder = folderOf(context, `fit:${space}`), decoder = await openDecoder(arrayFolder(folder));
  const decoded = inputs[space] === 'decoded' || inputs[space] === 'true';
  if (refine.along === 'values') return valueAxes(precisionOf(decoder.yDeviation, decoded ? decoder.record.scores?.r ?? null : null));
  if (!decoded) return spreadAxes(decoder.yDeviation);
  return componentAxes(await readArray(folder, ERROR_DIRECTIONS, 'float32'), (await readArray(folder, ERROR_DEVIATION, 'float32')).data);
}

/** Axes of z at the side that is sampled, and of c. In mode `guided` neither moves. */
async function searched(context: StageContext, latentShape: readonly number[]): Promise<Task['axes']> {
  const { refine, sampler } = context.recipe;
  if (refine.mode === 'guided') return { z: valueAxes(new Float32Array(0)), c: valueAxes(new Float32Array(0)) };
  return { z: axesAt(await axesOf(context, 'z'), latentShape, sampler.side ?? latentShape[1] ?? 0), c: await axesOf(context, 'c') };
}

async function loadShape(context: StageContext): Promise<readonly number[]> {
  return (await loadFeatures(folderOf(context, 'features:clip'), new Int32Array(0), 'embedding')).shape;
}

async function refineGroup(task: Task, group: Int32Array, progress: (share: number) => void): Promise<void> {
  const { context, folder, networks } = task, { refine, sampler, seed } = context.recipe, { latentShape, contextShape } = networks.shapes;
  const z0 = await networks.atSide(f32([group.length, ...latentShape], await task.z(group)), sampler.side), c0 = f32([group.length, ...contextShape], await task.c(group));
  const { atTruth, ...losses } = await task.targets(group), search: Searches = { z: { from: z0, axes: task.axes.z }, c: { from: c0, axes: task.axes.c } }, targets: RefineTargets = { ...losses, search }, noise = noiseOf(seed, group, z0.shape.slice(1));
  // 1. The refinement itself, one kept state after another.
  const finished = refine.mode === 'guided' ? await guide(task, group, z0, c0, noise, targets, progress) : await iterate(task, group, noise, targets, progress);
  // 2. The final pictures, drawn by stage 1's own sampler under the noise of stage 1: of what was chosen, or of what was kept, to choose from.
  const stage1 = await stage1Pictures(context, group), before = await featuresOf(networks, stage1), cost = refineCost(sampler, refine), { state } = finished;
  let left = state.kept.length + 1;
  const draw = async (z: F32, c: F32): Promise<U8> => {
    progress(Math.max(0, 1 - (samplerCost(sampler) * left--) / cost.all));
    return networks.decode(await networks.sample({ latents: z, context: c, noise, sampler, signal: context.signal, progress: () => undefined }));
  };
  const own: () => Promise<FinalChoice> = async () => ({ pictures: await (finished.latents === null ? draw(state.bestZ, state.bestC) : networks.decode(finished.latents)), z: state.bestZ, c: state.bestC, chosen: state.chosen, drawn: [] });
  const final = finalistIterations(refine).length === 0 ? await own() : await chooseFinal(state, { pictures: stage1, features: before, z: z0, c: c0 }, targets.decoded, draw, (pictures) => featuresOf(networks, pictures));
  // 3. Losses of stage 1's picture and of the final one, both read as any picture is.
  const after = await featuresOf(networks, final.pictures);
  for (const [n, id] of group.entries()) {
    const judge = (features: F32): RefinementRecord['before'] => {
      const own = features.data.subarray(n * sizeOf(features.shape.slice(1)), (n + 1) * sizeOf(features.shape.slice(1)));
      return { decoded: targets.decoded[n]?.(own).value ?? Number.NaN, true: targets.true[n]?.(own).value ?? null };
    };
    const list = (values: Float64Array): (number | null)[] => Array.from({ length: values.length / group.length }, (_, i) => { const value = values[i * group.length + n] ?? Number.NaN; return Number.isFinite(value) ? value : null; });
    const record: RefinementRecord = {
      imageId: id, mode: refine.mode, loss: refine.loss, decoded: list(state.decoded), true: list(state.true), chosen: final.chosen[n] ?? 0, stopped: state.stopped[n] === -1 ? null : state.stopped[n] ?? null,
      before: judge(before), after: judge(after), atTruth: atTruth[n] ?? Number.NaN, driftZ: drift(final.z, z0, n), driftC: drift(final.c, c0, n), ...(final.drawn[n] === undefined ? {} : { drawn: final.drawn[n] }),
    };
    await putItem(folder, itemNames(id).reconstruction, writePng(picture(final.pictures, n)));
    await putItem(folder, recordName(id), new TextEncoder().encode(JSON.stringify(record)));
  }
  await fs.rm(path.join(folder, stateName(group)), { force: true });
}

interface Finished {
  readonly state: RefineState;
  /** Null = to be drawn from the state's choice. */
  readonly latents: F32 | null;
}

async function iterate(task: Task, group: Int32Array, noise: F32, targets: RefineTargets, progress: (share: number) => void): Promise<Finished> {
  const { context, folder, refiner } = task, { refine, sampler, seed } = context.recipe, cost = refineCost(sampler, refine), kept = path.join(folder, stateName(group));
  let state = await readState(kept, initialState(targets.search), finalistIterations(refine));
  for (;;) {
    throwIfAborted(context.signal);
    const { iteration } = state;
    const under = (at: number): F32 => (refine.noise === 'fixed' ? noise : noiseOf(seed, group, noise.shape.slice(1), `/iteration/${at}`));
    const judged = await refineOnce(state, refine, targets, (z, c, at) => refiner.pass(z, c, under(at), context.signal), context.signal);
    await keepIteration(task, group, judged.values, judged.state, iteration, refine.iterations);
    if (judged.finished) return { state: judged.state, latents: null };
    state = judged.state;
    await putItem(folder, stateName(group), writeState(state));
    progress((cost.iteration * (iteration + 1)) / cost.all);
  }
}

/** Mode `guided`: one walk that is pushed; its "iterations" are the pushed steps, judged on the clean sample that each predicts. */
async function guide(task: Task, group: Int32Array, z0: F32, c0: F32, noise: F32, targets: RefineTargets, progress: (share: number) => void): Promise<Finished> {
  const { context, refiner } = task, images = group.length;
  let state = initialState(targets.search);
  const latents = await refiner.guided(z0, c0, noise, async (values, features) => {
    const width = features.data.length / images, gradient = new Float32Array(features.data.length), decoded = new Float64Array(images), known = new Float64Array(images).fill(Number.NaN);
    for (let n = 0; n < images; n++) {
      const own = features.data.subarray(n * width, (n + 1) * width), loss = targets.decoded[n]?.(own);
      if (loss === undefined) throw new RangeError('an image without a target');
      gradient.set(loss.gradient, n * width);
      decoded[n] = loss.value;
      known[n] = targets.true[n]?.(own).value ?? Number.NaN;
    }
    const { iteration } = state;
    state = { ...state, iteration: iteration + 1, decoded: Float64Array.of(...state.decoded, ...decoded), true: Float64Array.of(...state.true, ...known), chosen: new Int32Array(images).fill(iteration) };
    await keepIteration(task, group, values, state, iteration, refiner.calls.pushed - 1);
    progress((0.9 * (iteration + 1)) / refiner.calls.pushed);
    return f32(features.shape, gradient);
  }, context.signal);
  return { state, latents };
}

function notANumber(imageId: number, iteration: number): UserError {
  return new UserError('unsupported', `the loss of image ${imageId} is no number at iteration ${iteration} of stage 2`, {
    expected: 'a finite loss of the picture\'s features', found: 'NaN or infinity: the networks overflow on this picture',
    fix: 'Lower the guidance or the push, take an export of the networks in float32, or run without stage 2.',
  });
}

/** Pictures of one iteration as files, then its losses as events. `last`: number of the last iteration that may come. */
async function keepIteration({ step, context, folder }: Task, group: Int32Array, values: F32, state: RefineState, iteration: number, last: number): Promise<void> {
  const pictures = toPicture(values), images = group.length, { refine } = context.recipe;
  for (const [n, id] of group.entries()) {
    const decoded = state.decoded[iteration * images + n] ?? Number.NaN, known = state.true[iteration * images + n] ?? Number.NaN;
    if (!Number.isFinite(decoded)) {
      // An image that had stopped has none; stage 1's picture, and a walk that is pushed, have no earlier one to go back to.
      if (iteration === 0 || refine.mode === 'guided') throw notANumber(id, iteration);
      continue;
    }
    const [sub = '', name = ''] = iterationName(id, iteration).split('/');
    await putItem(path.join(folder, sub), name, writePng(picture(pictures, n)));
    context.emit({ type: 'refinement', key: step.key, refinement: {
      imageId: id, iteration, iterations: last, decoded, true: Number.isFinite(known) ? known : null, picture: `${artefactPath(step.key)}/${iterationName(id, iteration)}`,
    } });
  }
}

async function featuresOf(networks: Networks, images: U8): Promise<F32> {
  const { taps } = await networks.encodeImages(images), count = taps.shape[0] ?? 0;
  return f32([count, taps.data.length / count], taps.data);
}

async function stage1Pictures(context: StageContext, group: Int32Array): Promise<U8> {
  const folder = folderOf(context, 'reconstruct'), all = await Promise.all(Array.from(group, async (id) => { const file = path.join(folder, itemNames(id).reconstruction); return readPng(await fs.readFile(file), file); }));
  const shape = all[0]?.shape ?? [0, 0, 3], data = new Uint8Array(group.length * sizeOf(shape));
  all.forEach((each, n) => { data.set(each.data, n * sizeOf(shape)); });
  return rows(ndarray('uint8', [group.length, ...shape], data), 0, group.length);
}
