// What Electron runs when it is called as `electron FOLDER`: it loads the application in FOLDER, as the official default
// app does. Top-level await matters: Electron then waits for the application's module before it emits `ready`.
import { app } from 'electron';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { Module } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { preloads, target, answer } = understand(process.argv.slice(1));
if (answer !== null) {
  process.stdout.write(`${answer}\n`);
  process.exit(0);
}
if (target === null) {
  process.stderr.write('usage: electron FOLDER\n');
  process.exit(2);
}
Object.defineProperty(process, 'defaultApp', { value: true, enumerable: true });
if (preloads.length > 0) Module._preloadModules(preloads);
try {
  await import(pathToFileURL(realpathSync(mainOf(path.resolve(target)))).href);
} catch (error) {
  process.stderr.write(`The application could not be loaded\n${error?.stack ?? error}\n`);
  process.exit(1);
}

/** Reads the few switches that precede the folder; the rest belongs to Chromium and to the application. */
function understand(args) {
  const found = { preloads: [], target: null, answer: null };
  for (let i = 0; i < args.length && found.target === null; i++) {
    const arg = args[i];
    if (arg === '-r' || arg === '--require') found.preloads.push(args[++i]);
    else if (arg === '-v' || arg === '--version') found.answer = `v${process.versions.electron}`;
    else if (arg === '-a' || arg === '--abi') found.answer = process.versions.modules;
    else if (!arg.startsWith('-')) found.target = arg;
  }
  return found;
}

/** Tells Electron whose application this is; gives the file to load. */
function mainOf(folder) {
  const file = path.join(folder, 'package.json');
  if (!existsSync(file)) return folder;
  const about = JSON.parse(readFileSync(file, 'utf8'));
  if (about.version) app.setVersion(about.version);
  app.setName(about.productName ?? about.name ?? app.getName());
  if (about.desktopName) app.setDesktopName(about.desktopName);
  app._setDefaultAppPaths?.(folder);
  app.setAppPath(folder);
  return path.join(folder, about.main ?? 'index.js');
}
