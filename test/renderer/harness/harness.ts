/** Generated answers behind the `Lab` interface and the engine port, for looking at the window in a browser. */
import type { Lab, Push, PushName, ViewName, ViewRequest } from '../../../common/contract/channels.ts';
import type { ImageRow, JobRow, MapRequest, RunDetail, RunRow, StepRow, VoxelMap } from '../../../common/contract/payloads.ts';
import type { Hemisphere, Inspection } from '../../../common/dataset.ts';
import { MAP_KINDS } from '../../../common/map-kinds.ts';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import type { SpaceName } from '../../../common/recipe.ts';

const query = new URLSearchParams(window.location.search);
const PATH = '/home/ada/data/optogram-demo';
const NAMES = ['V1', 'V2', 'V3', 'hV4', 'VO', 'PHC', 'MT', 'MST', 'LO', 'IPS', 'V3ab'];
const SPACES: readonly SpaceName[] = ['c', 'clip', 'z'];
const read = async (name: string): Promise<ArrayBuffer> => (await fetch(`/${name}`)).arrayBuffer();

function picture(id: number, blurred: boolean): string {
  const rng = random(id);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 128;
  const c = canvas.getContext('2d');
  if (c === null) return '';
  if (blurred) c.filter = 'blur(5px) saturate(0.85)';
  const hue = rng.integer(360);
  const sky = c.createLinearGradient(0, 0, 0, 128);
  sky.addColorStop(0, `hsl(${(hue + 200) % 360} 45% 72%)`);
  sky.addColorStop(0.55, `hsl(${(hue + 180) % 360} 30% 86%)`);
  sky.addColorStop(0.56, `hsl(${hue} 25% 48%)`);
  sky.addColorStop(1, `hsl(${hue} 25% 34%)`);
  c.fillStyle = sky;
  c.fillRect(-10, -10, 148, 148);
  for (let k = 0; k < 1 + rng.integer(2); k++) {
    const x = rng.between(34, 94) + (blurred ? rng.between(-5, 5) : 0), y = rng.between(60, 92), r = rng.between(16, 34), tint = rng.integer(360);
    const g = c.createRadialGradient(x - r / 3, y - r / 2, 2, x, y, r * 1.2);
    g.addColorStop(0, `hsl(${tint} 75% 74%)`);
    g.addColorStop(1, `hsl(${tint} 70% 30%)`);
    c.fillStyle = g;
    c.beginPath();
    if (k % 2 === 0) c.arc(x, y, r, 0, 7); else c.roundRect(x - r, y - r, 2 * r, 2 * r, 6);
    c.fill();
  }
  return canvas.toDataURL('image/png');
}

const rng = random(7);
const images: ImageRow[] = Array.from({ length: 60 }, (_, i) => {
  const good = rng.uniform();
  return { imageId: 3 + i * 17, truthUrl: picture(i + 1, false), reconstructionUrl: picture(i + 1, true),
    scores: { clip_similarity: 0.45 + 0.5 * good, two_way: 0.5 + 0.5 * good, ssim_2d: 0.15 + 0.45 * rng.uniform(), pcc: 0.05 + 0.6 * rng.uniform(), mse: 0.02 + 0.1 * rng.uniform() } };
});

