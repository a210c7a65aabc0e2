/** The choices of a pack, what is said of one, and what a change of the form is called. */
import { describe, expect, it } from 'vitest';
import type { PackReport, ProviderChoice } from '../../../common/contract/pack-report.ts';
import { DEFAULT_RECIPE, decoderFor } from '../../../common/recipe.ts';
import type { Recipe } from '../../../common/recipe.ts';
import { packOptions } from '../../../renderer/views/experiment/pack-options.ts';
import { factRows, fallBacks, fileIn, networkRows, placeWords, shortReason, typesOf } from '../../../renderer/views/experiment/pack-words.ts';
import { changeTitle } from '../../../renderer/views/experiment/recipe-change.ts';

describe('the choices of a pack', () => {
  const recent = (path: string, reachable = true) => ({ path, label: path.split('/').at(-1) ?? '', usedAt: '', reachable });
  it('are the demo pack, the recent folders, and the one that is named now', () => {
    expect(packOptions({ chosen: 'demo', recents: [] }, 'demo').map(({ value }) => value)).toEqual(['demo']);
    const options = packOptions({ chosen: 'demo', recents: [recent('/x/sd15'), recent('/gone/clip', false)] }, '/new/export');
    expect(options.map(({ label, missing }) => [label, missing])).toEqual([['Demo pack', false], ['export', false], ['sd15', false], ['clip', true]]);
  });

  it('tell folders of the same name apart, and list each once', () => {
    const options = packOptions({ chosen: '/a/sd15', recents: [recent('/a/sd15'), recent('/b/sd15')] }, '/a/sd15');
    expect(options.map(({ label }) => label)).toEqual(['Demo pack', 'sd15 (a)', 'sd15 (b)']);
    expect(packOptions({ chosen: 'demo', recents: [recent('D:\\models\\sd15')] }, 'C:\\packs\\mine').map(({ label }) => label)).toContain('mine');
  });
});

const CUDA = 'probe cannot be opened on cuda: OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library';
const WEBGPU = 'probe cannot be opened on webgpu: /onnxruntime_src/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(...) was false. Failed to get a WebGPU adapter: No supported adapters\n';
const provider: ProviderChoice = { used: 'cpu', tried: [{ provider: 'cuda', works: false, reason: CUDA }, { provider: 'webgpu', works: false, reason: WEBGPU }, { provider: 'cpu', works: true, reason: '' }] };

describe('what is said of a pack', () => {
  it('names where it runs, and why not elsewhere', () => {
    expect(placeWords(provider)).toBe('on the processor, not on CUDA or WebGPU');
    expect(placeWords({ used: 'cuda', tried: [{ provider: 'cuda', works: true, reason: '' }, { provider: 'webgpu', works: false, reason: 'x' }] })).toBe('on CUDA');
    expect(fallBacks(provider).map(({ title, reason }) => [title, shortReason(reason)])).toEqual([['CUDA', 'NVIDIA’s CUDA and cuDNN libraries could not be loaded'], ['WebGPU', 'no graphics processor that it supports']]);
  });

  it('tells an unknown reason in the runtime’s own words, without line breaks, and never without end', () => {
    expect(shortReason('probe cannot be opened on dml: the device\nwas removed. Stack follows')).toBe('the device was removed.');
    expect(shortReason('its answers differ from the CPU\'s by 0.12 where 0.005 is allowed; the CPU is used instead')).toBe('its answers differ from the CPU\'s by 0.12 where 0.005 is allowed; the CPU is used instead');
    expect(shortReason('x'.repeat(500))).toHaveLength(140);
  });

  it('gives sizes with units, and each network its number type and memory', () => {
    const unet = { role: 'unet', weightBytes: 1.7e9, mapped: true, copyBytes: 2e6 };
    const report: PackReport = {
      name: 'sd15', folder: '/x/sd15', ok: true, weightBytes: 2e9, assumptions: [], provider,
      facts: { version: '1', licence: 'l', synthetic: false, pixels: 512, latentShape: [4, 64, 64], contextLength: 77, endToken: 49407, taps: 6, clipPixels: 224, scheduler: null, prediction: 'v_prediction' },
      roles: [{ role: 'unet', file: 'u', ok: true, inputs: [], outputs: [], weightTypes: ['float16', 'float32'] }, { role: 'textEncoder', file: 't', ok: true, inputs: [], outputs: [], weightTypes: ['float32'] }, { role: 'tokenizer', file: 'k', ok: true, inputs: [], outputs: [] }],
      memory: { networks: [{ ...unet, valueBytes: null }], gradients: [{ ...unet, valueBytes: 5e9 }], needBytes: 1, freeBytes: 2, totalBytes: 3 },
    };
    expect(Object.fromEntries(factRows(report))).toMatchObject({ Pictures: '512 × 512 pixels', 'Latents (z)': '4 × 64 × 64 values', 'Texts (c)': 'up to 77 tokens; end token 49,407', Z_CLIP: '6 layers, pictures of 224 × 224 pixels', Scheduler: 'not named, predicts v', Folder: '/x/sd15' });
    expect(factRows({ ...report, facts: null })).toEqual([]);
    expect(typesOf(report)).toBe('float16 and float32');
    expect(networkRows(report)).toEqual([
      { key: 'unet', title: 'Denoiser (UNet)', type: 'float16, float32', words: 'weights 1.70 GB (stay in their file), the runtime’s copies 2.00 MB, values not known' },
      { key: 'unet gradient', title: 'Gradient of denoiser', type: '', words: 'weights 1.70 GB (stay in their file), the runtime’s copies 2.00 MB, values 5.00 GB' },
    ]);
  });

  it('names files within the folder, and the folder itself whole', () => {
    expect([fileIn('/x/sd15', '/x/sd15/unet/model.onnx'), fileIn('C:\\p', 'C:\\p\\unet\\model.onnx'), fileIn('/x/sd15', '/x/sd15'), fileIn('/x', 'unet/model.onnx')]).toEqual(['unet/model.onnx', 'unet\\model.onnx', '/x/sd15', 'unet/model.onnx']);
  });
});

describe('a change of the form', () => {
  const CHANGES: readonly (readonly [string, (recipe: Recipe) => Recipe])[] = [
    ['Model pack', (recipe) => ({ ...recipe, pack: '/x' })], ['Strength', (recipe) => ({ ...recipe, sampler: { ...recipe.sampler, strength: 0.9 } })],
    ['Stage 2', (recipe) => ({ ...recipe, refine: { ...recipe.refine, enabled: true } })], ['Stop window', (recipe) => ({ ...recipe, refine: { ...recipe.refine, stopWindow: 3 } })],
    ['Regions', (recipe) => ({ ...recipe, data: { ...recipe.data, rois: ['V1'] } })], ['Picture from', (recipe) => ({ ...recipe, pipeline: 'pixels', decoder: decoderFor('pixels') })], ['Form', (recipe) => ({ ...recipe })],
  ];
  it.each(CHANGES)('is called by what was changed: %s', (title, change) => {
    expect(changeTitle(DEFAULT_RECIPE, change(DEFAULT_RECIPE))).toBe(title);
  });
});
