/** A thread that solves small systems for `main/linalg/subsystem-threads.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { serveItems } from '../linalg/subsystem-threads.ts';
import type { ThreadMessage, ThreadTask } from '../linalg/subsystem-threads.ts';

serveItems(workerData as ThreadTask, (message: ThreadMessage) => { parentPort?.postMessage(message); });
