/** What a pack's report says, line by line, in words and units. Pure. */
import type { NetworkMemory, PackReport, ProviderChoice } from '../../../common/contract/pack-report.ts';
import { bytes, count } from '../../parts/words.ts';

/** Names of the roles, with the feature space that each makes. */
export const ROLE_TITLES: Readonly<Record<string, string>> = {
  textEncoder: 'Text encoder (c)', imageEncoder: 'Image encoder (Z_CLIP)', vaeEncoder: 'Autoencoder, in (z)', vaeDecoder: 'Autoencoder, out', unet: 'Denoiser (UNet)', tokenizer: 'Tokenizer', scheduler: 'Scheduler', pack: 'Folder',
};
const PROVIDER_TITLES: Readonly<Record<string, string>> = { cpu: 'the processor', cuda: 'CUDA', dml: 'DirectML', coreml: 'Core ML', webgpu: 'WebGPU' };
/** What the runtime's words mean to a person; anything else is told as it is. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/_Cuda: .*(Failed to load|cannot open) shared/is, 'NVIDIA’s CUDA and cuDNN libraries could not be loaded'],
  [/Failed to get a WebGPU adapter/i, 'no graphics processor that it supports'],
];
/** Longer reasons are cut here; the whole one is a tooltip. */
const REASON_LETTERS = 140;

export const roleTitle = (role: string): string => ROLE_TITLES[role] ?? role;
export const providerTitle = (provider: string): string => PROVIDER_TITLES[provider] ?? provider;

/** Why a provider is not used: what the runtime's words are known to mean, or they themselves as far as the first sentence, without line breaks. */
export function shortReason(reason: string): string {
  const known = CAUSES.find(([words]) => words.test(reason))?.[1];
  if (known !== undefined) return known;
  const whole = reason.replaceAll(/\s+/g, ' ').replace(/^probe cannot be opened on \w+: /, '').trim(), sentence = /^.{20,}?[.!](?= |$)/.exec(whole)?.[0] ?? whole;
  return sentence.length > REASON_LETTERS ? `${sentence.slice(0, REASON_LETTERS - 1)}…` : sentence;
}

/** Providers before the one that is used, each with its reason. */
export function fallBacks({ used, tried }: ProviderChoice): readonly { readonly title: string; readonly reason: string }[] {
  const until = tried.findIndex(({ provider }) => provider === used);
  return tried.slice(0, Math.max(0, until)).filter(({ works }) => !works).map(({ provider, reason }) => ({ title: providerTitle(provider), reason }));
}

/** A file of a pack as its reader knows it: within the folder, or whole where it is the folder itself. */
export function fileIn(folder: string, file: string): string {
  const rest = file.startsWith(folder) ? file.slice(folder.length).replace(/^[\\/]+/, '') : '';
  return rest === '' ? file : rest;
}

/** "on the processor, not on CUDA or WebGPU". */
export function placeWords(provider: ProviderChoice): string {
  const others = fallBacks(provider).map(({ title }) => title);
  return `on ${providerTitle(provider.used)}${others.length === 0 ? '' : `, not on ${others.join(' or ')}`}`;
}

/** Number types of all weights, the most frequent network's first: "float16 and float32". */
export function typesOf({ roles }: Pick<PackReport, 'roles'>): string {
  const first = roles.flatMap(({ weightTypes }) => weightTypes?.slice(0, 1) ?? []);
  return [...new Set(first)].join(' and ');
}

const square = (side: number): string => `${side} × ${side}`;
const batchWords = ({ weightBytes, mapped, copyBytes, valueBytes }: NetworkMemory): string => `weights ${bytes(weightBytes)}${mapped ? ' (stay in their file)' : ''}, the runtime’s copies ${bytes(copyBytes)}, values ${valueBytes === null ? 'not known' : bytes(valueBytes)}`;

/** Facts of a pack that is whole, with units. */
export function factRows(report: PackReport): readonly (readonly [string, string])[] {
  const { facts } = report;
  if (facts === null) return [];
  const [channels = 0, height = 0, width = 0] = facts.latentShape;
  return [
    ['Pictures', `${square(facts.pixels)} pixels`],
    ['Latents (z)', `${channels} × ${height} × ${width} values`],
    ['Texts (c)', `up to ${count(facts.contextLength, 'token')}; end token ${facts.endToken.toLocaleString('en')}`],
    ['Z_CLIP', `${count(facts.taps, 'layer')}, pictures of ${square(facts.clipPixels)} pixels`],
    ['Scheduler', `${facts.scheduler ?? 'not named'}, predicts ${facts.prediction === 'v_prediction' ? 'v' : facts.prediction}`],
    ['Version', `${facts.version}; licence: ${facts.licence}`],
    ['Folder', report.folder],
  ];
}

export interface NetworkRow { readonly key: string; readonly title: string; readonly type: string; readonly words: string }

/** Networks with their number types and memory; gradients of stage 2 after them. */
export function networkRows({ roles, memory }: PackReport): readonly NetworkRow[] {
  const typeOf = (role: string): string => roles.find((each) => each.role === role)?.weightTypes?.join(', ') ?? '';
  return [
    ...(memory?.networks ?? []).map((network) => ({ key: network.role, title: roleTitle(network.role), type: typeOf(network.role), words: batchWords(network) })),
    ...(memory?.gradients ?? []).map((network) => ({ key: `${network.role} gradient`, title: `Gradient of ${roleTitle(network.role).replace(/ \(.*/, '').toLowerCase()}`, type: '', words: batchWords(network) })),
  ];
}
