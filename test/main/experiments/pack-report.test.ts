/** Unmodified exports through whole runs, what is said of a model folder before it is opened, and what is said of one that is not right. */
import { cp, mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProviderChoice } from '../../../common/contract/pack-report.ts';
import { DEFAULT_RECIPE, parseRecipe } from '../../../common/recipe.ts';
import type { RefinementRecord, RunEvent } from '../../../common/run-event.ts';
import { artefactFolder, readJson } from '../../../main/experiments/artefacts.ts';
import { openNetworks } from '../../../main/experiments/networks.ts';
import { openDataset } from '../../../main/experiments/open-dataset.ts';
import { packReport } from '../../../main/experiments/pack-report.ts';
import { keyFor } from '../../../main/experiments/plan.ts';
import { prepareRun } from '../../../main/experiments/prepare.ts';
import { run } from '../../../main/experiments/run.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { makeGraph } from '../../../main/onnx/graph.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { EXPORTS, unpackExport } from '../../support/exports.ts';
import { tinyArrays } from '../../support/tiny-arrays.ts';

const DEMO = fileURLToPath(new URL('../../../resources/models/demo', import.meta.url)), models = path.dirname(DEMO);
const provider: ProviderChoice = { used: 'cpu', tried: [{ provider: 'cpu', works: true, reason: '' }] };
const question = { sampler: DEFAULT_RECIPE.sampler, refine: { ...DEFAULT_RECIPE.refine, enabled: true }, images: 4 };

let scratch = '', data = '';
beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'packs-'));
  data = await tinyArrays();
  for (const name of EXPORTS) await unpackExport(name, path.join(scratch, name));
});
afterAll(async () => { for (const folder of [scratch, data]) await rm(folder, { recursive: true, force: true }); });

describe('an unmodified export', () => {
  // The half-precision export says no side of its latents: 64 is assumed, and the walk made at 8 so that the test is short.
  it.each([['optimum', null], ['diffusers-half', 8]] as const)('goes through both stages with features of its own (%s)', async (name, side) => {
    const recipe = parseRecipe({
      name, pack: path.join(scratch, name), data: { subject: 'one', atlas: 'all', zscore: 'train' }, decoder: { alphas: [1], folds: 2 }, images: 2,
      sampler: { scheduler: 'pndm', steps: 4, strength: 0.5, guidance: 2, side }, refine: { enabled: true, mode: 'full', iterations: 2, rateZ: 0.02, rateC: 0.02 },
    });
    const workspace = path.join(scratch, `${name}-ws`), events: RunEvent[] = [], products = sessionProducts({ threads: 1 });
    const context = await prepareRun({ recipe, dataPath: data, workspace, models, openDataset, openNetworks, products, signal: new AbortController().signal, emit: (event) => { events.push(event); } });
    try {
      const summary = await run(context);
      expect(summary, JSON.stringify(events.at(-1))).toMatchObject({ images: 2 });
      for (const id of events.flatMap((event) => (event.type === 'image' ? [event.image.imageId] : []))) {
        const record = await readJson<RefinementRecord>(artefactFolder(workspace, keyFor(context.steps, 'refine')), `${String(id).padStart(5, '0')}-refinement`);
        // The gradient is one: with rates this small, the chosen iteration lies below stage 1.
        expect(record.decoded[record.chosen], `${name}, image ${id}: ${record.decoded.join(', ')}`).toBeLessThan(record.decoded[0] ?? 0);
      }
    } finally { context.dataset.close(); await context.release(); await products.release(); }
  }, 240_000);
});

describe('what is said before a pack is opened', () => {
  it('counts weights from the files, and more memory for stage 2', async () => {
    const report = await packReport(DEMO, question, provider), alone = await packReport(DEMO, { ...question, refine: { ...question.refine, enabled: false } }, provider);
    // Read here from the shipped files themselves.
    const described = JSON.parse(await readFile(path.join(DEMO, 'pack.json'), 'utf8')) as { version: string; latentShape: number[]; contextLength: number; image: { pixels: number }; roles: { imageEncoder: { taps: string[]; pixels: number } } };
    const vocabulary = JSON.parse(await readFile(path.join(DEMO, 'tokenizer/vocab.json'), 'utf8')) as Record<string, number>;
    expect(report.facts).toMatchObject({
      version: described.version, synthetic: true, pixels: described.image.pixels, latentShape: described.latentShape, contextLength: described.contextLength, prediction: 'epsilon',
      endToken: vocabulary['<|endoftext|>'], taps: described.roles.imageEncoder.taps.length, clipPixels: described.roles.imageEncoder.pixels, scheduler: 'PNDMScheduler',
    });
    expect(report.roles.flatMap(({ weightTypes }) => weightTypes ?? [])).toEqual(Array.from({ length: 5 }, () => 'float32'));
    const { networks = [], gradients = [], needBytes = 0, freeBytes = 0, totalBytes = 0 } = report.memory ?? {};
    expect([networks.map(({ role }) => role), gradients.map(({ role }) => role)]).toEqual([['textEncoder', 'imageEncoder', 'vaeEncoder', 'vaeDecoder', 'unet'], ['unet', 'vaeDecoder', 'imageEncoder']]);
    expect(needBytes).toBeGreaterThan(alone.memory?.needBytes ?? 0);
    expect(totalBytes).toBeGreaterThan(freeBytes);
    // Another route to a weight: the file is weights and some kilobytes of graph.
    for (const { role, weightBytes, valueBytes, mapped } of networks) {
      const file = report.roles.find((each) => each.role === role)?.file ?? '', { length } = await readFile(path.join(DEMO, file));
      expect(weightBytes, role).toBeLessThanOrEqual(length);
      expect(length - weightBytes, role).toBeLessThan(0.15 * length + 2 ** 18);
      expect([mapped, (valueBytes ?? 0) > 0], role).toEqual([false, true]);
    }
  }, 120_000);
});

