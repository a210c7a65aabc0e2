/**
 * Model packs: folders of networks by role. Checking says per role what a folder provides or lacks; opening gives sessions.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { reportOf, UserError } from '../../common/errors.ts';
import type { ErrorReport } from '../../common/errors.ts';
import type { DType } from '../../common/ndarray.ts';
import { isolate } from '../onnx/edit/isolate.ts';
import { tap } from '../onnx/edit/tap.ts';
import { feedsOf, producers } from '../onnx/graph.ts';
import { weightBytes } from '../onnx/memory.ts';
import type { Graph, ValueInfo } from '../onnx/graph.ts';
import { readModel } from '../onnx/protobuf/read.ts';
import { shapeText } from '../onnx/shape-rules.ts';
import { byteLengthOf } from '../onnx/tensor.ts';
import { describePack } from './describe-pack.ts';
import { readFacts } from './facts.ts';
import { ROLES } from './pack-description.ts';
import type { PackDescription, Role } from './pack-description.ts';
import { graphSource, openSession } from './session.ts';
import type { Session, SessionOptions } from './session.ts';

/** What a pack is, read from its small files and the heads of its networks. */
export interface PackContents extends PackDescription {
  readonly dir: string;
  /** Inner tensors of the image encoder, found in its graph where the pack does not list them. */
  readonly taps: readonly string[];
  /** The scheduler's configuration as the file has it. */
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
}

export interface Pack extends PackContents {
  /** Identifies the networks: of the declared checksums, or of the files themselves where none are declared. */
  readonly hash: string;
}

export interface RoleCheck {
  readonly role: Role | 'pack' | 'tokenizer' | 'scheduler';
  readonly file: string;
  readonly ok: boolean;
  /** `name dtype[shape]` */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Of the weights as they lie on disk: what opening the network will take at least (mapped, not copied, above 0.5 GiB). */
  readonly weightBytes?: number;
  /** Number types of the weights (whole-number constants aside), the one with most bytes first. */
  readonly weightTypes?: readonly DType[];
  readonly problem?: ErrorReport;
}

export interface PackCheck {
  readonly dir: string;
  readonly name: string;
  readonly ok: boolean;
  readonly roles: readonly RoleCheck[];
  /** Weights of all networks together. */
  readonly weightBytes: number;
  /** What no file says and is taken to be Stable Diffusion v1's, in words. */
  readonly assumptions: readonly string[];
}

/** Weights above this are mapped from their file rather than copied; on the CPU the runtime also runs the graph as it is, which takes no longer (`autodiff/MEASURED.md`). */
export const MAP_ABOVE_BYTES = 2 ** 29;
/** The second layer of the MLP of a transformer block, as PyTorch exports name it. */
const TAP_NAME = /layers\.(\d+)\/mlp\/fc2\/Add_output_0$/;
const TAP_BIAS = /vision_model\.encoder\.layers\.(\d+)\.mlp\.fc2\.bias$/;
/** MindDiffuser reads the first six blocks. */
const TAP_BLOCKS = 6;

async function exists(file: string): Promise<boolean> {
  try { await stat(file); return true; } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) return false;
    throw cause;
  }
}

function missing(dir: string, role: string, file: string, expected: string, found: string): UserError {
  return new UserError('model-missing', `${role}: expected ${expected}, found ${found} (${path.join(dir, file)})`, {
    file: path.join(dir, file), expected, found, fix: 'Put the file there, or choose another pack; `optogram models check` lists what is missing.',
  });
}

interface LoadedGraph { readonly graph: Graph; readonly bytes: Uint8Array; readonly path: string }

async function loadGraph(dir: string, role: Role, file: string): Promise<LoadedGraph> {
  const at = path.join(dir, file);
  if (!(await exists(at))) throw missing(dir, role, file, `a model at ${file}`, 'no such file');
  const bytes = await readFile(at), graph = readModel(bytes, at);
  for (const initializer of graph.initializers) {
    if (initializer.source.kind !== 'external') continue;
    const { location, offset, length } = initializer.source, beside = path.join(path.dirname(file), location);
    if (!(await exists(path.join(dir, beside)))) throw missing(dir, role, beside, `the weights of "${initializer.name}"`, 'no such file');
    const { size } = await stat(path.join(dir, beside)), end = offset + (length ?? byteLengthOf(initializer.dtype, initializer.shape));
    if (size < end) throw missing(dir, role, beside, `at least ${end} bytes`, `${size} bytes`);
  }
  return { graph, bytes, path: at };
}

