import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const at = (path: string): string => resolve(import.meta.dirname, path);

/** Electron 33, the oldest runtime that this runs on: electron-vite would aim at the version of the npm package. */
const NODE = 'node20.18';
const CHROMIUM = 'chrome130';

/** One bundle per program: the window's owner, the engine and its threads, the command line, the benchmarks. */
function entries(...names: string[]): Record<string, string> {
  const files = names.map((name) => [name, at(`main/entry/${name}.ts`)] as const);
  const missing = files.filter(([, file]) => !existsSync(file)).map(([, file]) => file);
  if (missing.length > 0) throw new Error(`entry points are missing: ${missing.join(', ')}`);
  return Object.fromEntries(files);
}

export default defineConfig({
  main: {
    build: {
      target: NODE,
      outDir: at('out/main'),
      rolldownOptions: {
        input: entries('app', 'engine', 'subsystem-worker', 'cli', 'bench'),
        output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      target: NODE,
      outDir: at('out/preload'),
      externalizeDeps: false, // a sandboxed preload is one CommonJS file
      rolldownOptions: { input: { index: at('preload/index.ts') }, output: { format: 'cjs', entryFileNames: '[name].cjs' } },
    },
  },
  renderer: {
    root: at('renderer'),
    plugins: [react()],
    build: {
      target: CHROMIUM,
      outDir: at('out/renderer'),
      minify: true,
      assetsInlineLimit: 0, // the content security policy admits fonts from files only
      rolldownOptions: { input: { index: at('renderer/index.html') } },
    },
  },
});
