/** The house rules that a compiler does not know: who may import whom, and how files look. */
import { builtinModules } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesUnder, hostGlobals, parseSource, readSources, type Source } from './support/source-tree.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const ANY = 'any package under main/';

/** Besides its own files and `common/`, what each package under `main/` may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[] | typeof ANY>> = {
  formats: [],
  onnx: [],
  store: [],
  metrics: [],
  figures: [],
  maps: [],
  autodiff: ['onnx'],
  runtime: ['onnx'],
  linalg: ['onnx', 'runtime'],
  clip: ['onnx', 'runtime'],
  ridge: ['linalg'],
  diffusion: ['onnx', 'runtime', 'autodiff'],
  nsd: ['formats'],
  arrays: ['formats'],
  demo: ['formats'],
  experiments: [
    'formats', 'onnx', 'store', 'metrics', 'figures', 'maps', 'autodiff', 'runtime', 'linalg', 'clip', 'ridge', 'diffusion', 'nsd', 'arrays', 'demo',
  ],
  ipc: ['experiments', 'store', 'nsd', 'arrays', 'demo', 'figures'],
  entry: ANY,
};

/** A package that only some files of another package may import. */
const ONLY_IN: readonly { readonly of: string; readonly from: string; readonly files: readonly string[] }[] = [
  { of: 'store', from: 'main/experiments/', files: ['main/experiments/record.ts', 'main/experiments/queue.ts', 'main/experiments/resume.ts'] },
];

/** Modules that one place alone may import. A place that ends in `/` is a folder. */
const CONFINED: Readonly<Record<string, readonly string[]>> = {
  electron: ['main/entry/', 'main/ipc/register.ts', 'preload/index.ts'],
  'onnxruntime-node': ['main/runtime/'],
  'onnxruntime-common': ['main/runtime/'],
  'better-sqlite3': ['main/store/'],
  h5wasm: ['main/formats/hdf5.ts'],
};

/** Programs that also run without Electron: nothing that they load may load it. */
const PLAIN_NODE = ['main/entry/cli.ts', 'main/entry/bench.ts', 'main/entry/engine.ts'];

/** Files that are tables: one line per entry, gathered from a file each. */
const TABLES = [
  'main/autodiff/rules/index.ts', 'main/diffusion/schedulers/index.ts', 'main/experiments/stages/index.ts', 'main/store/migrations/index.ts', 'main/entry/verbs/index.ts',
];

/** What may run when imported: the programs. */
const PROGRAMS = [/^main\/entry\/(app|engine|cli|bench)\.ts$/, /^preload\/index\.ts$/, /^renderer\/main\.tsx$/, /-worker\.ts$/];

const LONGEST_FILE = 400;
/** Longer files, each with its reason. */
const LONG_FILES: Readonly<Record<string, string>> = {};

const LONGEST_README = 30;
const VAGUE_NAME = /(^|[/-])(utils?|helpers?|managers?|services?|misc)\b/;

/** Globals that browsers and Node share, which `common/` may therefore use. */
const SHARED_GLOBALS = new Set(['AbortSignal', 'AbortController', 'TextEncoder', 'TextDecoder', 'structuredClone', 'URL', 'DOMException', 'File']);

const builtins = new Set(builtinModules);
const isBuiltin = (request: string): boolean => request.startsWith('node:') || builtins.has(request);
const packageOf = (file: string): string | null => /^main\/([^/]+)\/./.exec(file)?.[1] ?? null;
const moduleName = (request: string): string => request.split('/').slice(0, request.startsWith('@') ? 2 : 1).join('/');
const isAt = (file: string, place: string): boolean => (place.endsWith('/') ? file.startsWith(place) : file === place);

type Rule = (sources: readonly Source[]) => readonly string[];

/** Applies `judge` to every import; it gives what is wrong, or null. */
function eachImport(judge: (from: Source, request: string, to: string | null) => string | null): Rule {
  return (sources) => sources.flatMap((source) => source.imports.flatMap(({ request, file, line }) => {
    const wrong = judge(source, request, file);
    return wrong === null ? [] : [`${source.file}:${line} ${wrong}`];
  }));
}

