/**
 * The systems of `subsystems.ts` on several threads. Matrix, subsets and right-hand sides lie in shared memory; every thread takes the next
 * item, solves it in memory of its own and writes the solution where the right-hand side was. Every item is solved by the same operations in the
 * same order whichever thread takes it, so the result has the same bits for any number of threads.
 */
import { Worker } from 'node:worker_threads';
import { CancelledError, throwIfAborted } from '../../common/errors.ts';
import { itemSolver, refusalError } from './subsystems.ts';
import type { SubsystemOptions, Subsystems } from './products.ts';
import type { Refusal } from './subsystems.ts';

/** What a thread is started with (`workerData`). */
export interface ThreadTask {
  readonly systems: Subsystems;
  readonly kernel: WebAssembly.Module;
  /** The next item, and 1 once an item was refused. */
  readonly state: Int32Array<SharedArrayBuffer>;
}

/** What a thread says: an item is done, null, or was refused. */
export type ThreadMessage = Refusal | null;

const NEXT = 0, STOP = 1;

/** A thread's whole life: takes items until there are none. */
export function serveItems({ systems, kernel, state }: ThreadTask, say: (message: ThreadMessage) => void): void {
  const solve = itemSolver(systems, kernel);
  while (Atomics.load(state, STOP) === 0) {
    const item = Atomics.add(state, NEXT, 1);
    if (item >= systems.count) return;
    const steps = solve(item);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    if (step.value !== null) Atomics.store(state, STOP, 1);
    say(step.value);
  }
}

/**
 * Solutions in place of the right-hand sides. `program`: a file that calls `serveItems` with its `workerData`.
 * Throws UserError (`bad-input`) for the first item that is not positive definite, CancelledError soon after the signal fires, and what a thread
 * that ends too early throws.
 */
export async function solveOnThreads(systems: Subsystems, kernel: WebAssembly.Module, program: string, threads: number, { signal, progress }: SubsystemOptions = {}): Promise<void> {
  throwIfAborted(signal);
  const task: ThreadTask = { systems, kernel, state: new Int32Array(new SharedArrayBuffer(8)) };
  const workers = Array.from({ length: threads }, () => new Worker(program, { workerData: task }));
  const refusals: Refusal[] = [];
  let solved = 0;
  const cancelled = new Promise<never>((_, reject) => { signal?.addEventListener('abort', () => { reject(new CancelledError()); }, { once: true }); });
  const ended = workers.map((worker) => new Promise<void>((resolve, reject) => {
    worker.on('message', (message: ThreadMessage) => {
      if (message === null) progress?.(++solved / systems.count);
      else refusals.push(message);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => { if (code === 0) resolve(); else reject(new Error(`a thread of ${program} ended with code ${code}`)); });
  }));
  try {
    await Promise.race([Promise.all(ended), cancelled]);
  } finally { await Promise.allSettled(workers.map((worker) => worker.terminate())); }
  // All items before a refused one were taken before it and are finished: the first refusal is the same for any number of threads.
  const [first] = refusals.sort((a, b) => a.item - b.item);
  if (first !== undefined) throw refusalError(systems, first);
}
