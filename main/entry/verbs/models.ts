import os from 'node:os';
import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import { packFolder } from '../../experiments/prepare.ts';
import { checkPack } from '../../runtime/models.ts';
import type { Verb } from './verb.ts';

export const MODELS: Verb = {
  usage: 'models check DIR',
  does: 'says what a model folder provides, role by role with shapes, or what is missing',
  options: [],
  words: [2, 2],
  async run(context) {
    if (context.words[0] !== 'check') throw new UserError('usage', `models ${context.words[0] ?? ''}`, { expected: 'models check DIR', found: context.words.join(' ') });
    const given = context.words[1] ?? '';
    const folder = given === 'demo' ? packFolder(context.models, given) : path.resolve(given);
    const report = await checkPack(folder);
    const lines = report.roles.map((role) => `${role.ok ? 'ok     ' : 'missing'} ${role.role.padEnd(14)} ${role.file}${role.weightBytes === undefined ? '' : ` (${(role.weightBytes / 1e6).toFixed(1)} MB)`}\n${role.ok
      ? [...role.inputs, ...role.outputs].map((spec) => `          ${spec}`).join('\n') : `          ${role.problem?.message ?? ''}`}`);
    const size = (bytes: number): string => (bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`);
    const notes = [...(report.weightBytes > 0 ? [`weights ${size(report.weightBytes)}, read into memory when a network is opened (mapped from their file above 0.5 GiB); free now: ${size(os.freemem())}`] : []), ...report.assumptions.map((each) => `assumed: ${each}`)];
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
