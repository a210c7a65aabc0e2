/**
 * What the networks of a pack take in memory, before any of them is opened: their weights, what the runtime makes of them, and their values in the
 * batches that runs use (`runtime/footprint.ts`). Counted from the graphs, so that it costs seconds and none of the networks' memory.
 *
 * An estimate, of the processor; said against found: `autodiff/MEASURED.md`. Sessions keep what they took, so sizes are added over networks.
 */
import os from 'node:os';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { NetworkMemory, PackMemory } from '../../common/contract/pack-report.ts';
import { UserError } from '../../common/errors.ts';
import type { RefineChoice, SamplerChoice } from '../../common/recipe.ts';
import { gradientGraph } from '../diffusion/gradient-session.ts';
import { gradientRows, rowsFor, timeShape } from '../diffusion/refiner.ts';
import { rowsPerRun } from '../diffusion/unet.ts';
import { feedsOf } from '../onnx/graph.ts';
import type { Graph } from '../onnx/graph.ts';
import { weightBytes } from '../onnx/memory.ts';
import { readModel } from '../onnx/protobuf/read.ts';
import { specialise } from '../onnx/shape.ts';
import { footprint } from '../runtime/footprint.ts';
import { MAP_ABOVE_BYTES, roleGraph } from '../runtime/models.ts';
import type { PackContents } from '../runtime/models.ts';
import type { Role } from '../runtime/pack-description.ts';
import { BATCH } from './stages/reconstruct.ts';

/** Rows of one run of the networks besides the UNet (`clip/encode.ts`, `diffusion/vae.ts`). */
const ROWS = { text: 16, image: 16, picture: 8 } as const;
/** A process with the runtime loaded and a small data set read, measured (`tables/MEASURED.md`). */
const BASE_BYTES = 150e6;
/** Objects of ours while networks are differentiated, which the process keeps: 60 to 100 MB measured for graphs of 2700 to 11 300 nodes. */
const MAKING_BYTES = 80e6;
/** The same where networks of half precision get float32 inputs and outputs (`runtime/session.ts`): 23 MB measured for five networks. */
const EDGE_BYTES = 20e6;

type Shapes = Readonly<Record<string, readonly number[]>>;

function entry(role: Role, graph: Graph, shapes: Shapes | null): NetworkMemory {
  const mapped = weightBytes(graph) > MAP_ABOVE_BYTES;
  try { return { role, mapped, ...footprint(shapes === null ? graph : specialise(graph, shapes), mapped) }; } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { role, mapped, ...footprint(graph, mapped), valueBytes: null }; // a graph whose shapes cannot be worked out runs all the same
  }
}

/** `images`: how many pictures a run makes, which bounds its batches. Throws what opening the pack would throw. */
export async function packMemory(pack: PackContents, sampler: SamplerChoice, refine: RefineChoice, images: number): Promise<PackMemory> {
  const { textEncoder, imageEncoder, vaeEncoder, vaeDecoder, unet } = pack.roles, side = sampler.side ?? pack.latentShape[1] ?? 1;
  const latent = [pack.latentShape[0] ?? 4, side, side], pixels = Math.round(pack.pixels * (side / (pack.latentShape[1] ?? side)));
  const group = Math.max(1, Math.min(BATCH, images)), graphs = new Map<Role, Graph>();
  // 1. Stage 1 and the features.
  const rows = Math.min(rowsPerRun(latent), (sampler.guidance === 1 ? 1 : 2) * group);
  const unetShapes = (count: number, graph: Graph): Shapes => ({ [unet.sample]: [count, ...latent], [unet.timestep]: timeShape(feedsOf(graph), unet, count), [unet.context]: [count, pack.contextLength, textEncoder.width] });
  const shapes: { readonly [R in Role]: (graph: Graph) => Shapes } = {
    textEncoder: () => ({ [textEncoder.ids]: [ROWS.text, pack.contextLength] }), imageEncoder: () => ({ [imageEncoder.input]: [ROWS.image, 3, imageEncoder.pixels, imageEncoder.pixels] }),
    vaeEncoder: () => ({ [vaeEncoder.picture]: [ROWS.picture, 3, pixels, pixels] }), vaeDecoder: () => ({ [vaeDecoder.latent]: [Math.min(ROWS.picture, group), ...latent] }),
    unet: (graph) => unetShapes(rows, graph),
  };
  const networks: NetworkMemory[] = [];
  for (const role of Object.keys(shapes) as Role[]) {
    const graph = await roleGraph(pack, role);
    graphs.set(role, graph);
    networks.push(entry(role, graph, shapes[role](graph)));
  }
  // 2. Stage 2's gradients, as `refiner.ts` asks for them.
  const gradients: NetworkMemory[] = [];
  if (refine.enabled) {
    const count = gradientRows(sampler, refine, latent, group), some = rowsFor(pixels, group), wantsContext = refine.c && refine.mode !== 'guided';
    const asked: readonly (readonly [Role, Parameters<typeof gradientGraph>[1]])[] = [
      ['unet', { wrt: [unet.sample, ...(wantsContext ? [unet.context] : [])], of: [unet.output], shapes: unetShapes(count, graphs.get('unet') ?? await roleGraph(pack, 'unet')) }],
      ['vaeDecoder', { wrt: [vaeDecoder.latent], of: [vaeDecoder.picture], shapes: { [vaeDecoder.latent]: [some, ...latent] } }],
      ['imageEncoder', { wrt: [imageEncoder.input], of: pack.taps, shapes: { [imageEncoder.input]: [some, 3, imageEncoder.pixels, imageEncoder.pixels] } }],
    ];
    for (const [role, options] of asked) {
      const file = path.join(pack.dir, pack.roles[role].file), { graph } = gradientGraph(readModel(await readFile(file), file), options);
      gradients.push(entry(role, graph, null));
    }
  }
  const edges = [...graphs.values()].some((graph) => [...graph.inputs, ...graph.outputs].some(({ dtype }) => dtype === 'float16'));
  const ours = BASE_BYTES + (edges ? EDGE_BYTES : 0) + (refine.enabled ? MAKING_BYTES : 0);
  const needBytes = [...networks, ...gradients].reduce((sum, network) => sum + network.weightBytes + network.copyBytes + (network.valueBytes ?? 0), ours);
  return { networks, gradients, needBytes, freeBytes: await availableBytes(), totalBytes: os.totalmem() };
}

/** What could be had without swapping: on Linux caches count as free, which `os.freemem` of older runtimes does not know. */
async function availableBytes(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => ''), kilobytes = /MemAvailable:\s+(\d+)/.exec(text)?.[1];
  return kilobytes === undefined ? os.freemem() : Number(kilobytes) * 1024;
}
