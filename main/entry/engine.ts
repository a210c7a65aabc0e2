/**
 * Engine process: owns sessions and long loops of one lane. Forked by Electron (utilityProcess) or by the command line
 * (child_process). It may be killed at any moment: finished items are files already.
 *
 * Arguments: --workspace=DIR --models=DIR
 */
import type { MessagePortMain } from 'electron';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { ViewReply, ViewRequest } from '../../common/contract/channels.ts';
import { reportOf } from '../../common/errors.ts';
import type { EngineMessage, EngineRequest } from '../experiments/engine-protocol.ts';
import { openDataset } from '../experiments/open-dataset.ts';
import { keepNetworks } from '../experiments/network-keep.ts';
import { openNetworks, packHash } from '../experiments/networks.ts';
import { sessionProducts } from '../linalg/session-products.ts';
import { bestProvider, probeProviders } from '../runtime/providers.ts';
import { prepareRun } from '../experiments/prepare.ts';
import { measureRegions } from '../experiments/regions.ts';
import { run } from '../experiments/run.ts';
import { viewHandlers } from '../experiments/views/handlers.ts';
import { writeDemo } from '../demo/write.ts';
import { optionsOf } from './arguments.ts';

const options = optionsOf(process.argv.slice(2));
const workspace = options['workspace'] ?? '';
const models = options['models'] ?? '';

/** How long the networks of the last run stay open for the next one. */
const KEEP_NETWORKS_MS = 60_000;

/** Beside this file, .ts when run from source. */
const subsystemWorker = path.join(import.meta.dirname, `subsystem-worker${path.extname(import.meta.filename)}`);
const products = sessionProducts({ subsystemWorker });
const packs = keepNetworks({ open: async (folder) => openNetworks(folder, bestProvider(await probeProviders())), hash: packHash, idleMs: KEEP_NETWORKS_MS });
const cancels = new Map<string, AbortController>();
const views = viewHandlers({ workspace, models, openDataset, products });

// Electron's parentPort in a utility process, Node's channel in a child of the command line.
const parent = process.parentPort as Electron.ParentPort | undefined;
const send = (message: EngineMessage): void => {
  if (parent === undefined) process.send?.(message);
  else parent.postMessage(message);
};

async function take(request: EngineRequest): Promise<void> {
  if (request.type === 'cancel') { cancels.get(request.id)?.abort(); return; }
  const controller = new AbortController();
  cancels.set(request.id, controller);
  try {
    if (request.type === 'regions') {
      const dataset = await openDataset(request.ref.dataPath);
      try {
        await measureRegions({
          workspace, ref: request.ref, recipe: request.recipe, dataset, products, memory: request.memory, signal: controller.signal,
          progress: (done, total, what) => { send({ type: 'progress', id: request.id, done, total, what }); },
        });
      } finally { dataset.close(); }
      send({ type: 'ended', id: request.id, error: null });
    } else if (request.type === 'run') {
      const emit = (event: Extract<EngineMessage, { type: 'event' }>['event']): void => { send({ type: 'event', id: request.id, event }); };
      try {
        const context = await prepareRun({ recipe: request.recipe, dataPath: request.dataPath, workspace, models, openDataset, openNetworks: (folder) => packs.open(folder), hashPack: (folder) => packs.hash(folder), products, signal: controller.signal, emit, memory: request.memory });
        try { await run(context); } finally { context.dataset.close(); await context.release(); }
      } catch (error) { emit({ type: 'failed', error: reportOf(error) }); }
    } else {
      // Written beside its place and moved there when complete: a folder that exists is whole.
      const partial = `${request.directory}.partial`;
      await fs.rm(partial, { recursive: true, force: true });
      await writeDemo(partial, { subjects: request.subjects, seed: request.seed }, controller.signal, (done, total, what) => {
        send({ type: 'progress', id: request.id, done, total, what });
      });
      await fs.rename(partial, request.directory);
      send({ type: 'ended', id: request.id, error: null });
    }
  } catch (error) {
    send({ type: 'ended', id: request.id, error: reportOf(error) });
  } finally { cancels.delete(request.id); }
}

/** Answers the window's reads over its own port, never through main. */
function serve(port: MessagePortMain): void {
  port.on('message', (event) => {
    const request = event.data as ViewRequest | null; // a SharedArrayBuffer arrives as null (desktop-stack.md 7)
    if (request === null || typeof request.id !== 'number') return;
    void answer(request).then((reply) => { port.postMessage(reply); });
  });
  port.start();
}

async function answer(request: ViewRequest): Promise<ViewReply> {
  try {
    return { id: request.id, reply: { ok: true, value: await views(request) } };
  } catch (error) {
    return { id: request.id, reply: { ok: false, error: reportOf(error) } };
  }
}

if (parent === undefined) {
  // Ctrl-C in a terminal reaches the whole group; the command line decides what it means and asks by message.
  process.on('SIGINT', () => undefined);
  process.on('message', (message) => { void take(message as EngineRequest); });
  process.on('disconnect', () => { process.exit(0); });
} else {
  parent.on('message', (event) => {
    const port = event.ports[0];
    if (port === undefined) void take(event.data as EngineRequest);
    else serve(port);
  });
}
