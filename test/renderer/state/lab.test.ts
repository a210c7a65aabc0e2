import { describe, expect, it } from 'vitest';
import type { Lab, Push, PushName, ViewReply, ViewRequest } from '../../../common/contract/channels.ts';
import { connectLab, LabError, reportFrom } from '../../../renderer/lab.ts';
import { reduceLive } from '../../../renderer/state/lab-state.ts';
import type { LiveRun } from '../../../renderer/state/lab-state.ts';

/** The least of a window: messages to itself, and the bridge. */
function host(): { target: Window; deliver: (port: MessagePort) => void; push: <Name extends PushName>(name: Name, payload: Push[Name]) => void } {
  const listeners = new Set<(event: unknown) => void>(), pushes = new Map<PushName, Set<(payload: never) => void>>();
  const lab: Lab = {
    invoke: () => Promise.resolve({ ok: false, error: { kind: 'busy', message: 'the workspace is open elsewhere' } }),
    on: (name, listener) => { pushes.set(name, (pushes.get(name) ?? new Set()).add(listener)); return () => undefined; },
    pathOf: () => '',
  };
  const target: object = { lab, addEventListener: (_name: string, listener: (event: unknown) => void) => listeners.add(listener) };
  return {
    target: target as Window,
    deliver: (port) => { for (const listener of listeners) listener({ source: target, data: 'engine-port', ports: [port] }); },
    push: (name, payload) => { for (const listener of pushes.get(name) ?? []) listener(payload as never); },
  };
}

const answering = (port: MessagePort, value: (request: ViewRequest) => ViewReply['reply'] | null): void => {
  port.onmessage = (event: MessageEvent<ViewRequest>) => {
    const reply = value(event.data);
    if (reply !== null) port.postMessage({ id: event.data.id, reply });
  };
};

describe('the client of the window', () => {
  it('throws the report of a refused call', async () => {
    const client = connectLab(host().target);
    const error: unknown = await client.invoke('run.list').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LabError);
    expect(reportFrom(error)).toMatchObject({ kind: 'busy', message: 'the workspace is open elsewhere' });
  });

  it('waits for the engine port, then gets answers by number', async () => {
    const { target, deliver } = host(), client = connectLab(target), { port1, port2 } = new MessageChannel();
    const asked = [client.view('data.captions', '/d', 1), client.view('data.captions', '/d', 2)];
    answering(port1, ({ args }) => ({ ok: true, value: [`image ${JSON.stringify(args[1])}`] }));
    deliver(port2);
    expect(await Promise.all(asked)).toEqual([['image 1'], ['image 2']]);
    port1.close();
  });

  it('rejects what was under way when the engine restarts, and works on the new port', async () => {
    const { target, deliver } = host(), client = connectLab(target), first = new MessageChannel(), second = new MessageChannel();
    answering(first.port1, () => null);
    deliver(first.port2);
    const lost = client.view('data.captions', '/d', 1).catch((thrown: unknown) => thrown);
    answering(second.port1, () => ({ ok: true, value: ['again'] }));
    deliver(second.port2);
    expect(await lost).toBeInstanceOf(LabError);
    expect(await client.view('data.captions', '/d', 1)).toEqual(['again']);
    first.port1.close();
    second.port1.close();
  });
});

describe('live runs', () => {
  it('reduce events to steps, items and pictures', () => {
    const start: LiveRun = { steps: {}, lastImage: null, imagesDone: 0, refinements: {} };
    const live = [
      { type: 'planned', steps: [], reused: ['a'] }, { type: 'step-started', key: 'b', kind: 'reconstruct', title: 'Reconstruct' },
      { type: 'progress', key: 'b', done: 2, total: 5, what: 'images' }, { type: 'image', key: 'b', image: { imageId: 7, truth: 't', reconstruction: 'r' } },
    ] as const;
    const now = live.reduce(reduceLive, start);
    expect(now).toMatchObject({ steps: { a: { state: 'reused' }, b: { state: 'running', done: 2, total: 5 } }, lastImage: { imageId: 7 }, imagesDone: 1 });
    expect(reduceLive(now, { type: 'step-done', key: 'b', seconds: 3, reused: false }).steps['b']).toMatchObject({ state: 'done', done: 5, seconds: 3 });
  });
});