const followsTheTable = eachImport((from, request, to) => {
  const own = packageOf(from.file);
  if (own === null || to === null || to.startsWith('common/')) return null;
  const other = packageOf(to);
  if (other === null) return `imports ${request}, which is outside main/ and common/`;
  const allowed = MAY_IMPORT[own];
  if (other === own || allowed === undefined || allowed === ANY) return null;
  if (!allowed.includes(other)) return `${own} may not import ${other} (${request})`;
  const narrow = ONLY_IN.find((rule) => rule.of === other && from.file.startsWith(rule.from));
  return narrow === undefined || narrow.files.includes(from.file) ? null : `only ${narrow.files.join(', ')} may import ${other}`;
});

const listsEveryPackage: Rule = (sources) => sources.filter(({ file }) => file.startsWith('main/')).flatMap(({ file }) => {
  const own = packageOf(file);
  if (own === null) return [`${file}:1 stands in main/ itself; main/ holds packages only`];
  return own in MAY_IMPORT ? [] : [`${file}:1 package ${own} has no row in the table`];
});

const keepsCommonPure = eachImport((from, request, to) => {
  if (!from.file.startsWith('common/')) return null;
  return to?.startsWith('common/') === true ? null : `common imports nothing outside itself (${request})`;
});

const keepsTheRendererApart = eachImport((from, request, to) => {
  if (!from.file.startsWith('renderer/')) return null;
  if (to !== null) return to.startsWith('renderer/') || to.startsWith('common/') ? null : `renderer imports only common (${request})`;
  return isBuiltin(request) ? `renderer has no Node (${request})` : null;
});

const keepsThePreloadSmall = eachImport((from, request, to) => {
  if (!from.file.startsWith('preload/')) return null;
  if (to !== null) return to.startsWith('common/contract/') || to.startsWith('preload/') ? null : `preload imports only common/contract (${request})`;
  return request === 'electron' ? null : `preload imports only electron and common/contract (${request})`;
});

const confinesModules = eachImport((from, request, to) => {
  const places = to === null ? CONFINED[moduleName(request)] : undefined;
  if (places === undefined || places.some((place) => isAt(from.file, place))) return null;
  return `${moduleName(request)} is imported only in ${places.join(', ')}`;
});

/** Follows what is loaded at run time, types left out. */
const runsWithoutElectron: Rule = (sources) => {
  const byFile = new Map(sources.map((source) => [source.file, source]));
  return PLAIN_NODE.flatMap((program) => {
    const seen = new Set<string>();
    const found: string[] = [];
    const walk = (file: string): void => {
      const source = byFile.get(file);
      if (source === undefined || seen.has(file)) return;
      seen.add(file);
      for (const { request, file: next, line, isType } of source.imports) {
        if (isType) continue;
        if (next !== null) walk(next);
        else if (request === 'electron') found.push(`${file}:${line} loads electron, and ${program} loads this file`);
      }
    };
    walk(program);
    return found;
  });
};

const hasNoBarrels: Rule = (sources) => sources.flatMap((source) => [
  ...source.imports.filter(({ isReExport }) => isReExport).map(({ line, request }) => `${source.file}:${line} re-exports ${request}; import it from there`),
  ...(source.file.startsWith('preload/') || !/\/index\.tsx?$/.test(source.file) || TABLES.includes(source.file) ? [] : [`${source.file}:1 index files are for tables only`]),
]);

const importsWithoutEffect: Rule = (sources) => sources
  .filter(({ file }) => !PROGRAMS.some((program) => program.test(file)))
  .flatMap((source) => source.effects.map(({ line, what }) => `${source.file}:${line} ${what}`));

const staysShort: Rule = (sources) => sources
  .filter(({ file, lines }) => lines > LONGEST_FILE && !(file in LONG_FILES))
  .map(({ file, lines }) => `${file}:${lines} has ${lines} lines; above ${LONGEST_FILE} a file needs a reason in LONG_FILES`);

