/** What a benchmark is, and how its numbers are taken: median of several runs, beside a peer on the same arrays in the same invocation. */
export interface Timing {
  readonly name: string;
  /** Seconds of each run. */
  readonly seconds: readonly number[];
  readonly median: number;
  readonly note?: string;
}

export interface BenchmarkResult {
  readonly title: string;
  readonly ours: readonly Timing[];
  /** Null with a reason where the peer cannot be imported. */
  readonly peer: readonly Timing[] | { readonly missing: string };
  /** Peer over ours, by name; above 1 = ours is faster. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly checks: Readonly<Record<string, number>>;
}

export interface Benchmark {
  readonly does: string;
  run(options: Readonly<Record<string, string>>): Promise<BenchmarkResult>;
}

export const RUNS = 3;

export async function timed(name: string, work: () => Promise<unknown>, runs = RUNS): Promise<Timing> {
  const seconds: number[] = [];
  for (let i = 0; i < runs; i++) {
    const from = performance.now();
    await work();
    seconds.push((performance.now() - from) / 1000);
  }
  return { name, seconds, median: median(seconds) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
