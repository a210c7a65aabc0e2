/** The desktop application: windows, protocol, menu, store, queue, engines. A composition root: it decides nothing else. */
import { app, BrowserWindow, dialog, MessageChannelMain, Menu, nativeTheme, net, protocol, session, shell, utilityProcess } from 'electron';
import type { UtilityProcess } from 'electron';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Push, PushName } from '../../common/contract/channels.ts';
import type { FolderKind } from '../../common/contract/payloads.ts';
import { reportOf } from '../../common/errors.ts';
import type { EngineMessage, EngineProcess } from '../experiments/engine-protocol.ts';
import { openQueue } from '../experiments/queue.ts';
import { makeHandlers } from '../ipc/handlers.ts';
import { registerHandlers } from '../ipc/register.ts';
import { openStore } from '../store/open.ts';
import { readSetting, writeSetting } from '../store/results.ts';
import { parseArguments } from './arguments.ts';
import { demoReport } from './demo-report.ts';
import { menuTemplate } from './menu.ts';
import { serveFile } from './protocol.ts';

const here = import.meta.dirname;
const root = app.isPackaged ? process.resourcesPath : path.resolve(here, '../..');
const models = app.isPackaged ? path.join(root, 'models') : path.join(root, 'resources', 'models');
const rendererFolder = path.resolve(here, '../renderer');
const ORIGIN = 'app://bundle';
/** A view engine that lived shorter than this is not started again by itself. */
const LEAST_LIFE_MS = 3000;
const FOLDER_DIALOGS: { readonly [K in FolderKind]: { readonly title: string; readonly purpose: string } } = {
  data: { title: 'Open a data folder', purpose: 'open' },
  pack: { title: 'Choose a model pack: the folder that holds unet, vae_decoder, text_encoder …', purpose: 'pack' },
};
const devServer = process.env['ELECTRON_RENDERER_URL'];

protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true } }]);
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();

const { words, options } = parseArguments(process.argv.slice(app.isPackaged ? 1 : 2), ['no-sandbox', 'enable-unsafe-swiftshader', 'inspect']);
const workspace = path.resolve(options['workspace'] ?? path.join(app.getPath('userData'), 'workspace'));
const reportFolder = options['demo-report'];

if (reportFolder === undefined && !app.requestSingleInstanceLock({ words: [...words] })) app.exit(0);

let window: BrowserWindow | null = null;
let viewEngine: UtilityProcess | null = null;
let quitting = false;

function push<Name extends PushName>(name: Name, payload: Push[Name]): void {
  if (window !== null && !window.isDestroyed()) window.webContents.send('lab.push', name, payload);
}

function fork(name: string): UtilityProcess {
  return utilityProcess.fork(path.join(here, 'engine.js'), [`--workspace=${workspace}`, `--models=${models}`], { serviceName: `optogram ${name}`, stdio: 'pipe' });
}

function workEngine(): EngineProcess {
  const child = fork('engine');
  // Behind the window and its reads: with every core at work on a fit, the window still gets its turn at once.
  child.on('spawn', () => { if (child.pid !== undefined) os.setPriority(child.pid, os.constants.priority.PRIORITY_BELOW_NORMAL); });
  return {
    post: (message) => { child.postMessage(message); },
    onMessage: (listener) => { child.on('message', (message: EngineMessage) => { listener(message); }); },
    onExit: (listener) => { child.on('exit', listener); },
    kill: () => { child.kill(); },
    memory: () => { const own = app.getAppMetrics().find(({ pid }) => pid === child.pid); return own === undefined ? null : own.memory.workingSetSize * 1024; },
  };
}

/** Gives the window a fresh port to the view engine, forking it if it is gone. */
function connectView(): void {
  if (window === null || window.isDestroyed()) return;
  if (viewEngine === null) {
    const child = fork('views');
    viewEngine = child;
    const since = Date.now();
    child.on('exit', (code) => {
      if (viewEngine === child) viewEngine = null;
      if (quitting) return;
      // One that dies at once would die again: it is left stopped, said so, until the window loads anew.
      const again = Date.now() - since > LEAST_LIFE_MS;
      push('engine.restarted', { lane: 'view', message: `the reading process stopped (code ${code}) and ${again ? 'was started again' : 'cannot start; reload the window to try again'}` });
      if (again) connectView();
    });
  }
  const { port1, port2 } = new MessageChannelMain();
  viewEngine.postMessage({ type: 'port' }, [port1]);
  window.webContents.postMessage('engine-port', null, [port2]);
}

function createWindow(saved: unknown): BrowserWindow {
  const bounds = isBounds(saved) ? saved : { width: 1440, height: 900 };
  const created = new BrowserWindow({
    ...bounds, minWidth: 1000, minHeight: 640, show: false, title: 'Optogram', autoHideMenuBar: false,
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#16181C' : '#F4F5F7',
    ...(process.platform === 'linux' ? { icon: path.join(root, 'build', 'package', 'icon.png') } : {}),
    webPreferences: { preload: path.resolve(here, '../preload/index.cjs'), contextIsolation: true, sandbox: true, nodeIntegration: false, webSecurity: true },
  });
  created.once('ready-to-show', () => { created.show(); });
  created.webContents.on('did-finish-load', () => { connectView(); });
  return created;
}