const row = (id: string, name: string, state: RunRow['state'], hours: number): RunRow => ({
  id, name, dataPath: PATH, dataLabel: 'Demo (synthetic)', synthetic: true, subject: 'subj01', pack: 'demo', state, created: new Date(Date.now() - hours * 3.6e6).toISOString(), started: new Date().toISOString(), finished: null,
  progress: state === 'running' ? 0.42 : 1, activity: state === 'running' ? 'Reconstruct 24 images: 9 of 24 images' : '', secondsLeft: state === 'running' ? 83 : null,
  summary: state !== 'done' ? null : { seconds: 143, steps: 11, reused: 0, images: 60, scores: {
    clip_similarity: { value: 0.731, baseline: 0.512, better: 'higher' }, two_way: { value: 0.874, baseline: 0.5, better: 'higher' }, ssim_2d: { value: 0.352, baseline: 0.231, better: 'higher' },
    pcc: { value: 0.318, baseline: 0.041, better: 'higher' }, mse: { value: 0.062, baseline: 0.097, better: 'lower' } } },
  error: state === 'failed' ? { kind: 'bad-input', message: 'betas_session07.nii.gz ends early', file: 'nsddata_betas/ppdata/subj01/func1pt8mm/betas_session07.nii.gz', expected: '812 MB', found: '640 MB', fix: 'Download it again; resume afterwards.' } : null,
});
const runs: RunRow[] = [row('r5', 'Quick look, LVC', 'running', 0.1), row('r4', 'Quick look', 'done', 1), row('r3', 'Quick look, HVC', 'cancelled', 3), row('r2', 'All images', 'failed', 26), row('r1', 'First try', 'done', 30)];
const jobs = (): JobRow[] => runs.filter((run) => run.state === 'running').map((run) => ({ id: run.id, kind: 'run', title: run.name, state: run.state, progress: run.progress, activity: run.activity, secondsLeft: run.secondsLeft, error: null }));

const STEPS: readonly (readonly [StepRow['kind'], string])[] = [['responses', 'Read responses'], ['features', 'Extract z'], ['features', 'Extract c'], ['features', 'Extract Z_CLIP'], ['fit', 'Fit z (ridge)'], ['fit', 'Fit c (ridge)'], ['fit', 'Fit Z_CLIP (ridge)'], ['predict', 'Predict features'], ['reconstruct', 'Reconstruct 24 images'], ['score', 'Score'], ['maps', 'Map']];
const detailOf = (id: string): RunDetail => {
  const found = runs.find((run) => run.id === id) ?? runs[1];
  if (found === undefined) throw new Error('no run');
  const running = found.state === 'running';
  return {
    row: found, recipe: { ...DEFAULT_RECIPE, name: found.name },
    steps: STEPS.map(([kind, title], i) => ({ key: `${id}${i}`, label: kind, kind, title, inputs: [], weight: 0.1, state: !running || i < 8 ? (i === 1 ? 'reused' : 'done') : i === 8 ? 'running' : 'waiting', seconds: i < 8 || !running ? 2 + i * 3 : null, done: i === 8 ? 9 : 0, total: i === 8 ? 24 : 0 })),
    images: found.state === 'done' ? images : images.slice(0, 9), ref: { runId: id, dataPath: PATH, subject: 'subj01', keys: found.state === 'done' ? { responses: 'a', maps: 'b' } : {} },
    spaces: running ? [] : SPACES.map((space, i) => ({ space, targets: [1024, 512, 3072][i] ?? 1, solver: 'dual, 5 folds', unitR: { q1: 0.12, median: 0.31 - 0.05 * i, q3: 0.48 }, patternR: 0.42 - 0.06 * i, identification: 0.93 - 0.1 * i, identificationChance: 0.5, alphas: DEFAULT_RECIPE.decoder.alphas, alphaCounts: [3, 8, 20, 60, 180, 320, 240, 110, 40, 12], accuracy: null })),
  };
};