const isNamedWell: Rule = (sources) => sources.flatMap(({ file }) => {
  const name = path.posix.basename(file).replace(/\.(d\.ts|worker\.ts|tsx?)$/, '');
  return [
    ...(/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) ? [] : [`${file}:1 file names are kebab-case nouns`]),
    ...(VAGUE_NAME.test(file) ? [`${file}:1 says nothing about what is inside; name the concept`] : []),
  ];
});

/** Each cycle once, named by the import that closes it. */
const hasNoCycles: Rule = (sources) => {
  const byFile = new Map(sources.map((source) => [source.file, source]));
  const state = new Map<string, 'open' | 'done'>();
  const found: string[] = [];
  const walk = (source: Source, trail: readonly string[]): void => {
    state.set(source.file, 'open');
    for (const { file, line } of source.imports) {
      const next = file === null ? undefined : byFile.get(file);
      if (next === undefined || state.get(next.file) === 'done') continue;
      if (state.get(next.file) === 'open') {
        const cycle = [...trail, source.file];
        found.push(`${source.file}:${line} closes the cycle ${[...cycle.slice(cycle.indexOf(next.file)), next.file].join(' -> ')}`);
      } else walk(next, [...trail, source.file]);
    }
    state.set(source.file, 'done');
  };
  for (const source of sources) if (!state.has(source.file)) walk(source, []);
  return found;
};

const RULES: Readonly<Record<string, Rule>> = {
  'packages import only what the table lists': followsTheTable,
  'every file under main/ belongs to a package of the table': listsEveryPackage,
  'common imports nothing outside itself': keepsCommonPure,
  'the renderer imports only common': keepsTheRendererApart,
  'the preload imports only the contract': keepsThePreloadSmall,
  'electron, the runtime, the database and HDF5 are imported in one place each': confinesModules,
  'what runs under plain Node loads no electron': runsWithoutElectron,
  'there are no cycles': hasNoCycles,
  'there are no barrels': hasNoBarrels,
  'importing a file has no effect': importsWithoutEffect,
  'files are short': staysShort,
  'files are kebab-case nouns that say something': isNamedWell,
};

describe('the project', () => {
  const sources = readSources(ROOT, ['common', 'main', 'preload', 'renderer']);

  test.each(Object.entries(RULES))('%s', (_name, rule) => {
    expect(rule(sources).join('\n')).toBe('');
  });

  test('common uses no global of the browser or of Node', () => {
    const files = sources.map(({ file }) => file).filter((file) => file.startsWith('common/'));
    const foreign = hostGlobals(ROOT, files).filter(({ name }) => !SHARED_GLOBALS.has(name));
    expect(foreign.map(({ file, line, name }) => `${file}:${line} uses ${name}`).join('\n')).toBe('');
  });

  test('every package under main/ has a README of at most thirty lines', () => {
    const packages = new Set(sources.flatMap(({ file }) => packageOf(file) ?? []));
    const readmes = new Map(filesUnder(ROOT, 'main').filter((file) => /^main\/[^/]+\/README\.md$/.test(file))
      .map((file) => [packageOf(file), readFileSync(path.join(ROOT, file), 'utf8').trimEnd().split('\n').length]));
    const wrong = [...packages].flatMap((name) => {
      const lines = readmes.get(name);
      if (lines === undefined) return [`main/${name}/README.md is missing`];
      return lines > LONGEST_README ? [`main/${name}/README.md:${lines} has ${lines} lines`] : [];
    });
    expect(wrong.join('\n')).toBe('');
  });

  test('every exception is still needed', () => {
    const long = new Set(sources.filter(({ lines }) => lines > LONGEST_FILE).map(({ file }) => file));
    expect(Object.keys(LONG_FILES).filter((file) => !long.has(file)).join('\n')).toBe('');
  });
});

