/** The one bridge between the sandboxed window and the main process. */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { Lab, PushName } from '../common/contract/channels.ts';

type Listener = (payload: unknown) => void;

const listeners = new Map<PushName, Set<Listener>>();

ipcRenderer.on('lab.push', (_event, name: PushName, payload: unknown) => {
  for (const listener of listeners.get(name) ?? []) listener(payload);
});

// The page cannot receive a port from the main process itself; it is posted on, and the page checks where it came from.
ipcRenderer.on('engine-port', (event) => {
  window.postMessage('engine-port', window.location.origin, event.ports);
});

const lab: Lab = {
  invoke: (name, ...args) => ipcRenderer.invoke('lab.invoke', name, args),
  on(name, listener) {
    const set = listeners.get(name) ?? new Set<Listener>();
    listeners.set(name, set);
    const wrapped = listener as Listener;
    set.add(wrapped);
    return () => { set.delete(wrapped); };
  },
  pathOf: (file) => webUtils.getPathForFile(file),
};

contextBridge.exposeInMainWorld('lab', lab);