const files = (kind: Inspection['subjects'][number]['files'][number]['kind'], state: 'ok' | 'note', summary: string, bytes: number, unlocks: string) => ({ kind, state, summary, examples: [], files: 3, bytes, unlocks });
const counts = [412, 388, 301, 190, 122, 96, 61, 40, 210, 330, 150];
const regions = NAMES.map((name, i) => ({ label: i + 1, name, voxels: counts[i] ?? 1 }));
const inspection: Inspection = {
  kind: 'nsd', root: PATH, label: 'Demo (synthetic)', synthetic: true, fingerprint: 'f', stimuli: { images: 660, shape: [128, 128, 3] }, captions: { images: 660, perImage: 5 },
  subjects: ['subj01', 'subj02'].map((id) => ({
    id, sessions: 3, trials: 2250, trainImages: 600, testImages: 60, volume: [81, 104, 83], voxelSizeMm: [1.8, 1.8, 1.8], betas: ['betas_fithrf_GLMdenoise_RR'],
    atlases: [{ name: 'minddiffuser', regions }, { name: 'Kastner2015', regions: regions.slice(0, 7) }, { name: 'nsdgeneral', regions: [{ label: 1, name: 'nsdgeneral', voxels: 2300 }] }],
    surfaces: [{ hemisphere: 'lh', names: ['white', 'pial', 'inflated', 'sphere', 'flat'], vertices: 10242 }, { hemisphere: 'rh', names: ['white', 'pial', 'inflated', 'sphere', 'flat'], vertices: 10242 }],
    files: [
      files('betas', 'ok', '3 sessions of 750 trials, func1pt8mm, betas_fithrf_GLMdenoise_RR', 412e6, 'responses to every picture'), files('rois', 'ok', 'Kastner2015, prf-visualrois, nsdgeneral', 2.1e6, 'regions to decode from'),
      files('surfaces', 'ok', 'white, pial, inflated, sphere, flat', 8e6, 'the cortex view'), files('stimuli', 'ok', '660 of 128 × 128 px', 31e6, 'truth beside reconstruction'),
      files('captions', 'ok', '5 per image', 0.4e6, 'the semantic space'), files('design', 'ok', 'nsd_expdesign.mat', 0.1e6, 'which picture was when'), files('noise-ceiling', 'note', 'not found', 0, 'no noise ceiling in cards and maps'),
    ],
  })),
  problems: [{ severity: 'note', file: 'nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR/ncsnr.nii.gz', expected: 'a NIfTI volume of noise-ceiling SNR', found: 'nothing', fix: 'Download it from the NSD bucket beside the betas.', costs: 'noise ceilings are not shown' }],
};

interface Hemi { readonly vertices: number; readonly labels: Int32Array; readonly white: Float32Array; readonly voxel: Int32Array }
const hemis = new Map<Hemisphere, Hemi>();
const voxelRegions: string[] = [];
const voxelPlace: number[][] = [];
let voxels = 0;
const ready = (async () => {
  for (const h of ['lh', 'rh'] as const) {
    const labels = new Int32Array(await read(`${h}.labels`)), white = new Float32Array(await read(`${h}.white`));
    const voxel = new Int32Array(labels.length).fill(-1);
    for (let v = 0; v < labels.length; v++) {
      const label = labels[v] ?? -1;
      if (label < 0) continue;
      voxel[v] = voxels++;
      voxelRegions.push(NAMES[label] ?? '');
      voxelPlace.push([white[3 * v] ?? 0, white[3 * v + 1] ?? 0, white[3 * v + 2] ?? 0]);
    }
    hemis.set(h, { vertices: labels.length, labels, white, voxel });
  }
})();

function mapOf(request: MapRequest): VoxelMap {
  const entry = MAP_KINDS[request.kind];
  const noise = random(`${request.kind}${request.space}${request.imageId ?? 0}`.length * 31 + (request.imageId ?? 0) + SPACES.indexOf(request.space) * 77);
  const favourite = { c: [4, 5, 8], clip: [3, 8, 10], z: [0, 1, 2], pixels: [0, 1] }[request.space];
  const phase = noise.between(0, 6), tilt = noise.between(0.05, 0.12);
  const values = Float32Array.from(voxelPlace, ([x = 0, y = 0, z = 0], i) => {
    const near = favourite.includes(NAMES.indexOf(voxelRegions[i] ?? '')) ? 1 : 0.3;
    const wave = Math.sin(x * tilt + phase) * Math.cos(z * tilt * 1.3 + phase) + 0.4 * Math.sin(y * 0.2);
    const base = entry.signed ? wave * near : near * (0.6 + 0.4 * wave) + 0.12 * Math.abs(noise.normal());
    return (entry.signed ? 0.004 : 1) * (base + 0.1 * noise.normal());
  });
  return { request, values, title: entry.perSpace ? `${entry.title} of ${{ c: 'semantic', clip: 'structural', z: 'detail', pixels: 'pixel' }[request.space]} features` : entry.title, unit: entry.unit, signed: entry.signed, caveat: entry.caveat };
}