describe('each rule', () => {
  const files = (texts: Record<string, string>): readonly Source[] => Object.entries(texts).map(([file, text]) => parseSource(file, text));
  const cases: readonly [string, Rule, Record<string, string>, string][] = [
    ['refuses an import that the table does not list', followsTheTable, { 'main/metrics/ssim.ts': "\nimport { a } from '../runtime/session.ts';" }, 'main/metrics/ssim.ts:2 metrics may not import runtime (../runtime/session.ts)'],
    ['refuses the store outside the files that record', followsTheTable, { 'main/experiments/plan.ts': "import type { A } from '../store/open.ts';" }, 'main/experiments/plan.ts:1 only main/experiments/record.ts, main/experiments/queue.ts, main/experiments/resume.ts may import store'],
    ['refuses a package without a row', listsEveryPackage, { 'main/science/a.ts': '' }, 'main/science/a.ts:1 package science has no row in the table'],
    ['refuses a Node built-in in common', keepsCommonPure, { 'common/a.ts': "import { join } from 'node:path';" }, 'common/a.ts:1 common imports nothing outside itself (node:path)'],
    ['refuses main in the renderer, loaded late too', keepsTheRendererApart, { 'renderer/a.tsx': "export const f = () => import('../main/nsd/layout.ts');" }, 'renderer/a.tsx:1 renderer imports only common (../main/nsd/layout.ts)'],
    ['refuses Node in the renderer', keepsTheRendererApart, { 'renderer/a.ts': "import fs from 'fs';" }, 'renderer/a.ts:1 renderer has no Node (fs)'],
    ['refuses more than the contract in the preload', keepsThePreloadSmall, { 'preload/index.ts': "import { f } from '../common/ndarray.ts';" }, 'preload/index.ts:1 preload imports only common/contract (../common/ndarray.ts)'],
    ['refuses a confined module elsewhere, as a type too', confinesModules, { 'main/nsd/a.ts': "import type { File } from 'h5wasm/node';" }, 'main/nsd/a.ts:1 h5wasm is imported only in main/formats/hdf5.ts'],
    ['refuses electron behind the command line', runsWithoutElectron, { 'main/entry/cli.ts': "import { a } from './menu.ts';", 'main/entry/menu.ts': "import type { App } from 'electron';\nimport { Menu } from 'electron';" }, 'main/entry/menu.ts:2 loads electron, and main/entry/cli.ts loads this file'],
    ['refuses a cycle', hasNoCycles, { 'common/a.ts': "import { b } from './b.ts';", 'common/b.ts': "import { a } from './a.ts';" }, 'common/b.ts:1 closes the cycle common/a.ts -> common/b.ts -> common/a.ts'],
    ['refuses a re-export', hasNoBarrels, { 'common/a.ts': "export { b } from './b.ts';" }, 'common/a.ts:1 re-exports ./b.ts; import it from there'],
    ['refuses a statement that runs on import', importsWithoutEffect, { 'main/nsd/a.ts': "const a = 1;\nregister(a);" }, 'main/nsd/a.ts:2 statement that runs on import: register(a);'],
    ['refuses a changeable global', importsWithoutEffect, { 'main/nsd/a.ts': 'let count = 0;' }, 'main/nsd/a.ts:1 changeable global: let count = 0;'],
    ['refuses a long file', staysShort, { 'main/nsd/a.ts': 'export {};\n'.repeat(401) }, 'main/nsd/a.ts:401 has 401 lines; above 400 a file needs a reason in LONG_FILES'],
    ['refuses a name that says nothing', isNamedWell, { 'main/nsd/path-utils.ts': '' }, 'main/nsd/path-utils.ts:1 says nothing about what is inside; name the concept'],
  ];

  test.each(cases)('%s', (_name, rule, texts, expected) => {
    expect(rule(files(texts))).toEqual([expected]);
  });

  test('sees browser and Node globals in common', () => {
    const file = 'test/support/host-globals.fixture.ts';
    expect(hostGlobals(ROOT, [file]).map(({ line, name }) => `${line} ${name}`)).toEqual(['2 document', '3 process']);
  });
});
