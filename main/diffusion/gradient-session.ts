/** A network of a pack with its vector-Jacobian product, opened as one session: inputs gain `<output>_grad`, outputs gain `<input>_grad`. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { vjp } from '../autodiff/backward.ts';
import { isolate } from '../onnx/edit/isolate.ts';
import type { Graph } from '../onnx/graph.ts';
import { weightBytes } from '../onnx/memory.ts';
import { readModel } from '../onnx/protobuf/read.ts';
import type { Pack } from '../runtime/models.ts';
import type { Role } from '../runtime/pack-description.ts';
import { graphSource, openSession } from '../runtime/session.ts';
import type { Session, SessionOptions } from '../runtime/session.ts';

export interface GradientOptions {
  /** Inputs whose gradient is wanted. */
  readonly wrt: readonly string[];
  /** Outputs (or inner tensors, which are exposed) that get a cotangent. */
  readonly of: readonly string[];
  /** Fixed shape of every input that the model leaves open. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

/**
 * Gradient networks of one pack, opened once and shared: differentiating and opening takes seconds. One of each role at a time: asking for another form
 * (other shapes, other inputs) closes the one before, since each holds the memory of its network.
 */
export interface GradientSessions {
  open(role: Role, options: GradientOptions): Promise<Session>;
  release(): Promise<void>;
}

export function gradientSessions(pack: Pack, session: SessionOptions = {}): GradientSessions {
  const held = new Map<Role, { readonly key: string; readonly session: Promise<Session> }>();
  const close = async (role: Role): Promise<void> => {
    const before = held.get(role);
    held.delete(role);
    await (await before?.session.catch(() => undefined))?.release();
  };
  return {
    open: async (role, options) => {
      const key = JSON.stringify(options), before = held.get(role);
      if (before?.key === key) return before.session;
      await close(role);
      const opening = openGradient(pack, role, options, session);
      held.set(role, { key, session: opening });
      opening.catch(() => { if (held.get(role)?.session === opening) held.delete(role); });
      return opening;
    },
    release: async () => { for (const role of [...held.keys()]) await close(role); },
  };
}

/** Networks with more weights than this barely fit: mapped instead of copied, the graph run as it is, the forward pass in checkpoints where values pass the ceiling. */
const LARGE_WEIGHTS_BYTES = 2 ** 29;
/** Ceiling of the values of a large network's gradient, weights not counted. A full-size UNet at 64 x 64, batch 2, stays below it without checkpoints and takes 9 GB in all (`autodiff/MEASURED.md`). */
export const LARGE_VALUES_BYTES = 8e9;

/**
 * The graph of a network with its vector-Jacobian product, and how a session of it is opened. Throws `UserError` (`unsupported`) naming an operator
 * without a gradient and the path to it.
 */
export function gradientGraph(model: Graph, options: GradientOptions): { readonly graph: Graph; readonly settings: SessionOptions } {
  const large = weightBytes(model) > LARGE_WEIGHTS_BYTES;
  return { graph: vjp(isolate(model, options.of), { ...options, ...(large ? { memoryBytes: LARGE_VALUES_BYTES } : {}) }), settings: large ? { mapWeights: true, frugal: true } : {} };
}

/** Throws as `gradientGraph`, and `bad-input` if the runtime refuses the graph. */
export async function openGradient(pack: Pack, role: Role, options: GradientOptions, session: SessionOptions = {}): Promise<Session> {
  const file = path.join(pack.dir, pack.roles[role].file), bytes = await readFile(file), { graph, settings } = gradientGraph(readModel(bytes, file), options);
  const open = (chosen: SessionOptions): Promise<Session> => openSession(graphSource(graph, { bytes, path: file }), { ...settings, ...chosen });
  // A provider that cannot hold the gradient leaves it to the processor, as it does the network itself (`networks.ts`).
  return open(session).catch((error: unknown) => { if (session.provider === undefined || session.provider === 'cpu') throw error; return open({ ...session, provider: 'cpu' }); });
}
