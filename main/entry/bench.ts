/** Benchmarks: `npm run -s bench -- NAME [--json]`. Timings are measured here and never asserted in tests (design 8). */
import path from 'node:path';
import type { Benchmark } from './benchmarks/benchmark.ts';
import { FASTL2LIR } from './benchmarks/fastl2lir.ts';
import { READING } from './benchmarks/reading.ts';
import { RIDGE } from './benchmarks/ridge.ts';
import { RIDGE_SCALE } from './benchmarks/ridge-scale.ts';
import { VJP_BENCHMARK } from './benchmarks/vjp.ts';
import { parseArguments } from './arguments.ts';

const BENCHMARKS: Readonly<Record<string, Benchmark>> = { fastl2lir: FASTL2LIR, reading: READING, ridge: RIDGE, 'ridge-scale': RIDGE_SCALE, vjp: VJP_BENCHMARK };

const { words, options } = parseArguments(process.argv.slice(2), ['json']);
const benchmark = BENCHMARKS[words[0] ?? ''];
if (benchmark === undefined) {
  process.stderr.write(`usage: npm run -s bench -- NAME [--json]\n${Object.entries(BENCHMARKS).map(([name, { does }]) => `  ${name.padEnd(10)} ${does}`).join('\n')}\n`);
  process.exitCode = 2;
} else {
  const result = await benchmark.run(options, { subsystemWorker: path.join(import.meta.dirname, `subsystem-worker${path.extname(import.meta.filename)}`) });
  const peakMegabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  if (options['json'] === 'true') process.stdout.write(`${JSON.stringify({ ...result, peakMegabytes })}\n`);
  else {
    const peers = 'missing' in result.peer ? [`  peer not importable: ${result.peer.missing}`] : result.peer.map((timing) => `  ${timing.name.padEnd(40)} ${timing.median.toFixed(2)} s  (ours is ${(result.ratios[timing.name] ?? Number.NaN).toFixed(2)} x as fast)`);
    process.stdout.write([result.title, ...result.ours.map((timing) => `  ${timing.name.padEnd(40)} ${timing.median.toFixed(2)} s`), ...peers,
      ...Object.entries(result.checks).map(([name, value]) => `  ${name}: ${value}`), `  peak memory of this process ${peakMegabytes} MB`, ''].join('\n'));
  }
}
