/** The conditional UNet of a pack as a function of latents, timestep and context. */
import { UserError } from '../../common/errors.ts';
import { f32, isDType, ndarray, rows, zeros } from '../../common/ndarray.ts';
import type { F32, NdArray } from '../../common/ndarray.ts';
import type { UnetRole } from '../runtime/pack-description.ts';
import type { Session, TensorSpec } from '../runtime/session.ts';

/** Attention matrices of the finest level may not come near 1 GiB in one tensor (Stable Diffusion: 8 heads, 4096 places, float32). */
const LARGEST_ATTENTION_BYTES = 0.9 * 2 ** 30;
const HEADS = 8;
/** More rows gain nothing on any provider measured and cost memory. */
const MOST_ROWS = 32;

/** Rows (guidance branches times images) that one run may hold for latents `[channels, height, width]`. */
export function rowsPerRun(latentShape: readonly number[]): number {
  const places = (latentShape[1] ?? 1) * (latentShape[2] ?? 1);
  return Math.max(1, Math.min(MOST_ROWS, Math.floor(LARGEST_ATTENTION_BYTES / (HEADS * places * places * 4))));
}

/** The timestep as the network declares it, repeated where it declares a fixed number of them. Throws `UserError` (`model-missing`) for a type that no export has. */
export function timeFeed(spec: TensorSpec | undefined, timestep: number): NdArray {
  const declared = spec?.shape[0], count = typeof declared === 'number' ? declared : 1, shape = spec !== undefined && spec.shape.length === 0 ? [] : [count];
  switch (spec?.dtype) {
    case 'float32': return f32(shape, new Float32Array(count).fill(timestep));
    case 'int32': return ndarray('int32', shape, new Int32Array(count).fill(timestep));
    case 'int64': return ndarray('int64', shape, new BigInt64Array(count).fill(BigInt(timestep)));
    default: throw new UserError('model-missing', `the UNet's timestep is ${spec?.dtype ?? 'absent'}`, { expected: 'int64, int32 or float32', found: spec?.dtype ?? 'none' });
  }
}

/**
 * Network output for `[rows, channels, height, width]` under `[rows, tokens, width]`, in runs of at most `most` rows.
 * Throws `UserError` if the model's output is not float32 of the sample's shape.
 */
export async function predict(session: Session, role: UnetRole, sample: F32, timestep: number, context: F32, most: number): Promise<F32> {
  const total = sample.shape[0] ?? 0, out = zeros('float32', sample.shape), width = total === 0 ? 0 : sample.data.length / total;
  if (context.shape[0] !== total) throw new RangeError(`${total} latents but ${context.shape[0] ?? 0} contexts`);
  const time = timeFeed(session.inputs.find((input) => input.name === role.timestep), timestep);
  for (let from = 0; from < total; from += most) {
    const to = Math.min(total, from + most), part = rows(sample, from, to);
    const { [role.output]: answer } = await session.run({ [role.sample]: part, [role.timestep]: time, [role.context]: rows(context, from, to) }, { outputs: [role.output] });
    if (answer === undefined || !isDType(answer, 'float32') || answer.data.length !== part.data.length) {
      throw new UserError('model-missing', `the UNet does not answer with float32 of the latents' shape`, { expected: `float32[${part.shape.join(', ')}]`, found: answer === undefined ? 'nothing' : `${answer.dtype}[${answer.shape.join(', ')}]` });
    }
    out.data.set(answer.data, from * width);
  }
  return out;
}
