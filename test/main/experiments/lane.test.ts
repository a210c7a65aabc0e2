import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EngineProcess, EngineRequest } from '../../../main/experiments/engine-protocol.ts';
import { openLane } from '../../../main/experiments/lane.ts';

interface Process extends EngineProcess { readonly posted: EngineRequest[]; exit(code: number | null): void }

function fork(): Process {
  const posted: EngineRequest[] = [];
  let exit: (code: number | null) => void = () => undefined;
  return { posted, post: (message) => { posted.push(message); }, onMessage: () => undefined, onExit: (listener) => { exit = listener; }, kill: () => { exit(null); }, exit: (code) => { exit(code); } };
}

describe('a lane', () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });
  const demo: EngineRequest = { type: 'demo', id: 'd', directory: '/x', subjects: 1, seed: 1 };

  it('starts an engine when first needed and again after it was lost', () => {
    const engines: Process[] = [];
    const lost: (string | null)[] = [];
    const lane = openLane({ spawn: () => { const engine = fork(); engines.push(engine); return engine; }, onMessage: () => undefined, onLost: (id) => { lost.push(id); } });
    expect(engines).toHaveLength(0);
    lane.post(demo);
    engines[0]?.exit(5);
    expect(lost).toEqual([null]);
    lane.post(demo);
    expect(engines).toHaveLength(2);
  });

  it('asks first and kills after the grace, naming the job that was cancelled', () => {
    const engine = fork();
    const lost: (string | null)[] = [];
    const lane = openLane({ spawn: () => engine, onMessage: () => undefined, onLost: (id) => { lost.push(id); }, grace: 500 });
    lane.post(demo);
    lane.cancel('d');
    expect(engine.posted.at(-1)).toEqual({ type: 'cancel', id: 'd' });
    vi.advanceTimersByTime(499);
    expect(lost).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(lost).toEqual(['d']);
  });

  it('does not kill an engine whose job ended in time', () => {
    const engine = fork();
    const lost: (string | null)[] = [];
    const lane = openLane({ spawn: () => engine, onMessage: () => undefined, onLost: (id) => { lost.push(id); }, grace: 500 });
    lane.post(demo);
    lane.cancel('d');
    lane.ended('d');
    vi.advanceTimersByTime(1000);
    expect(lost).toEqual([]);
  });
});
