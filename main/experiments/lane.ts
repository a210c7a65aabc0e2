/**
 * A lane: one engine process at a time, started when needed and restarted when it dies. The native runtime cannot be
 * cancelled while it computes (desktop-stack.md 8), so a cancel asks first and kills after a grace; finished items stay.
 */
import type { EngineMessage, EngineProcess, EngineRequest } from './engine-protocol.ts';

export interface Lane {
  post(request: EngineRequest): void;
  /** Asks the job to stop; kills the engine if it has not ended after the grace. */
  cancel(id: string): void;
  /** Tells the lane that the job ended, so that a pending kill is dropped. */
  ended(id: string): void;
  /** Resident bytes of the engine; null if none runs or the system does not say. */
  memory(): number | null;
  close(): void;
}

export interface LaneOptions {
  readonly spawn: () => EngineProcess;
  readonly onMessage: (message: EngineMessage) => void;
  /** The engine ended without being told to; `cancelled` is the job whose cancel killed it, if any. */
  readonly onLost: (cancelled: string | null, code: number | null) => void;
  /** Milliseconds between asking and killing. */
  readonly grace?: number;
}

export function openLane({ spawn, onMessage, onLost, grace = 700 }: LaneOptions): Lane {
  let engine: EngineProcess | null = null;
  let closed = false;
  const timers = new Map<string, NodeJS.Timeout>();
  let killedFor: string | null = null;

  const start = (): EngineProcess => {
    const process = spawn();
    engine = process;
    process.onMessage(onMessage);
    process.onExit((code) => {
      if (engine !== process) return;
      engine = null;
      const cancelled = killedFor;
      killedFor = null;
      if (!closed) onLost(cancelled, code);
    });
    return process;
  };

  return {
    post: (request) => { (engine ?? start()).post(request); },
    cancel: (id) => {
      if (engine === null || timers.has(id)) return;
      engine.post({ type: 'cancel', id });
      timers.set(id, setTimeout(() => {
        timers.delete(id);
        killedFor = id;
        engine?.kill();
      }, grace));
    },
    ended: (id) => {
      clearTimeout(timers.get(id));
      timers.delete(id);
    },
    memory: () => engine?.memory?.() ?? null,
    close: () => {
      closed = true;
      for (const timer of timers.values()) clearTimeout(timer);
      engine?.kill();
    },
  };
}
