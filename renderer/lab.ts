/**
 * Typed client of the contract: `invoke` asks the main process, `view` asks the engine over its own port (arrays for the screen).
 * Both throw `LabError`, whose report is what the window shows.
 */
import type { Invoke, InvokeName, Lab, PushName, Push, View, ViewName, ViewReply } from '../common/contract/channels.ts';
import type { ErrorReport } from '../common/errors.ts';

declare global {
  interface Window {
    readonly lab: Lab;
  }
}

export class LabError extends Error {
  readonly report: ErrorReport;
  constructor(report: ErrorReport) {
    super(report.message);
    this.name = 'LabError';
    this.report = report;
  }
}

/** What to show for anything that was thrown. */
export function reportFrom(error: unknown): ErrorReport {
  if (error instanceof LabError) return error.report;
  if (error instanceof Error) return { kind: 'bug', message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) };
  return { kind: 'bug', message: String(error) };
}

export interface LabClient {
  invoke<Name extends InvokeName>(name: Name, ...args: Invoke[Name]['args']): Promise<Invoke[Name]['result']>;
  view<Name extends ViewName>(name: Name, ...args: View[Name]['args']): Promise<View[Name]['result']>;
  on<Name extends PushName>(name: Name, listener: (payload: Push[Name]) => void): () => void;
  pathOf(file: File): string;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const RESTARTED: ErrorReport = {
  kind: 'bug', message: 'The analysis process stopped and was started again. Nothing was lost.', fix: 'Ask again; if it repeats, restart Optogram.',
};

/** Connects to the bridge of a window; listens for engine ports from now on. */
export function connectLab(host: Window): LabClient {
  const lab = host.lab;
  const pending = new Map<number, Pending>();
  const waitingForPort: (() => void)[] = [];
  let port: MessagePort | null = null;
  let nextId = 1;

  const rejectAll = (report: ErrorReport): void => {
    const waiting = [...pending.values()];
    pending.clear();
    for (const each of waiting) each.reject(new LabError(report));
  };

  host.addEventListener('message', (event: MessageEvent<unknown>) => {
    if (event.source !== host || event.data !== 'engine-port') return;
    const fresh = event.ports[0];
    if (fresh === undefined) return;
    if (port !== null) { port.close(); rejectAll(RESTARTED); }
    port = fresh;
    port.onmessage = (message: MessageEvent<ViewReply | null>) => {
      // A buffer that cannot cross processes arrives as null.
      const data = message.data;
      if (data === null) return;
      const waiting = pending.get(data.id);
      pending.delete(data.id);
      if (data.reply.ok) waiting?.resolve(data.reply.value); else waiting?.reject(new LabError(data.reply.error));
    };
    for (const send of waitingForPort.splice(0)) send();
  });
  lab.on('engine.restarted', ({ lane }) => { if (lane === 'view') rejectAll(RESTARTED); });

  return {
    async invoke(name, ...args) {
      const reply = await lab.invoke(name, ...args);
      if (!reply.ok) throw new LabError(reply.error);
      return reply.value;
    },
    view: <Name extends ViewName>(name: Name, ...args: View[Name]['args']) =>
      new Promise<unknown>((resolve, reject) => {
        const id = nextId++;
        const send = (): void => {
          pending.set(id, { resolve, reject });
          port?.postMessage({ id, name, args });
        };
        if (port === null) waitingForPort.push(send); else send();
      }) as Promise<View[Name]['result']>,
    on: (name, listener) => lab.on(name, listener),
    pathOf: (file) => lab.pathOf(file),
  };
}
