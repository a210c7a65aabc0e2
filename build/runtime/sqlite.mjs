// Makes better-sqlite3 loadable by every runtime of this checkout. Its prebuilt binary needs Node-API 10 and crashes
// without a message below that (Node 20, Electron 33). Compiled with the experimental Node-API surface it asks the runtime
// for nothing newer than Node-API 9 and serves all of them; the package finds it in `build/Release` by itself.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { npm } from './packages.mjs';
import { cache, childEnvironment, electronExecutable, readJson, root, scriptNode } from './places.mjs';
import { run, step, StepError } from './steps.mjs';
import { ensureCommands } from './system-packages.mjs';

const NODE_API_OF_PREBUILD = 10;
const sqlite = path.join(root, 'node_modules/better-sqlite3');

export async function ensureSqlite() {
  const oldest = Math.min(nodeApi(scriptNode()), nodeApi(electronExecutable()));
  if (oldest >= NODE_API_OF_PREBUILD) return;
  const { version } = readJson(path.join(sqlite, 'package.json'));
  const binary = path.join(cache, `better-sqlite3-${version}-${process.platform}-${process.arch}.node`);
  const place = path.join(sqlite, 'build/Release/better_sqlite3.node');
  if (!existsSync(binary)) {
    if (process.platform === 'win32') throw new StepError('better-sqlite3 needs Node 22.14 or newer on this platform');
    await ensureCommands(['gcc', 'g++']);
    await step(`Compile better-sqlite3 ${version} for Node-API ${oldest}`, () => compile(binary));
  }
  if (existsSync(place) && readFileSync(place).equals(readFileSync(binary))) return;
  mkdirSync(path.dirname(place), { recursive: true });
  copyFileSync(binary, `${place}.new`);
  renameSync(`${place}.new`, place); // a process that has the old file mapped keeps it
}

function nodeApi(executable) {
  const environment = { ...childEnvironment(), ELECTRON_RUN_AS_NODE: '1' };
  return Number(execFileSync(executable, ['-p', 'process.versions.napi'], { env: environment, encoding: 'utf8' }));
}

async function compile(binary) {
  const work = `${binary}.tmp`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const include = [path.join(sqlite, 'deps/sqlite3'), await nodeHeaders(), napiHeaders()].map((folder) => `-I${folder}`);
  const c = path.join(work, 'sqlite3.o');
  const cpp = path.join(work, 'addon.o');
  const shared = path.join(work, 'addon.node');
  const always = ['-c', '-O2', '-fPIC', '-w', '-DNDEBUG'];
  await Promise.all([
    run('gcc', [...always, '-std=c99', '-D_GNU_SOURCE', ...sqliteOptions(), ...include, path.join(sqlite, 'deps/sqlite3/sqlite3.c'), '-o', c], { log: 'compile-sqlite' }),
    run('g++', [...always, '-std=c++20', '-fvisibility=hidden', '-fno-exceptions', '-fno-rtti', ...addonOptions, ...include, path.join(sqlite, 'src/better_sqlite3.cpp'), '-o', cpp], { log: 'compile-addon' }),
  ]);
  const link = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-Wl,-Bsymbolic', '-Wl,--exclude-libs,ALL', '-ldl', '-lpthread'];
  await run('g++', ['-shared', '-o', shared, cpp, c, ...link, '-lm'], { log: 'compile-addon' });
  renameSync(shared, binary);
  rmSync(work, { recursive: true });
}

const addonOptions = [
  'BUILDING_NODE_EXTENSION',
  'NODE_GYP_MODULE_NAME=better_sqlite3',
  'NAPI_EXPERIMENTAL',
  'NODE_API_EXPERIMENTAL_NO_WARNING',
  'NAPI_DISABLE_CPP_EXCEPTIONS',
  'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
].map((name) => `-D${name}`);

/** SQLite's own compile-time options, from the list that the package's build uses. */
function sqliteOptions() {
  const list = readFileSync(path.join(sqlite, 'deps/defines.gypi'), 'utf8');
  return [...list.matchAll(/^\s*'([A-Z0-9_]+(?:=[^']*)?)',/gm)].map((match) => `-D${match[1]}`);
}

/** Node's own headers. The package `node-api-headers` does not do: what it compiles fails while loading. */
async function nodeHeaders() {
  const bundled = path.join(root, `node_modules/node/node_modules/node-${process.platform}-${process.arch}/include/node`);
  const places = [bundled, path.resolve(path.dirname(process.execPath), '../include/node'), '/usr/include/node'];
  const find = () => places.find((folder) => existsSync(path.join(folder, 'node_api.h')));
  if (find() === undefined) await npm(['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error'], 'npm'); // a later `npm install` prunes it
  const found = find();
  if (found === undefined) throw new StepError(`Node's headers are missing; looked in ${places.join(', ')}`);
  return found;
}

function napiHeaders() {
  return path.dirname(createRequire(path.join(sqlite, 'package.json')).resolve('node-addon-api/napi.h'));
}