function isBounds(value: unknown): value is { x: number; y: number; width: number; height: number } {
  return typeof value === 'object' && value !== null && ['x', 'y', 'width', 'height'].every((key) => typeof (value as Record<string, unknown>)[key] === 'number');
}

app.on('web-contents-created', (_event, contents) => {
  contents.on('will-navigate', (event) => { event.preventDefault(); });
  contents.on('will-attach-webview', (event) => { event.preventDefault(); });
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
});

async function start(): Promise<void> {
  let store: ReturnType<typeof openStore>;
  try {
    store = openStore(workspace);
  } catch (error) {
    const report = reportOf(error);
    dialog.showErrorBox('Optogram cannot open its workspace', [report.message, report.found, report.fix].filter((line) => line !== undefined).join('\n'));
    app.exit(report.kind === 'bug' ? 1 : 3);
    throw error;
  }

  protocol.handle('app', (request) => serveFile(request.url, { rendererFolder, workspace, fetchFile: (file) => net.fetch(pathToFileURL(file).toString()) }));
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, callback) => { callback(false); });
  session.defaultSession.setPermissionCheckHandler(() => false);

  const listeners = new Set<(runId: string) => void>();
  const queue = openQueue(store, workEngine, {
    onRun: (row) => {
      push('run.changed', row);
      window?.setProgressBar(row.state === 'running' ? row.progress : -1);
      for (const listener of listeners) listener(row.id);
    },
    onEvent: (runId, event) => { push('run.event', { runId, event }); },
    onJob: (row) => { push('job.changed', row); },
    onEngineLost: (message) => { push('engine.restarted', { lane: 'work', message }); },
  });

  const handlers = makeHandlers({
    store, queue, demoFolder: options['demo-data'] ?? path.join(workspace, 'demo-data'),
    desktop: {
      version: app.getVersion(), electron: process.versions.electron, platform: process.platform,
      chooseFolder: async (kind) => {
        if (window === null) return null;
        const { title, purpose } = FOLDER_DIALOGS[kind];
        const chosen = await dialog.showOpenDialog(window, { title, properties: ['openDirectory'], ...lastFolder(purpose) });
        const folder = chosen.filePaths[0];
        if (chosen.canceled || folder === undefined) return null;
        writeSetting(store, `folder.${purpose}`, path.dirname(folder));
        return folder;
      },
      chooseSaveFile: async (suggested, extension) => {
        if (window === null) return null;
        const folder = (readSetting(store, `folder.save.${extension}`) ?? app.getPath('documents')) as string;
        const chosen = await dialog.showSaveDialog(window, { defaultPath: path.join(folder, suggested), filters: [{ name: extension.toUpperCase(), extensions: [extension] }] });
        if (chosen.canceled || chosen.filePath === '') return null;
        writeSetting(store, `folder.save.${extension}`, path.dirname(chosen.filePath));
        return chosen.filePath;
      },
      showInFolder: (file) => { shell.showItemInFolder(file); },
      setTheme: (theme) => { nativeTheme.themeSource = theme; },
    },
  });

  function lastFolder(purpose: string): { defaultPath?: string } {
    const folder = readSetting(store, `folder.${purpose}`);
    return typeof folder === 'string' && fs.existsSync(folder) ? { defaultPath: folder } : {};
  }

  registerHandlers(handlers, (url) => url.startsWith(`${ORIGIN}/`) || (devServer !== undefined && url.startsWith(devServer)), (error) => { console.error(error); });
  const theme = readSetting(store, 'theme');
  nativeTheme.themeSource = theme === 'light' || theme === 'dark' ? theme : 'system';
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform, (id) => { push('command', { id }); })));

  window = createWindow(reportFolder === undefined ? readSetting(store, 'window') : { x: 0, y: 0, width: 1440, height: 900 });
  window.on('close', () => { if (window !== null && !window.isDestroyed()) writeSetting(store, 'window', window.getNormalBounds()); });
  window.on('closed', () => { window = null; });
  app.on('window-all-closed', () => { app.quit(); });
  app.on('before-quit', () => {
    quitting = true;
    queue.close();
    viewEngine?.kill();
  });
  app.on('quit', () => { store.close(); });
  app.on('second-instance', (_event, _argv, _cwd, data) => {
    window?.restore();
    window?.focus();
    const target = (data as { words?: readonly string[] }).words?.find((word) => word !== '.' && fs.existsSync(word));
    if (target !== undefined) push('data.openRequested', { path: path.resolve(target) });
  });
  app.on('open-file', (event, file) => {
    event.preventDefault();
    push('data.openRequested', { path: file });
  });

  await window.loadURL(devServer ?? `${ORIGIN}/index.html`).catch((error: unknown) => { if (!quitting) console.error(error); });
  const given = words.find((word) => word !== '.' && fs.existsSync(word));
  if (given !== undefined) push('data.openRequested', { path: path.resolve(given) });
  if (reportFolder !== undefined) {
    const code = await demoReport({ folder: path.resolve(reportFolder), window, handlers, workspace, onRunChanged: (listener) => { listeners.add(listener); } });
    app.exit(code);
  }
}

// Not `await app.whenReady()`: Electron is ready only after this module's top level has run to its end.
app.whenReady().then(start).catch((error: unknown) => {
  console.error(error);
  app.exit(1);
});
