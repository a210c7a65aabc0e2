/** A network of a pack with its vector-Jacobian product, opened as one session: inputs gain `<output>_grad`, outputs gain `<input>_grad`. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { vjp } from '../autodiff/backward.ts';
import { tap } from '../onnx/edit/tap.ts';
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

/** Gradient networks of one pack, each opened once and shared: differentiating and opening takes seconds. */
export interface GradientSessions {
  open(role: Role, options: GradientOptions): Promise<Session>;
  release(): Promise<void>;
}

export function gradientSessions(pack: Pack, session: SessionOptions = {}): GradientSessions {
  const held = new Map<string, Promise<Session>>();
  return {
    open: (role, options) => {
      const key = JSON.stringify([role, options]), found = held.get(key) ?? openGradient(pack, role, options, session);
      held.set(key, found);
      found.catch(() => { held.delete(key); });
      return found;
    },
    release: async () => {
      for (const each of held.values()) await (await each).release();
      held.clear();
    },
  };
}

/** Throws `UserError` (`unsupported`) naming an operator without a gradient and the path to it. */
export async function openGradient(pack: Pack, role: Role, options: GradientOptions, session: SessionOptions = {}): Promise<Session> {
  const file = path.join(pack.dir, pack.roles[role].file), bytes = await readFile(file), model = readModel(bytes, file);
  const graph = vjp(tap(model, options.of, { keepOutputs: false }), options);
  return openSession(graphSource(graph, { bytes, path: file }), session);
}
