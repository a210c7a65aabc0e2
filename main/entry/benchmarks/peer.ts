/** Runs a Python peer on arrays in files; absent Python or packages are an answer, not an error. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import type { Timing } from './benchmark.ts';
import { median } from './benchmark.ts';

export interface PeerAnswer {
  readonly timings: readonly Timing[];
  readonly checks: Readonly<Record<string, number>>;
}

/** `script` lies in build/bench. It prints one JSON object: {timings: {name: [seconds]}, checks: {name: number}} or {missing}. */
export function runPeer(script: string, args: readonly string[]): Promise<PeerAnswer | { readonly missing: string }> {
  const python = process.env['OPTOGRAM_PYTHON'] ?? 'python3';
  const file = path.resolve(import.meta.dirname, '../../build/bench', script);
  return new Promise((resolve) => {
    execFile(python, [file, ...args], { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error !== null) { resolve({ missing: `${python} ${script}: ${stderr.trim().split('\n').at(-1) ?? error.message}` }); return; }
      const answer = JSON.parse(stdout) as { missing?: string; timings?: Record<string, number[]>; checks?: Record<string, number> };
      if (answer.missing !== undefined) resolve({ missing: answer.missing });
      else resolve({ timings: Object.entries(answer.timings ?? {}).map(([name, seconds]) => ({ name, seconds, median: median(seconds) })), checks: answer.checks ?? {} });
    });
  });
}
