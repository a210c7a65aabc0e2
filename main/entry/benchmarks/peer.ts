/** Runs a Python peer on arrays in files; absent Python or packages are an answer, not an error. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Timing } from './benchmark.ts';
import { median } from './benchmark.ts';

export interface PeerAnswer {
  readonly timings: readonly Timing[];
  readonly checks: Readonly<Record<string, number>>;
}

/** The checkout that this program was built from: the nearest folder above it with a package.json. */
export function repository(): string {
  for (let at = import.meta.dirname; ; at = path.dirname(at)) {
    if (existsSync(path.join(at, 'package.json'))) return at;
    if (at === path.dirname(at)) throw new Error('benchmarks run from a checkout');
  }
}

/** `threads`: of the peer's linear algebra; its own choice unless given. `script` lies in build/bench. It prints one JSON object: {timings: {name: [seconds]}, checks: {name: number}} or {missing}. */
export function runPeer(script: string, args: readonly string[], threads?: number): Promise<PeerAnswer | { readonly missing: string }> {
  const python = process.env['OPTOGRAM_PYTHON'] ?? 'python3';
  const file = path.join(repository(), 'build/bench', script);
  return new Promise((resolve) => {
    const env = threads === undefined ? process.env : { ...process.env, OPENBLAS_NUM_THREADS: String(threads), OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
    execFile(python, [file, ...args], { maxBuffer: 1 << 26, env }, (error, stdout, stderr) => {
      if (error !== null) { resolve({ missing: `${python} ${script}: ${stderr.trim().split('\n').at(-1) ?? error.message}` }); return; }
      const answer = JSON.parse(stdout) as { missing?: string; timings?: Record<string, number[]>; checks?: Record<string, number> };
      if (answer.missing !== undefined) resolve({ missing: answer.missing });
      else resolve({ timings: Object.entries(answer.timings ?? {}).map(([name, seconds]) => ({ name, seconds, median: median(seconds) })), checks: answer.checks ?? {} });
    });
  });
}
