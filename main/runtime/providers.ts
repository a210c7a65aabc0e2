/**
 * Which execution providers work on this machine: each is tried alone with a tiny model, because a list of providers throws
 * when one of them cannot load and names alone promise nothing.
 */
import { availableParallelism } from 'node:os';
import { f32, sizeOf } from '../../common/ndarray.ts';
import { random } from '../../common/random.ts';
import { graphBuilder } from '../onnx/build.ts';
import type { Ref } from '../onnx/build.ts';
import { writeModel } from '../onnx/protobuf/write.ts';
import { openSession } from './session.ts';
import type { Provider } from './session.ts';

/** Best first. Which are worth trying per platform is a fact of the runtime's builds; trying another costs an error. */
const CANDIDATES: Readonly<Record<string, readonly Provider[]>> = {
  linux: ['cuda', 'webgpu', 'cpu'],
  win32: ['cuda', 'dml', 'webgpu', 'cpu'],
  darwin: ['coreml', 'webgpu', 'cpu'],
};

export interface ProviderReport {
  readonly provider: Provider;
  readonly works: boolean;
  /** Why not, in the runtime's words; empty if it works. */
  readonly reason: string;
}

const CHANNELS = 8, SIDE = 8, SEED = 11;
/** Other chips sum in another order and may multiply in reduced precision; a wrong kernel is off by far more. */
export const SELF_TEST_TOLERANCE = 5e-3;

/**
 * What the networks are made of, in small: convolution, normalisation, activation, attention, enlargement and a gather. Input x `[1, 8, 8, 8]`.
 */
function tinyModel(): Uint8Array {
  const b = graphBuilder('probe'), source = random(SEED);
  const weight = (shape: readonly number[]): Ref => { const fan = sizeOf(shape) / (shape[0] ?? 1); return b.constant(f32(shape, Float32Array.from({ length: sizeOf(shape) }, () => source.normal() / Math.sqrt(fan)))); };
  const x = b.input('x', 'float32', [1, CHANNELS, SIDE, SIDE]), ones = b.constant(f32([CHANNELS], new Float32Array(CHANNELS).fill(1))), none = b.constant(f32([CHANNELS], new Float32Array(CHANNELS)));
  const convolved = b.instanceNormalization(b.conv(x, weight([CHANNELS, CHANNELS, 3, 3]), none, { pads: [1, 1, 1, 1] }), ones, none, 1e-5), active = b.mul(convolved, b.sigmoid(convolved));
  const places = b.transpose(b.reshape(active, [1, CHANNELS, SIDE * SIDE]), [0, 2, 1]), q = b.matMul(places, weight([CHANNELS, CHANNELS])), k = b.matMul(places, weight([CHANNELS, CHANNELS]));
  const seen = b.matMul(b.softmax(b.matMul(q, b.transpose(k, [0, 2, 1]))), places), back = b.reshape(b.transpose(seen, [0, 2, 1]), [1, CHANNELS, SIDE, SIDE]);
  const large = b.resize(b.add(active, back), { sizes: [1, CHANNELS, 2 * SIDE, 2 * SIDE] }, { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' });
  b.output(b.erf(b.gather(large, b.integers([3, 0, 5]), 1)), 'y');
  return writeModel(b.build());
}

async function answerOf(provider: Provider): Promise<Float32Array> {
  const session = await openSession({ bytes: tinyModel(), name: 'probe' }, { provider, quiet: true, ...(provider === 'cpu' ? { threads: 1 } : {}) });
  try {
    const { y } = await session.run({ x: f32([1, CHANNELS, SIDE, SIDE], Float32Array.from({ length: CHANNELS * SIDE * SIDE }, (_, i) => Math.sin(0.37 * i))) });
    if (!(y?.data instanceof Float32Array)) throw new Error('it gave no float32 result');
    return y.data;
  } finally {
    await session.release();
  }
}

/** Tries one provider on a small network and holds its answer against the CPU's. A wrong result counts as not working. */
export async function probeProvider(provider: Provider): Promise<ProviderReport> {
  try {
    const found = await answerOf(provider), expected = provider === 'cpu' ? found : await answerOf('cpu');
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (found[i] ?? Number.NaN))), found.every(Number.isFinite) ? 0 : Infinity);
    const works = found.length === expected.length && worst <= SELF_TEST_TOLERANCE;
    return { provider, works, reason: works ? '' : `its answers differ from the CPU's by ${worst.toPrecision(2)} where ${SELF_TEST_TOLERANCE} is allowed; the CPU is used instead` };
  } catch (cause) {
    return { provider, works: false, reason: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** Every provider worth trying on this platform, best first; the CPU is always last and always works. */
export async function probeProviders(platform: string = process.platform): Promise<readonly ProviderReport[]> {
  const reports: ProviderReport[] = [];
  for (const provider of CANDIDATES[platform] ?? ['cpu']) reports.push(await probeProvider(provider));
  return reports;
}

/** The first that works. */
export function bestProvider(reports: readonly ProviderReport[]): Provider {
  return reports.find((report) => report.works)?.provider ?? 'cpu';
}

/** Threads for one session when nothing else computes: all cores that the process may use. */
export function allThreads(): number {
  return availableParallelism();
}