/** Tensor names that a role's description relies on. */
function wanted(pack: PackDescription, role: Role): { readonly inputs: readonly string[]; readonly outputs: readonly string[] } {
  const { textEncoder, imageEncoder, vaeEncoder, vaeDecoder, unet } = pack.roles;
  switch (role) {
    case 'textEncoder': return { inputs: [textEncoder.ids], outputs: [textEncoder.states, ...(textEncoder.embedding === null ? [] : [textEncoder.embedding])] };
    case 'imageEncoder': return { inputs: [imageEncoder.input], outputs: [imageEncoder.embedding] };
    case 'vaeEncoder': return { inputs: [vaeEncoder.picture], outputs: [vaeEncoder.parameters] };
    case 'vaeDecoder': return { inputs: [vaeDecoder.latent], outputs: [vaeDecoder.picture] };
    case 'unet': return { inputs: [unet.sample, unet.timestep, unet.context], outputs: [unet.output] };
    default: { const never: never = role; return never; }
  }
}

const valueText = (value: ValueInfo): string => `${value.name} ${value.dtype}${shapeText(value.shape)}`;

/** True where a role is only a part of its graph: it wants an inner tensor, or does not know what to feed to some inputs. */
function isPart(wantedOutputs: readonly string[], outputs: readonly string[], inputs: readonly string[], wantedInputs: readonly string[]): boolean {
  return wantedOutputs.some((name) => !outputs.includes(name)) || inputs.some((name) => !wantedInputs.includes(name));
}

/** Number types that the roles' tensors may have: text ids are whole numbers, a timestep either, all else is float32 or half precision. */
const ID_TYPES: readonly DType[] = ['int64', 'int32'], VALUE_TYPES: readonly DType[] = ['float32', 'float16'], TIME_TYPES: readonly DType[] = [...ID_TYPES, ...VALUE_TYPES];

function checkTypes(pack: PackDescription, dir: string, role: Role, graph: Graph): void {
  const { textEncoder, unet } = pack.roles, needs = wanted(pack, role), outputs = new Set(needs.outputs);
  const allowed = (name: string): readonly DType[] => (role === 'textEncoder' && name === textEncoder.ids ? ID_TYPES : role === 'unet' && name === unet.timestep ? TIME_TYPES : VALUE_TYPES);
  for (const value of [...feedsOf(graph).filter(({ name }) => needs.inputs.includes(name)), ...graph.outputs.filter(({ name }) => outputs.has(name))]) {
    if (!allowed(value.name).includes(value.dtype)) throw missing(dir, role, pack.roles[role].file, `"${value.name}" as ${allowed(value.name).join(' or ')}`, value.dtype);
  }
}

/** Throws `model-missing` where the graph lacks what the role needs. */
function checkGraph(pack: PackDescription, dir: string, role: Role, graph: Graph): void {
  const file = pack.roles[role].file, needs = wanted(pack, role), inputs = feedsOf(graph).map((input) => input.name), outputs = graph.outputs.map((output) => output.name);
  const inner = producers(graph), partial = isPart(needs.outputs, outputs, inputs, needs.inputs);
  const absentInputs = needs.inputs.filter((name) => !inputs.includes(name)), absentOutputs = needs.outputs.filter((name) => !outputs.includes(name) && !inner.has(name));
  if (absentInputs.length > 0) throw missing(dir, role, file, `inputs ${needs.inputs.join(', ')}`, inputs.join(', '));
  if (absentOutputs.length > 0) throw missing(dir, role, file, `outputs ${needs.outputs.join(', ')}`, outputs.join(', '));
  checkTypes(pack, dir, role, graph);
  const extra = (partial ? feedsOf(isolate(graph, needs.outputs)).map((input) => input.name) : inputs).filter((name) => !needs.inputs.includes(name));
  if (extra.length > 0) throw missing(dir, role, file, `no inputs besides ${needs.inputs.join(', ')}`, extra.join(', '));
}

/** The taps of the image encoder: as the pack lists them, or the MLP outputs of the first six blocks. */
function tapsOf(pack: PackDescription, dir: string, graph: Graph): readonly string[] {
  const made = producers(graph), listed = pack.roles.imageEncoder.taps, file = pack.roles.imageEncoder.file;
  if (listed.length > 0) {
    const absent = listed.filter((name) => !made.has(name));
    if (absent.length > 0) throw missing(dir, 'imageEncoder', file, 'the inner tensors that pack.json lists', `no ${absent.join(', ')}`);
    return listed;
  }
  const named = [...made.keys()].flatMap((name) => { const match = name.includes('text_model') ? null : TAP_NAME.exec(name); return match === null ? [] : [{ name, block: Number(match[1]) }]; });
  const found = named.length > 0 ? named : tapsByWeight(graph);
  const taps = [...found].sort((a, b) => a.block - b.block).slice(0, TAP_BLOCKS).map(({ name }) => name);
  if (taps.length < TAP_BLOCKS) throw missing(dir, 'imageEncoder', file, `the outputs of ${TAP_BLOCKS} MLP blocks, named ...layers.N/mlp/fc2/Add_output_0`, `${taps.length}`);
  return taps;
}

