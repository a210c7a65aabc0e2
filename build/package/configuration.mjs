// What a packaged Optogram holds and how it presents itself, in electron-builder's terms.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { electronPackage, electronVersion } from '../runtime/places.mjs';

const ONNX = 'node_modules/onnxruntime-node/bin/napi-v6';
const SQLITE = 'node_modules/better-sqlite3';
const systems = ['darwin', 'linux', 'linuxmusl', 'win32'];
const architectures = ['x64', 'arm64'];

/** `official`: packs the Electron of package.json; otherwise the stand-in, for which the addon was compiled here. */
export function configuration(official) {
  const otherSystems = systems.filter((system) => system !== process.platform);
  const otherArchitecture = architectures.find((architecture) => architecture !== process.arch);
  return {
    appId: 'org.optogram.Optogram',
    productName: 'Optogram',
    copyright: 'MIT licence',
    directories: { output: 'dist', buildResources: 'build/package' },
    electronVersion: electronVersion(),
    electronDist: path.join(electronPackage, 'dist'),
    npmRebuild: false, // the native addons speak Node-API: one binary for every Electron
    asar: true,
    files: [
      'out/**',
      'package.json',
      'LICENSE',
      '!**/*.map',
      // Native code for this system and processor only.
      ...otherSystems.map((system) => `!${ONNX}/${system}/**`),
      `!${ONNX}/*/${otherArchitecture}/**`,
      '!node_modules/onnxruntime-node/script/**',
      ...otherSystems.map((system) => `!${SQLITE}/prebuilds/${system}-*.node`),
      `!${SQLITE}/prebuilds/*-${otherArchitecture}.node`,
      `!${SQLITE}/${official ? 'build' : 'prebuilds'}/**`,
      `!${SQLITE}/{deps,src}/**`,
      '!node_modules/h5wasm/dist/{esm,iife}/**',
    ],
    asarUnpack: ['**/*.node', 'node_modules/onnxruntime-node/bin/**'],
    extraResources: [
      { from: 'resources/models', to: 'models' },
      { from: 'build/package/icon.png', to: 'build/package/icon.png' }, // the window's icon, at the same place as in a checkout
    ],
    // The stand-in carries an application that loads a checkout; a package has its own.
    afterPack: ({ appOutDir }) => { rmSync(path.join(appOutDir, 'resources/default_app.asar'), { force: true }); },
    electronFuses: {
      runAsNode: false,
      enableCookieEncryption: true,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      onlyLoadAppFromAsar: true,
      grantFileProtocolExtraPrivileges: false,
      loadBrowserProcessSpecificV8Snapshot: false,
    },
    icon: 'build/package/icon.png',
    fileAssociations: [{ ext: 'optogram', name: 'Optogram recipe', description: 'Optogram recipe', mimeType: 'application/vnd.optogram+json', role: 'Editor' }],
    linux: { executableName: 'optogram', category: 'Science', synopsis: 'Pictures back from fMRI, and the voxels that brought them', maintainer: 'The Optogram authors' },
    mac: { category: 'public.app-category.medical', target: ['dmg', 'zip'] },
    win: { target: ['nsis'] },
    publish: null,
  };
}
