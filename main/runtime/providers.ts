/**
 * Which execution providers work on this machine: each is tried alone with a tiny model, because a list of providers throws
 * when one of them cannot load and names alone promise nothing.
 */
import { availableParallelism } from 'node:os';
import { f32 } from '../../common/ndarray.ts';
import { graphBuilder } from '../onnx/build.ts';
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

/** y = x W with W = 2 I. */
function tinyModel(): Uint8Array {
  const b = graphBuilder('probe');
  b.output(b.matMul(b.input('x', 'float32', [1, 2]), b.constant(f32([2, 2], [2, 0, 0, 2]))), 'y');
  return writeModel(b.build());
}

/** Tries one provider. A wrong result counts as not working. */
export async function probeProvider(provider: Provider): Promise<ProviderReport> {
  try {
    const session = await openSession({ bytes: tinyModel(), name: 'probe' }, { provider, quiet: true });
    try {
      const { y } = await session.run({ x: f32([1, 2], [3, 4]) });
      const works = y?.data[0] === 6 && y.data[1] === 8;
      return { provider, works, reason: works ? '' : 'it computed a wrong product' };
    } finally {
      await session.release();
    }
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
