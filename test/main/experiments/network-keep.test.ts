/** Which runs share open networks: those of an unchanged pack, until nobody has wanted it for a while. On the real demo pack. */
import { cp, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepNetworks } from '../../../main/experiments/network-keep.ts';
import type { NetworkKeep } from '../../../main/experiments/network-keep.ts';
import { openNetworks, packHash } from '../../../main/experiments/networks.ts';

const DEMO = fileURLToPath(new URL('../../../resources/models/demo', import.meta.url));
let folder = '', said: string[] = [], keep: NetworkKeep;
/** The real functions, each call written down. */
const keeping = (idleMs: number): NetworkKeep => keepNetworks({
  idleMs,
  open: async (pack) => { said.push('open'); const networks = await openNetworks(pack); return { ...networks, release: async () => { said.push('close'); await networks.release(); } }; },
  hash: async (pack) => { said.push('hash'); return packHash(pack); },
});

beforeEach(async () => {
  folder = path.join(await mkdtemp(path.join(tmpdir(), 'keep-')), 'pack');
  await cp(DEMO, folder, { recursive: true });
  said = [];
  keep = keeping(60_000);
});
afterEach(async () => { await keep.release(); await rm(path.dirname(folder), { recursive: true, force: true }); });

describe('networks kept between runs', () => {
  it('are hashed and opened once for an unchanged pack, and answer as freshly opened ones', async () => {
    expect(await keep.hash(folder)).toBe(await packHash(DEMO));
    const first = await keep.open(folder), states = await first.encodeTexts(['a red ball']);
    await first.release();
    expect(await keep.hash(folder)).toBe(await packHash(DEMO));
    const second = await keep.open(folder);
    expect((await second.encodeTexts(['a red ball'])).data).toEqual(states.data);
    expect(said).toEqual(['hash', 'open']);
  });

  it('are opened again when a file of the pack changed, and the old ones closed', async () => {
    await keep.hash(folder);
    await (await keep.open(folder)).release();
    await utimes(path.join(folder, 'unet/model.onnx'), 1, 1);
    await keep.hash(folder);
    await keep.open(folder);
    expect(said).toEqual(['hash', 'open', 'close', 'hash', 'open']);
  });

  it('are closed when nobody wanted them for a while, not while a run has them', async () => {
    keep = keeping(5);
    const one = await keep.open(folder), two = await keep.open(folder);
    await one.release();
    await one.release(); // a second time says nothing
    await wait(60);
    expect(said.filter((word) => word !== 'hash')).toEqual(['open']);
    await two.release();
    await wait(200);
    expect(said.filter((word) => word !== 'hash')).toEqual(['open', 'close']);
  });

  it('that could not be opened are tried again', async () => {
    await rm(path.join(folder, 'unet/model.onnx'));
    await expect(keep.open(folder)).rejects.toMatchObject({ kind: 'model-missing' });
    await cp(path.join(DEMO, 'unet/model.onnx'), path.join(folder, 'unet/model.onnx'));
    await (await keep.open(folder)).release();
    expect(said.filter((word) => word === 'open')).toHaveLength(2);
  });
});