const VIEWS: { readonly [Name in ViewName]: (...args: never[]) => unknown } = {
  'data.inspect': () => inspection,
  'data.stimuli': async (_path: string, ids: Int32Array, pixels: number) => {
    const out = new Uint8Array(ids.length * pixels * pixels * 3);
    for (const [k, id] of ids.entries()) {
      const image = new Image();
      image.src = picture(id + 1, false);
      await image.decode();
      const canvas = new OffscreenCanvas(pixels, pixels), c = canvas.getContext('2d');
      c?.drawImage(image, 0, 0, pixels, pixels);
      const data = c?.getImageData(0, 0, pixels, pixels).data ?? new Uint8ClampedArray();
      for (let i = 0; i < pixels * pixels; i++) for (let ch = 0; ch < 3; ch++) out[(k * pixels * pixels + i) * 3 + ch] = data[4 * i + ch] ?? 0;
    }
    return ndarray('uint8', [ids.length, pixels, pixels, 3], out);
  },
  'data.captions': () => ['a shiny red ball on a grey table under a pale sky', 'one round object'],
  'cortex.geometry': async (_path: string, _subject: string, h: Hemisphere) => {
    const points = async (name: string) => { const data = new Float32Array(await read(`${h}.${name}`)); return f32([data.length / 3, 3], data); };
    const tri = new Int32Array(await read(`${h}.tri`)), flatTri = new Int32Array(await read(`${h}.flattri`)), flat = new Float32Array(await read(`${h}.flat`));
    return { hemisphere: h, vertices: flat.length / 2, triangles: ndarray('int32', [tri.length / 3, 3], tri), shapes: { white: await points('white'), pial: await points('pial'), inflated: await points('inflated') },
      flat: f32([flat.length / 2, 2], flat), flatTriangles: ndarray('int32', [flatTri.length / 3, 3], flatTri), curvature: new Float32Array(await read(`${h}.curv`)) };
  },
  'cortex.labels': (_path: string, _subject: string, h: Hemisphere, atlas: string) => ({ hemisphere: h, atlas, labels: hemis.get(h)?.labels, names: NAMES }),
  'cortex.sampling': (_ref: unknown, h: Hemisphere) => { const hemi = hemis.get(h); return hemi === undefined ? null : { hemisphere: h, vertices: hemi.vertices, nearest: ndarray('int32', [1, hemi.vertices], hemi.voxel) }; },
  'map.list': () => (['pattern', 'weight', 'accuracy', 'contribution', 'truth'] as const).flatMap((kind) => SPACES.map((space) => ({ kind, space }))),
  'map.voxels': (_ref: unknown, request: MapRequest) => mapOf(request),
  'voxel.card': (_ref: unknown, voxel: number) => {
    const r = random(voxel + 1), cx = r.between(0, 16), cy = r.between(0, 16);
    const blob = (n: number) => Float32Array.from({ length: n * n }, (_, i) => Math.exp(-(((i % n) - (cx * n) / 16) ** 2 + (Math.floor(i / n) - (cy * n) / 16) ** 2) / (n * n * 0.02)) + 0.1 * r.uniform());
    return { voxel, ijk: [r.integer(80), r.integer(100), r.integer(80)], region: voxelRegions[voxel] ?? '', noiseCeilingPercent: r.between(5, 60),
      spaces: SPACES.map((space) => ({ space, weightNorm: r.uniform(), weightPercentile: r.between(5, 99), patternNorm: r.uniform(), patternPercentile: r.between(5, 99) })),
      latentWeights: f32([16, 16], blob(16)), patchWeights: f32([7, 7], blob(7)), tokenWeights: f32([16], Float32Array.from({ length: 16 }, () => r.uniform())),
      helped: images.slice(0, 5).map((image) => ({ imageId: image.imageId, share: r.between(0.001, 0.01) })), hurt: images.slice(9, 14).map((image) => ({ imageId: image.imageId, share: -r.between(0.001, 0.01) })) };
  },
  'region.card': (_ref: unknown, region: string) => {
    const r = random(region.length * 13 + region.charCodeAt(1));
    return { region, voxels: 412, noiseCeilingPercent: 31, spaces: SPACES.map((space) => ({ space, share: r.between(0.03, 0.2), patternMean: 1, sharePerImage: Float32Array.from({ length: 60 }, () => 0.1 + 0.08 * r.normal()) })) };
  },
  'table.keys': (recipes: readonly unknown[]) => recipes.map((_, index) => `scores-${index}`),
  'table.compose': () => { throw new Error('no table was made'); },
  'refine.records': () => [],
  'pack.check': () => ({ name: 'demo', folder: '/models/demo', ok: true, roles: [], weightBytes: 19e6, assumptions: [], facts: null, memory: null, provider: { used: 'cpu', tried: [{ provider: 'cpu', works: true, reason: '' }] } }),
  'accuracy.units': () => Promise.reject(new Error('the harness decodes nothing')), 'accuracy.regions': () => null, 'region.list': () => voxelRegions,
};

