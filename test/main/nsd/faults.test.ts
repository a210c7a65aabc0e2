/** What happens to a data folder while it is read: drives that go away, files that change, odd paths; and that nothing is ever written into it. */
import { chmod, lstat, mkdir, mkdtemp, open, readdir, rename, rm, symlink, truncate, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ResponsesRequest } from '../../../common/dataset.ts';
import { UserError } from '../../../common/errors.ts';
import { ndarray } from '../../../common/ndarray.ts';
import { fileSource, handleSource } from '../../../main/formats/byte-source.ts';
import type { ReadableHandle } from '../../../main/formats/byte-source.ts';
import { folderAt } from '../../../main/formats/folder.ts';
import { readVoxelChunks } from '../../../main/formats/hdf5-chunks.ts';
import { chunkedDataset } from '../../../main/formats/hdf5-structure.ts';
import { openNsd } from '../../../main/nsd/dataset.ts';
import { BETA, put, tinyNsd } from '../../support/tiny-nsd.ts';
import type { TinyOptions } from '../../support/tiny-nsd.ts';

const roots: string[] = [];
async function fresh(options: TinyOptions = {}): Promise<string> {
  const { root } = await tinyNsd(options);
  roots.push(root);
  return root;
}
afterAll(async () => { for (const root of roots) { await allow(root); await rm(root, { recursive: true, force: true }); } });

const request: ResponsesRequest = { subject: 'subj01', atlas: 'minddiffuser', rois: [], beta: null, zscore: 'none', average: true };
const betas = `nsddata_betas/ppdata/subj01/func1pt8mm/${BETA}`;

async function errorOf(work: () => Promise<unknown>): Promise<UserError> {
  const error = await work().then(() => null, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  if (!(error instanceof UserError)) throw new Error('no UserError');
  return error;
}

/** Everything that a data set can be asked, each once. */
async function askEverything(root: string): Promise<void> {
  const dataset = await openNsd(root);
  const inspection = await dataset.inspect();
  expect(inspection.problems.filter((problem) => problem.severity === 'problem')).toEqual([]);
  for (const zscore of ['session', 'train', 'none'] as const) await dataset.responses({ ...request, zscore });
  await dataset.stimuli(Int32Array.of(0, 5));
  await dataset.captions(Int32Array.of(3));
  for (const hemisphere of ['lh', 'rh'] as const) {
    await dataset.surface('subj01', hemisphere, 'white');
    await dataset.flat('subj01', hemisphere);
    await dataset.curvature('subj01', hemisphere);
    await dataset.surfaceLabels('subj01', hemisphere, 'minddiffuser');
    await dataset.sampling('subj01', hemisphere, ndarray('int32', [1, 3], Int32Array.of(0, 0, 0)));
  }
  await dataset.affine('subj01');
  dataset.close();
}

/** Names, sizes, modes and the times of content and inode change of everything below a folder. */
async function stateOf(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const lines = await Promise.all(['', ...entries.map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))].map(async (name) => {
    const { size, mode, mtimeMs, ctimeMs } = await lstat(join(root, name));
    return `${name} ${size} ${mode} ${mtimeMs} ${ctimeMs}`;
  }));
  return lines.sort();
}

async function everything(root: string): Promise<readonly string[]> {
  return (await readdir(root, { recursive: true, withFileTypes: true })).map((entry) => join(entry.parentPath, entry.name));
}
async function forbid(root: string): Promise<void> {
  for (const path of [...await everything(root), root]) await chmod(path, (await lstat(path)).isDirectory() ? 0o555 : 0o444);
}
async function allow(root: string): Promise<void> {
  const mode = (path: string): Promise<void> => chmod(path, 0o755).catch(() => undefined);
  await mode(root);
  for (const path of await everything(root).catch(() => [])) await mode(path);
}

describe('the user\'s folder', () => {
  it.each(['hdf5', 'hdf5-compressed', 'nifti'] as const)('is never written to, and works where it cannot be written (%s)', async (container) => {
    const root = await fresh({ betas: container });
    await forbid(root);
    const before = await stateOf(root);
    await askEverything(root);
    expect(await stateOf(root)).toEqual(before);
  });

  it('may lie at a very long path that is not ASCII', async () => {
    for (const container of ['hdf5', 'hdf5-compressed'] as const) {
      const root = await fresh({ betas: container });
      const top = await mkdtemp(join(tmpdir(), 'long-'));
      roots.push(top);
      const place = join(top, 'Größe', 'データ 大', 'é'.normalize('NFD'), ...Array.from({ length: 8 }, (_, i) => `${i}`.repeat(180)), 'emoji 🧠');
      await mkdir(place, { recursive: true });
      await rename(root, join(place, 'nsd'));
      expect(join(place, 'nsd').length).toBeGreaterThan(1400);
      await askEverything(join(place, 'nsd'));
    }
  });
});

/** A real handle whose reads fail with `code` after `good` of them, as those of a drive that is pulled do. */
function failing(handle: ReadableHandle, code: string, good: number): ReadableHandle {
  let reads = 0;
  const read = (...given: readonly unknown[]): unknown => (reads++ < good ? Reflect.apply(handle.read.bind(handle), undefined, given) : Promise.reject(Object.assign(new Error(code), { code })));
  return new Proxy(handle, { get: (target, key): unknown => (key === 'read' ? read : Reflect.get(target, key, target)) });
}

