/** The state of a group of images in stage 2 as one .npz file: what a resumed run goes on from, to the bit. */
import fs from 'node:fs/promises';
import { UserError } from '../../common/errors.ts';
import { f32, isDType, ndarray, rows } from '../../common/ndarray.ts';
import type { DType, F32, NdArray } from '../../common/ndarray.ts';
import type { RefineState } from '../diffusion/refine.ts';
import { readNpz, writeNpz } from '../formats/npz.ts';
import { exists } from './artefacts.ts';

export function writeState(state: RefineState): Uint8Array {
  const flat = (data: Float32Array): F32 => f32([data.length], data), { kept } = state;
  return writeNpz(new Map<string, NdArray>([
    ['iteration', ndarray('int32', [1], Int32Array.of(state.iteration))], ['z', state.z], ['c', state.c], ['best-z', state.bestZ], ['best-c', state.bestC],
    ['m-z', flat(state.momentsZ.m)], ['v-z', flat(state.momentsZ.v)], ['m-c', flat(state.momentsC.m)], ['v-c', flat(state.momentsC.v)],
    ['decoded', ndarray('float64', [state.decoded.length], state.decoded)], ['true', ndarray('float64', [state.true.length], state.true)],
    ...(kept.length === 0 ? [] : [['kept-z', stacked(kept.map((each) => each.z))], ['kept-c', stacked(kept.map((each) => each.c))]] as const),
    ['stopped', ndarray('int32', [state.stopped.length], state.stopped)], ['chosen', ndarray('int32', [state.chosen.length], state.chosen)],
  ]));
}

/** `[list, ...shape]` */
function stacked(list: readonly F32[]): F32 {
  const [first] = list, width = first?.data.length ?? 0, data = new Float32Array(list.length * width);
  list.forEach((each, k) => { data.set(each.data, k * width); });
  return f32([list.length, ...first?.shape ?? []], data);
}

const FIX = 'Delete the file; the refinement of these images starts again.';

async function readArrays(file: string): Promise<ReadonlyMap<string, NdArray>> {
  const bytes = await fs.readFile(file);
  try { return readNpz(bytes, file); } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError('bad-input', error.message, { ...error.detail, file, fix: FIX });
  }
}

/** The kept state, or `fresh` where there is none. `finalists`: iterations of which it keeps z and c, once they were judged. Throws UserError (`bad-input`) if the file is damaged, of another group, or disagrees with itself. */
export async function readState(file: string, fresh: RefineState, finalists: readonly number[]): Promise<RefineState> {
  if (!await exists(file)) return fresh;
  const arrays = await readArrays(file);
  const take = <D extends DType>(name: string, dtype: D, like: readonly number[]): NdArray<D> => {
    const array = arrays.get(name);
    if (array === undefined || !isDType(array, dtype) || array.shape.join() !== like.join()) {
      throw new UserError('bad-input', `${file} is not the state of this refinement`, { file, expected: `${name}: ${dtype}[${like.join(', ')}]`, found: array === undefined ? 'nothing' : `${array.dtype}[${array.shape.join(', ')}]`, fix: FIX });
    }
    return array;
  };
  const z = [fresh.momentsZ.m.length], c = [fresh.momentsC.m.length], iteration = take('iteration', 'int32', [1]).data[0] ?? 0, judged = [iteration * fresh.stopped.length];
  const held = finalists.filter((each) => each < iteration), keptOf = (name: string, shape: readonly number[]): F32[] => {
    const all = held.length === 0 ? null : take(name, 'float32', [held.length, ...shape]);
    return held.map((_, k) => f32(shape, all === null ? new Float32Array(0) : rows(all, k, k + 1).data));
  };
  const keptZ = keptOf('kept-z', fresh.z.shape), keptC = keptOf('kept-c', fresh.c.shape);
  return {
    iteration,
    z: take('z', 'float32', fresh.z.shape), c: take('c', 'float32', fresh.c.shape), bestZ: take('best-z', 'float32', fresh.z.shape), bestC: take('best-c', 'float32', fresh.c.shape),
    momentsZ: { m: take('m-z', 'float32', z).data, v: take('v-z', 'float32', z).data }, momentsC: { m: take('m-c', 'float32', c).data, v: take('v-c', 'float32', c).data },
    decoded: take('decoded', 'float64', judged).data, true: take('true', 'float64', judged).data,
    stopped: take('stopped', 'int32', [fresh.stopped.length]).data, chosen: take('chosen', 'int32', [fresh.chosen.length]).data,
    kept: held.map((each, k) => ({ iteration: each, z: keptZ[k] ?? fresh.z, c: keptC[k] ?? fresh.c })),
  };
}
