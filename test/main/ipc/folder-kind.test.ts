/** Dropped folders and files by the names in them. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderKind } from '../../../main/ipc/folder-kind.ts';

/** Files of a folder, the one that is dropped, and what it is. */
const CASES: readonly (readonly [string, readonly string[], string, 'data' | 'pack'])[] = [
  ['a pack of ours', ['pack.json', 'unet/model.onnx'], '', 'pack'], ['an export', ['model_index.json'], '', 'pack'], ['networks without a description', ['unet/model.ONNX'], '', 'pack'],
  ['one network', ['unet/model.onnx'], 'unet', 'pack'], ['a network file', ['unet/model.onnx'], 'unet/model.onnx', 'pack'], ['the description itself', ['model_index.json'], 'model_index.json', 'pack'],
  ['NSD', ['nsddata/experiments/x'], '', 'data'], ['arrays', ['dataset.json', 'x.npy'], '', 'data'], ['arrays beside a network', ['dataset.json', 'model.onnx'], '', 'data'],
  ['an empty folder', [], '', 'data'], ['a file of something else', ['x.npy'], 'x.npy', 'data'], ['nothing', [], 'nowhere', 'data'],
];

let place = '';
beforeAll(() => { place = fs.mkdtempSync(path.join(tmpdir(), 'kinds-')); });
afterAll(() => { fs.rmSync(place, { recursive: true, force: true }); });

describe('what was dropped', () => {
  it.each(CASES)('%s', async (name, files, target, kind) => {
    const folder = path.join(place, name);
    fs.mkdirSync(folder, { recursive: true });
    for (const file of files) {
      fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      fs.writeFileSync(path.join(folder, file), '');
    }
    expect(await folderKind(path.join(folder, target))).toBe(kind);
  });
});