/** A spoiled copy of an export, and what is to be said of it. */
const BAD: readonly (readonly [string, (typeof EXPORTS)[number], string, RegExp, (folder: string) => Promise<void>])[] = [
  ['a missing merges.txt', 'optimum', 'tokenizer', /merges\.txt/, (folder) => unlink(path.join(folder, 'tokenizer/merges.txt'))],
  ['a cut vocab.json', 'optimum', 'tokenizer', /vocab\.json: expected JSON/, (folder) => truncate(path.join(folder, 'tokenizer/vocab.json'), 500)],
  ['a merges.txt cut at the end of a line', 'optimum', 'tokenizer', /merges\.txt: expected a merge for each of the 304 tokens .* found 200 merges, none of which makes "/, async (folder) => {
    const file = path.join(folder, 'tokenizer/merges.txt');
    await writeFile(file, `${(await readFile(file, 'utf8')).split('\n').slice(0, 201).join('\n')}\n`);
  }],
  ['merges cut in tokenizer.json', 'diffusers-half', 'tokenizer', /tokenizer\.json: expected a merge for each of the 304 tokens .* found 200 merges/, async (folder) => {
    const file = path.join(folder, 'tokenizer/tokenizer.json'), whole = JSON.parse(await readFile(file, 'utf8')) as { readonly model: { readonly merges: readonly unknown[] } };
    await writeFile(file, JSON.stringify({ ...whole, model: { ...whole.model, merges: whole.model.merges.slice(0, 200) } }));
  }],
  ['more tokens than the text network has', 'optimum', 'tokenizer', /ids below 818, the rows of the text encoder's table of tokens, found id 900 for "<\|endoftext\|>"/, async (folder) => {
    const file = path.join(folder, 'tokenizer/vocab.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"<|endoftext|>": 817', '"<|endoftext|>": 900').replace('"<|endoftext|>":817', '"<|endoftext|>":900'));
  }],
  ['missing external data', 'diffusers-half', 'unet', /weights\.pb.*|expected the weights of .*no such file/, (folder) => unlink(path.join(folder, 'unet/weights.pb'))],
  ['cut external data', 'diffusers-half', 'unet', /at least \d+ bytes, found 1000 bytes.*weights\.pb/, (folder) => truncate(path.join(folder, 'unet/weights.pb'), 1000)],
  ['a cut network', 'optimum', 'pack', /text_encoder\/model\.onnx/, (folder) => truncate(path.join(folder, 'text_encoder/model.onnx'), 5000)],
  ['another number type', 'optimum', 'unet', /"sample" as float32 or float16, found float64/, async (folder) => {
    const file = path.join(folder, 'unet/model.onnx'), graph = readModel(await readFile(file), file);
    await writeFile(file, writeModel(makeGraph({ ...graph, inputs: graph.inputs.map((input) => (input.name === 'sample' ? { ...input, dtype: 'float64' as const } : input)) })));
  }],
  ['a missing scheduler', 'optimum', 'pack', /scheduler_config\.json/, (folder) => unlink(path.join(folder, 'scheduler/scheduler_config.json'))],
];

describe('a folder that is not right', () => {
  it.each(BAD)('is named by role and file: %s', async (what, name, role, words, spoil) => {
    const folder = path.join(scratch, what.replaceAll(/\W/g, '-'));
    await cp(path.join(scratch, name), folder, { recursive: true });
    await spoil(folder);
    const report = await packReport(folder, question, provider), bad = report.roles.filter((each) => !each.ok);
    expect([report.ok, report.memory, bad.map((each) => each.role)], JSON.stringify(bad)).toEqual([false, null, [role]]);
    expect(bad[0]?.problem?.message).toMatch(words);
    if (role === 'tokenizer') expect(path.join(folder, bad[0]?.file ?? '')).toBe(bad[0]?.problem?.file);
    expect(bad[0]?.problem).toMatchObject({ expected: expect.any(String) as string, found: expect.any(String) as string, file: expect.stringContaining(folder) as string });
  });
});