describe('a drive that goes away', () => {
  let whole: Promise<string> | undefined;
  it.each([
    ['EIO', /disk could not be read/], ['ENOTCONN', /no longer connected/], ['ENODEV', /no longer there/], ['ESTALE', /replaced/], ['ENOENT', /no such file/], ['ETIMEDOUT', /does not answer/],
  ] as const)('in the middle of a session file (%s) is named, at every read', async (code, found) => {
    const root = await (whole ??= fresh());
    const file = `${betas}/betas_session01.hdf5`;
    let failures = 0;
    for (let good = 0; good < 40; good++) {
      const handle = await open(join(root, file), 'r');
      const source = handleSource(failing(handle, code, good), (await handle.stat()).size, file);
      const read = async (): Promise<unknown> => readVoxelChunks(source, file, await chunkedDataset(source, file, 'betas'), Int32Array.of(0, 100, 209));
      const error = await read().then(() => null, (thrown: unknown) => thrown);
      await handle.close();
      if (error === null) break;
      failures += 1;
      expect(error, `after ${good} reads`).toBeInstanceOf(UserError);
      expect(error instanceof UserError ? error.detail : null).toMatchObject({ file, found: expect.stringMatching(found) as string, fix: expect.stringMatching(/\w/) as string });
    }
    // Header, tree and chunks were each interrupted, and at last nothing was.
    expect(failures).toBeGreaterThan(5);
    expect(failures).toBeLessThan(40);
  });

  it.runIf(process.platform === 'linux')('is named where the system says EIO (memory of this process, which cannot be read at 0)', async () => {
    const root = await fresh();
    await put(root, 'nsddata/x', new Uint8Array());
    for (const name of ['eio.tsv', 'eio.json.gz']) await symlink('/proc/self/mem', join(root, 'nsddata', name));
    const folder = folderAt(root);
    const drain = async (name: string): Promise<void> => { for await (const piece of folder.stream(name)) expect(piece.length).toBe(0); };
    for (const work of [() => folder.bytes('nsddata/eio.tsv'), () => folder.inflated('nsddata/eio.tsv'), () => folder.prefix('nsddata/eio.tsv', 10), () => drain('nsddata/eio.tsv'), () => drain('nsddata/eio.json.gz')]) {
      expect((await errorOf(work)).detail).toMatchObject({ file: expect.stringMatching(/^nsddata\/eio/) as string, found: 'the disk could not be read' });
    }
  });

  it('between inspection and reading is named', async () => {
    const root = await fresh();
    const dataset = await openNsd(root);
    await dataset.inspect();
    await rename(join(root, 'nsddata_betas'), join(root, 'gone'));
    expect((await errorOf(() => dataset.responses(request))).detail).toMatchObject({ found: expect.stringMatching(/none|no such file/) as string });
    await rename(root, `${root}-away`);
    roots.push(`${root}-away`);
    expect((await errorOf(() => dataset.responses(request))).detail.fix).toMatch(/\w/);
    dataset.close();
  });
});

describe('a file that changes while it is read', () => {
  it('and shrinks is named', async () => {
    const root = await fresh();
    const path = join(root, betas, 'betas_session01.hdf5');
    const source = await fileSource(path, 'betas_session01.hdf5');
    await source.read(0, 100);
    await truncate(path, 200);
    expect((await errorOf(() => source.read(150, 1000))).detail).toMatchObject({ file: 'betas_session01.hdf5', expected: `${source.size} bytes, as when it was opened`, found: 'the end of the file at 200' });
    await source.close();
  });

  it('and is deleted after opening can be read to its end, and is named afterwards', async () => {
    const root = await fresh();
    const file = `${betas}/betas_session01.hdf5`;
    const source = await fileSource(join(root, file), file);
    if (process.platform !== 'win32') {
      await unlink(join(root, file));
      expect((await source.read(0, 8)).length).toBe(8);
      expect((await errorOf(() => folderAt(root).bytes(file))).detail).toMatchObject({ file, found: 'no such file or folder' });
    }
    await source.close();
  });
});

describe('symbolic links', () => {
  it('that lead in a circle are named, whether file or folder', async () => {
    const root = await fresh();
    const circle = async (file: string): Promise<void> => {
      await rm(join(root, file), { recursive: true, force: true });
      await symlink(join(root, `${file}.back`), join(root, file));
      await symlink(join(root, file), join(root, `${file}.back`));
    };
    await circle(`${betas}/betas_session02.hdf5`);
    const { problems } = await (await openNsd(root)).inspect();
    expect(problems).toContainEqual(expect.objectContaining({ file: `${betas}/betas_session02.hdf5`, found: 'a symbolic link that leads back to itself', severity: 'problem' }));
    expect((await errorOf(async () => (await openNsd(root)).responses(request))).detail.found).toMatch(/leads back to itself/);
    await circle('nsddata/ppdata');
    expect((await errorOf(() => openNsd(root))).detail).toMatchObject({ file: 'nsddata/ppdata', found: 'a symbolic link that leads back to itself' });
  });

  it('that lead nowhere are missing files', async () => {
    const root = await fresh();
    const file = `${betas}/betas_session03.hdf5`;
    await rm(join(root, file));
    await symlink(join(root, 'nowhere'), join(root, file));
    expect((await (await openNsd(root)).inspect()).subjects[0]?.sessions).toBe(2);
  });

  it('a folder that contains itself does not trap the inspection', async () => {
    const root = await fresh();
    await symlink(root, join(root, 'nsddata/ppdata/subj01/again'));
    await symlink(root, join(root, betas, 'again'));
    await askEverything(root);
  });
});
