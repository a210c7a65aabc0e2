import path from 'node:path';
import type { PackMemory, PackReport } from '../../../common/contract/pack-report.ts';
import { UserError } from '../../../common/errors.ts';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import { chooseProvider, packReport } from '../../experiments/pack-report.ts';
import { packFolder } from '../../experiments/prepare.ts';
import type { Verb } from './verb.ts';

export const MODELS: Verb = {
  usage: 'models check DIR',
  does: 'says what a model folder provides, role by role with shapes, or what is missing; what memory stage 1 and 2 take, and where they would run',
  options: [],
  words: [2, 2],
  async run(context) {
    if (context.words[0] !== 'check') throw new UserError('usage', `models ${context.words[0] ?? ''}`, { expected: 'models check DIR', found: context.words.join(' ') });
    const given = context.words[1] ?? '';
    const folder = given === 'demo' ? packFolder(context.models, given) : path.resolve(given);
    const { sampler, refine, images } = DEFAULT_RECIPE, provider = await chooseProvider();
    const report = await packReport(folder, { sampler, refine: { ...refine, enabled: true }, images: images ?? 24 }, provider);
    const lines = report.roles.map((role) => `${role.ok ? 'ok     ' : 'bad    '} ${role.role.padEnd(14)} ${role.file}${role.weightBytes === undefined ? '' : ` (${(role.weightBytes / 1e6).toFixed(1)} MB)`}\n${role.ok
      ? [...role.inputs, ...role.outputs].map((spec) => `          ${spec}`).join('\n') : `          ${role.problem?.message ?? ''}`}`);
    const size = (bytes: number): string => (bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`);
    const notes = [...(report.memory === null ? [] : memoryLines(report.memory, size)), ...providerLines(report), ...report.assumptions.map((each) => `assumed: ${each}`)];
    context.out(report, [`${report.name} in ${folder}`, ...lines, ...notes].join('\n'));
    const bad = report.roles.find((role) => !role.ok);
    if (bad !== undefined) {
      const others = report.roles.filter((role) => !role.ok && role !== bad).map((role) => role.role);
      throw new UserError('model-missing', `${bad.problem?.message ?? `${bad.role} is missing`}${others.length > 0 ? `; also not usable: ${others.join(', ')}` : ''}`, {
        file: bad.problem?.file ?? path.join(folder, bad.file), expected: bad.problem?.expected ?? `a model for the role ${bad.role}`, found: bad.problem?.found ?? 'nothing',
        fix: bad.problem?.fix ?? 'Export that model into the folder (Hugging Face ONNX layout), or use the demo pack.',
      });
    }
  },
};

function memoryLines({ networks, gradients, needBytes, freeBytes, totalBytes }: PackMemory, size: (bytes: number) => string): string[] {
  const line = ({ role, weightBytes, mapped, copyBytes, valueBytes }: PackMemory['networks'][number]): string => `${role} ${size(weightBytes)}${mapped ? ' (mapped)' : ''} + ${size(copyBytes)} + ${valueBytes === null ? 'not known' : size(valueBytes)}`;
  return [
    `memory, weights + the runtime's copies and graph + values: ${networks.map(line).join(', ')}`, `gradients of stage 2: ${gradients.map(line).join(', ')}`,
    `a run with stage 2 takes about ${size(needBytes)}; free now: ${size(freeBytes)} of ${size(totalBytes)}${needBytes > freeBytes ? ': too little, close other programs or run stage 1 alone' : ''}`,
  ];
}

function providerLines({ provider }: PackReport): string[] {
  return [`runs on: ${provider.used}`, ...provider.tried.filter(({ works }) => !works).map((each) => `  not on ${each.provider}: ${each.reason.replace(/\s+/g, ' ').trim()}`)];
}