const listeners = new Map<PushName, Set<(payload: never) => void>>();
export function push<Name extends PushName>(name: Name, payload: Push[Name]): void {
  for (const listener of listeners.get(name) ?? []) (listener as (value: Push[Name]) => void)(payload);
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const empty = query.has('empty');
const lab: Lab = {
  async invoke(name, ...args) {
    const value: unknown = await ({
      'app.info': () => ({ memory: { ceiling: 8e9, isDefault: true, installed: 16e9 }, version: '0.1.0', electron: '33.2.1', platform: 'linux', theme: query.get('theme') ?? 'dark', interrupted: empty ? [] : ['r3'],
        packs: { chosen: 'demo', recents: [] }, recents: empty ? [] : [{ path: PATH, label: 'Demo (synthetic)', synthetic: true, openedAt: new Date().toISOString(), reachable: true }, { path: '/media/nsd/natural-scenes-dataset', label: 'NSD, 4 subjects', synthetic: false, openedAt: '2026-11-03T12:00:00Z', reachable: false }],
        last: { dataPath: query.has('start') || empty ? null : PATH, runId: 'r4' } }),
      'demo.create': () => ({ path: PATH }), 'run.list': () => (empty ? [] : runs), 'job.list': () => (empty ? [] : jobs()), 'table.list': () => [], 'run.get': () => detailOf(text(args[0])), 'run.start': () => runs[1],
      'data.choose': () => PATH, 'run.resume': () => runs[1], 'file.savePng': () => { Reflect.set(window, 'saved', args[1]); return `/home/ada/figures/${text(args[0])}`; },
    } as Record<string, () => unknown>)[name]?.() ?? null;
    return { ok: true, value: value as never };
  },
  on(name, listener) {
    const set = listeners.get(name) ?? new Set();
    listeners.set(name, set);
    set.add(listener);
    return () => { set.delete(listener); };
  },
  pathOf: () => PATH,
};
Object.assign(window, { lab, harness: { push } });

const { port1, port2 } = new MessageChannel();
port1.onmessage = (event: MessageEvent<ViewRequest>) => {
  const { id, name, args } = event.data;
  void ready.then(() => (VIEWS[name] as (...values: unknown[]) => unknown)(...args)).then(
    (value) => { port1.postMessage({ id, reply: { ok: true, value } }); },
    (error: unknown) => { port1.postMessage({ id, reply: { ok: false, error: { kind: 'bug', message: String(error) } } }); },
  );
};
void import('../../../renderer/main.tsx').then(() => { window.postMessage('engine-port', window.location.origin, [port2]); });
