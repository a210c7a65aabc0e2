/** What a pack's report says, line by line, in words and units. Pure. */
import type { NetworkMemory, PackReport, ProviderChoice } from '../../../common/contract/pack-report.ts';
import { bytes, count } from '../../parts/words.ts';

/** Names of the roles, with the feature space that each makes. */
export const ROLE_TITLES: Readonly<Record<string, string>> = {
  textEncoder: 'Text encoder (c)', imageEncoder: 'Image encoder (Z_CLIP)', vaeEncoder: 'Autoencoder, in (z)', vaeDecoder: 'Autoencoder, out', unet: 'Denoiser (UNet)', tokenizer: 'Tokenizer', scheduler: 'Scheduler', pack: 'Folder',
};
const PROVIDER_TITLES: Readonly<Record<string, string>> = { cpu: 'the processor', cuda: 'CUDA', dml: 'DirectML', coreml: 'Core ML', webgpu: 'WebGPU' };
/** Longer reasons are cut here; the whole one is a tooltip. */
const REASON_LETTERS = 140;

export const roleTitle = (role: string): string => ROLE_TITLES[role] ?? role;
export const providerTitle = (provider: string): string => PROVIDER_TITLES[provider] ?? provider;

/** The runtime's reason without its line breaks, as far as its first sentence. */
export function shortReason(reason: string): string {
  const whole = reason.replaceAll(/\s+/g, ' ').trim(), sentence = /^.{20,}?[.!](?= |$)/.exec(whole)?.[0] ?? whole;
  return sentence.length > REASON_LETTERS ? `${sentence.slice(0, REASON_LETTERS - 1)}…` : sentence;
}

/** Providers before the one that is used, each with its reason. */
export function fallBacks({ used, tried }: ProviderChoice): readonly { readonly title: string; readonly reason: string }[] {
  const until = tried.findIndex(({ provider }) => provider === used);
  return tried.slice(0, Math.max(0, until)).filter(({ works }) => !works).map(({ provider, reason }) => ({ title: providerTitle(provider), reason }));
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
const batchWords = ({ weightBytes, mapped, valueBytes }: NetworkMemory): string => `weights ${bytes(weightBytes)}${mapped ? ' (stay in their file)' : ''}, values ${valueBytes === null ? 'not known' : bytes(valueBytes)}`;

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
