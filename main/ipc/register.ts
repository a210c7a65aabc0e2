/** Connects the contract to Electron: checked arguments in, `Reply` values out, only from the app's own top frame. */
import { ipcMain } from 'electron';
import type { IpcMainInvokeEvent } from 'electron';
import { CHECKS } from '../../common/contract/check.ts';
import type { InvokeName, Reply } from '../../common/contract/channels.ts';
import { INVOKABLE } from '../../common/contract/invokable.ts';
import { reportOf, UserError } from '../../common/errors.ts';
import type { Handlers } from './handlers.ts';

function isInvokable(name: unknown): name is InvokeName {
  return INVOKABLE.some((known) => known === name);
}

/** `trusted(url)` says whether a frame with this URL may call. Replies carry errors as values; bugs are logged by `onBug`. */
export function registerHandlers(handlers: Handlers, trusted: (url: string) => boolean, onBug: (error: unknown) => void): void {
  ipcMain.handle('lab.invoke', async (event: IpcMainInvokeEvent, name: unknown, args: unknown): Promise<Reply<unknown>> => {
    try {
      const frame = event.senderFrame;
      if (frame === null || frame.parent !== null || !trusted(frame.url)) throw new UserError('usage', 'untrusted sender');
      if (!isInvokable(name) || !Array.isArray(args)) throw new UserError('usage', `unknown channel ${String(name)}`);
      const wrong = CHECKS[name](args);
      if (wrong !== null) throw new UserError('usage', `${name}: expected ${wrong}`, { expected: wrong });
      const handler = handlers[name] as (...values: readonly unknown[]) => Promise<unknown>;
      return { ok: true, value: await handler(...(args as readonly unknown[])) };
    } catch (error) {
      const report = reportOf(error);
      if (report.kind === 'bug') onBug(error);
      return { ok: false, error: { ...report, ...(report.stack === undefined ? {} : { stack: '' }) } };
    }
  });
}
