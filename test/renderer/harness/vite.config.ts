import react from '@vitejs/plugin-react';
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  publicDir: process.env['OPTOGRAM_HARNESS_DATA'] ?? false,
  plugins: [react()],
  cacheDir: '/tmp/optogram-harness-cache',
  build: { outDir: '/tmp/optogram-harness', emptyOutDir: true, target: 'chrome130', minify: false },
  server: { port: 5199, strictPort: true, fs: { allow: [resolve(import.meta.dirname, '../../..')] } },
});