/** Exporters that do not keep the path of a layer in the names of tensors keep it in the names of weights: who adds the second bias of a block's MLP. */
function tapsByWeight(graph: Graph): readonly { readonly name: string; readonly block: number }[] {
  return graph.nodes.flatMap((node) => {
    const bias = node.inputs.find((name) => TAP_BIAS.test(name)), name = node.outputs[0];
    return bias === undefined || name === undefined ? [] : [{ name, block: Number(TAP_BIAS.exec(bias)?.[1]) }];
  });
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** vocab.json and merges.txt, or the one file that newer libraries write instead. */
async function tokenizerFilesOf(dir: string, folder: string): Promise<readonly string[]> {
  return !(await exists(path.join(dir, folder, 'vocab.json'))) && await exists(path.join(dir, folder, 'tokenizer.json')) ? ['tokenizer.json'] : ['vocab.json', 'merges.txt'];
}

/** Relative paths of everything a pack is made of. */
async function filesOf(pack: PackDescription, dir: string): Promise<readonly string[]> {
  const models = await Promise.all(ROLES.map(async (role) => {
    const { graph } = await loadGraph(dir, role, pack.roles[role].file), folder = path.dirname(pack.roles[role].file);
    const outside = graph.initializers.flatMap(({ source }) => (source.kind === 'external' ? [path.join(folder, source.location)] : []));
    return [pack.roles[role].file, ...new Set(outside)];
  }));
  return [pack.scheduler, ...(await tokenizerFilesOf(dir, pack.tokenizer)).map((file) => `${pack.tokenizer}/${file}`), ...models.flat()].sort();
}

async function hashOf(pack: PackDescription, dir: string): Promise<string> {
  const { sha256, ...facts } = pack;
  const sums = Object.keys(sha256).length > 0 ? sha256 : Object.fromEntries(await Promise.all((await filesOf(pack, dir)).map(async (file) => [file, await hashFile(path.join(dir, file))] as const)));
  return createHash('sha256').update(JSON.stringify([facts, Object.entries(sums).sort(([a], [b]) => (a < b ? -1 : 1))])).digest('hex');
}

/** Reads what a pack is, without its weights. Throws `UserError` (`model-missing`) for the first thing that is absent or does not fit. */
export async function readPack(dir: string): Promise<PackContents> {
  const pack = await describePack(dir, (file) => exists(path.join(dir, file)));
  const tokenizerFiles = await tokenizerFilesOf(dir, pack.tokenizer);
  for (const file of tokenizerFiles) {
    if (!(await exists(path.join(dir, pack.tokenizer, file)))) throw missing(dir, 'tokenizer', `${pack.tokenizer}/${file}`, `a CLIP tokenizer (${file})`, 'no such file');
  }
  const scheduler = await readFacts(dir, pack.scheduler, 'the scheduler');
  const trained = scheduler.has('prediction_type') ? scheduler.text('prediction_type') : 'epsilon';
  if (trained !== pack.roles.unet.prediction) throw missing(dir, 'the scheduler', pack.scheduler, `prediction_type ${pack.roles.unet.prediction}, as the pack says of its UNet`, trained);
  for (const role of ROLES) if (!(await exists(path.join(dir, pack.roles[role].file)))) throw missing(dir, role, pack.roles[role].file, `a model at ${pack.roles[role].file}`, 'no such file');
  const { graph } = await loadGraph(dir, 'imageEncoder', pack.roles.imageEncoder.file);
  return { ...pack, dir, taps: tapsOf(pack, dir, graph), schedulerConfig: scheduler.raw };
}

/** The same with the hash that results are kept under: an export that declares no checksums is read whole, gigabytes of it. */
export async function openPack(dir: string): Promise<Pack> {
  const pack = await readPack(dir), { dir: _, taps: _taps, schedulerConfig: _config, ...description } = pack;
  return { ...pack, hash: await hashOf(description, dir) };
}

function weightTypes(graph: Graph): readonly DType[] {
  const bytes = new Map<DType, number>();
  for (const { dtype, shape } of graph.initializers) if (dtype !== 'int64' && dtype !== 'int32' && dtype !== 'bool') bytes.set(dtype, (bytes.get(dtype) ?? 0) + byteLengthOf(dtype, shape));
  return [...bytes].sort(([, a], [, b]) => b - a).map(([dtype]) => dtype);
}

async function checkRole(pack: PackDescription, dir: string, role: Role): Promise<RoleCheck> {
  const file = pack.roles[role].file;
  try {
    const { graph } = await loadGraph(dir, role, file);
    checkGraph(pack, dir, role, graph);
    const taps = role === 'imageEncoder' ? tapsOf(pack, dir, graph) : [];
    const declared = pack.sha256[file];
    if (declared !== undefined && (await hashFile(path.join(dir, file))) !== declared) throw missing(dir, role, file, `the file whose sha256 is ${declared}`, 'other contents');
    return { role, file, ok: true, weightBytes: weightBytes(graph), weightTypes: weightTypes(graph), inputs: feedsOf(graph).map(valueText), outputs: [...graph.outputs.map(valueText), ...taps.map((name) => `${name} (inner)`)] };
  } catch (error) {
    return { role, file, ok: false, inputs: [], outputs: [], problem: reportOf(error) };
  }
}

async function checkFiles(role: 'tokenizer' | 'scheduler', dir: string, files: readonly string[]): Promise<RoleCheck> {
  const absent: string[] = [];
  for (const file of files) if (!(await exists(path.join(dir, file)))) absent.push(file);
  const file = absent[0] ?? files[0] ?? '';
  return { role, file, ok: absent.length === 0, inputs: [], outputs: [], ...(absent.length === 0 ? {} : { problem: reportOf(missing(dir, role, file, files.join(' and '), `no ${absent.join(', ')}`)) }) };
}

/** What a folder provides, role by role, checksums included. Never throws for what is missing: that is the answer. */
export async function checkPack(dir: string): Promise<PackCheck> {
  let pack: PackDescription;
  try { pack = await describePack(dir, (file) => exists(path.join(dir, file))); } catch (error) {
    return { dir, name: path.basename(dir), ok: false, weightBytes: 0, assumptions: [], roles: [{ role: 'pack', file: 'pack.json', ok: false, inputs: [], outputs: [], problem: reportOf(error) }] };
  }
  const roles: RoleCheck[] = [];
  for (const role of ROLES) roles.push(await checkRole(pack, dir, role));
  roles.push(await checkFiles('tokenizer', dir, (await tokenizerFilesOf(dir, pack.tokenizer)).map((file) => `${pack.tokenizer}/${file}`)), await checkFiles('scheduler', dir, [pack.scheduler]));
  return { dir, name: pack.name, ok: roles.every((role) => role.ok), roles, weightBytes: roles.reduce((sum, role) => sum + (role.weightBytes ?? 0), 0), assumptions: pack.assumptions };
}

/** The graph that `openRole` opens: what the role needs, the image encoder with its taps as outputs. */
export async function roleGraph(pack: PackContents, role: Role): Promise<Graph> {
  const { graph } = await loadGraph(pack.dir, role, pack.roles[role].file);
  checkGraph(pack, pack.dir, role, graph);
  return isolate(graph, [...wanted(pack, role).outputs, ...(role === 'imageEncoder' ? pack.taps : [])]);
}

/** Opens the network of a role. The image encoder comes with its taps as outputs. */
export async function openRole(pack: PackContents, role: Role, options: SessionOptions = {}): Promise<Session> {
  const loaded = await loadGraph(pack.dir, role, pack.roles[role].file);
  checkGraph(pack, pack.dir, role, loaded.graph);
  const outside = loaded.graph.initializers.reduce((sum, { source, dtype, shape }) => sum + (source.kind === 'external' ? (source.length ?? byteLengthOf(dtype, shape)) : 0), 0);
  const large = outside > MAP_ABOVE_BYTES, settings: SessionOptions = { mapWeights: large, frugal: large && (options.provider ?? 'cpu') === 'cpu', ...options };
  const { graph } = loaded, needs = wanted(pack, role), part = isPart(needs.outputs, graph.outputs.map((output) => output.name), feedsOf(graph).map((input) => input.name), needs.inputs);
  if (part) return openSession(graphSource(isolate(graph, role === 'imageEncoder' ? [...needs.outputs, ...pack.taps] : needs.outputs), loaded), settings);
  return openSession(role === 'imageEncoder' ? graphSource(tap(graph, pack.taps), loaded) : { path: loaded.path }, settings);
}
