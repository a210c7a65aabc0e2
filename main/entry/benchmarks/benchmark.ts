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
  run(options: Readonly<Record<string, string>>, programs: { readonly subsystemWorker: string }): Promise<BenchmarkResult>;
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

/** Wall and processor seconds of the same runs: where other work shares the machine, only the second says what the work costs. */
export async function timedBoth(name: string, work: () => Promise<unknown>, runs = RUNS): Promise<readonly [Timing, Timing]> {
  const wall: number[] = [], processor: number[] = [];
  for (let i = 0; i < runs; i++) {
    const from = performance.now(), used = process.cpuUsage();
    await work();
    wall.push((performance.now() - from) / 1000);
    const { user, system } = process.cpuUsage(used);
    processor.push((user + system) / 1e6);
  }
  return [{ name: `${name}, wall`, seconds: wall, median: median(wall) }, { name: `${name}, processor`, seconds: processor, median: median(processor) }];
}

/** Peer over ours for every timing of the peer, wall against wall and processor against processor. */
export function ratiosOf(ours: readonly [Timing, Timing], peer: readonly Timing[]): Record<string, number> {
  return Object.fromEntries(peer.map((timing) => [timing.name, timing.median / ours[timing.name.endsWith('processor') ? 1 : 0].median]));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
