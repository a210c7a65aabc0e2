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
    const lines = report.roles.map((role) => `${role.ok ? 'ok     ' : 'missing'} ${role.role.padEnd(14)} ${role.file}\n${role.ok
      ? [...role.inputs, ...role.outputs].map((spec) => `          ${spec}`).join('\n') : `          ${role.problem?.message ?? ''}`}`);
    context.out(report, [`${report.name} in ${folder}`, ...lines].join('\n'));
    const bad = report.roles.find((role) => !role.ok);
    if (bad !== undefined) {
      throw new UserError('model-missing', `${given} lacks ${report.roles.filter((role) => !role.ok).map((role) => role.role).join(', ')}`, {
        file: bad.file, expected: `a model for the role ${bad.role}`, found: bad.problem?.found ?? 'nothing', fix: 'Export that model into the folder (Hugging Face ONNX layout), or use the demo pack.',
      });
    }
  },
};
