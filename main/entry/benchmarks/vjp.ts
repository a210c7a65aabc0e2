/**
 * Forward plus gradient of a UNet against PyTorch eager: the demo pack's, or a full-size Stable Diffusion v1 UNet of random weights
 * (build/bench/sdv1_export.py). CPU seconds stand beside wall seconds: on a shared machine only they compare.
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UserError } from '../../../common/errors.ts';
import { f32, ndarray, sizeOf } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { vjp } from '../../autodiff/backward.ts';
import { feedsOf } from '../../onnx/graph.ts';
import type { Graph } from '../../onnx/graph.ts';
import { peakBytes, weightBytes } from '../../onnx/memory.ts';
import { readModel } from '../../onnx/protobuf/read.ts';
import { modelPieces } from '../../onnx/protobuf/write.ts';
import { openSession } from '../../runtime/session.ts';
import type { Benchmark, BenchmarkResult } from './benchmark.ts';
import { median, RUNS } from './benchmark.ts';
import { repository, runPeer } from './peer.ts';

interface Subject { readonly tokens: number; readonly width: number; readonly side: number }
const DEMO: Subject = { tokens: 24, width: 96, side: 16 }, SDV1: Subject = { tokens: 77, width: 768, side: 64 };
const WRT = ['sample', 'encoder_hidden_states'];

/** sin(0.37 k + i) for inputs, cos(0.61 k) for the cotangent, timestep 501: what the peer makes too. */
function feed(graph: Graph): Record<string, NdArray> {
  return Object.fromEntries(feedsOf(graph).map(({ name, dtype, shape }, i): readonly [string, NdArray] => {
    const dims = (shape ?? []).map(Number), count = sizeOf(dims), at = name.endsWith('_grad') ? (k: number): number => Math.cos(0.61 * k) : (k: number): number => Math.sin(0.37 * k + i);
    return [name, dtype === 'int64' ? ndarray('int64', dims, new BigInt64Array(count).fill(501n)) : f32(dims, Float32Array.from({ length: count }, (_, k) => at(k)))];
  }));
}

const cpuSeconds = (since: NodeJS.CpuUsage): number => { const { user, system } = process.cpuUsage(since); return (user + system) / 1e6; };

/** `VmHWM` of this process: what was resident at most, mapped weights included. Not a number where the platform does not say. */
async function residentPeak(): Promise<number> {
  const text = await readFile('/proc/self/status', 'utf8').catch(() => ''), kilobytes = /VmHWM:\s+(\d+)/.exec(text)?.[1];
  return kilobytes === undefined ? Number.NaN : Number(kilobytes) * 1024;
}

export const VJP_BENCHMARK: Benchmark = {
  does: 'UNet forward + gradient; --model demo|DIR (a folder with unet/model.onnx) --batch 2 --memory GB --runs 3 --threads 2',
  async run(options): Promise<BenchmarkResult> {
    const model = options['model'] ?? 'demo', batch = Number(options['batch'] ?? 2), runs = Number(options['runs'] ?? RUNS), threads = Number(options['threads'] ?? 2);
    const folder = model === 'demo' ? path.join(repository(), 'resources/models/demo') : path.resolve(model), { tokens, width, side } = model === 'demo' ? DEMO : SDV1;
    const file = path.join(folder, 'unet/model.onnx'), started = process.cpuUsage();
    const graph = readModel(await readFile(file).catch((cause: unknown) => { throw new UserError('model-missing', `${file} cannot be read`, { file, expected: 'a UNet', found: String(cause), fix: 'Make one: python build/bench/sdv1_export.py DIR.' }); }), file);
    const memory = options['memory'] === undefined ? {} : { memoryBytes: Number(options['memory']) * 1e9 };
    const gradient = vjp(graph, { wrt: WRT, shapes: { sample: [batch, 4, side, side], timestep: [1], encoder_hidden_states: [batch, tokens, width] }, ...memory });
    const made = cpuSeconds(started), target = path.join(path.dirname(file), `.bench-${process.pid}.onnx`), scratch = await mkdtemp(path.join(os.tmpdir(), 'optogram-bench-'));
    try {
      // Beside the model, so that both point to the same weights.
      await pipeline(modelPieces(gradient), createWriteStream(target));
      const opening = process.cpuUsage(), session = await openSession({ path: target }, { mapWeights: weightBytes(graph) > 2 ** 29, frugal: weightBytes(graph) > 2 ** 29, threads });
      const opened = cpuSeconds(opening), wall: number[] = [], cpu: number[] = [], feeds = feed(gradient);
      let results: Record<string, NdArray> = {};
      for (let i = 0; i < runs; i++) {
        const from = performance.now(), used = process.cpuUsage();
        results = await session.run(feeds);
        wall.push((performance.now() - from) / 1000);
        cpu.push(cpuSeconds(used));
      }
      await session.release();
      for (const name of WRT) await writeFile(path.join(scratch, `${name}.f32`), new Uint8Array((results[`${name}_grad`]?.data as Float32Array).buffer));
      const checks: Record<string, number> = {
        'optogram CPU s (median)': median(cpu), 'wall / CPU': median(wall) / median(cpu), 'CPU s to make the gradient graph': made, 'CPU s to open it': opened,
        'predicted peak of values, GB': peakBytes(gradient) / 1e9, 'weights, GB': weightBytes(graph) / 1e9, 'peak resident, GB': await residentPeak() / 1e9, nodes: gradient.nodes.length,
      };
      const title = `vjp of ${file}, batch ${batch}, ${side} x ${side} x 4, ${threads} threads`, ours = [{ name: 'optogram', seconds: wall, median: median(wall) }];
      const peer = await runPeer('vjp.py', [folder, String(batch), String(side), String(tokens), String(runs), String(threads), scratch]);
      if ('missing' in peer) return { title, ours, peer, ratios: {}, checks };
      const theirs = peer.checks['PyTorch CPU s (median)'] ?? Number.NaN;
      return {
        title, ours, peer: peer.timings, checks: { ...checks, ...peer.checks, 'optogram / PyTorch, CPU': median(cpu) / theirs },
        ratios: Object.fromEntries(peer.timings.map((timing) => [timing.name, timing.median / median(wall)])),
      };
    } finally {
      await Promise.all([rm(target, { force: true }), rm(scratch, { recursive: true, force: true })]);
    }
  },
};
