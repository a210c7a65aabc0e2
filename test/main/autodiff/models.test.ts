/**
 * Whole models against PyTorch's autograd (test/golden/autodiff/models.json): the demo pack's five networks, tiny Stable Diffusion v1 networks and
 * CLIP's text and image encoders as the real exporters write them, with weights made from names. Those in half precision are held against the same graph
 * in float32 with the same rounded weights.
 */
import { describe, expect, it } from 'vitest';
import { vjp } from '../../../main/autodiff/backward.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { openSession } from '../../../main/runtime/session.ts';
import { compare, feedsFor, limitsOf, loadModel, wholeModels } from './whole-models.ts';

describe('gradients of whole models agree with PyTorch\'s', () => {
  it.each(Object.entries(wholeModels()))('%s', { timeout: 120_000 }, async (name, entry) => {
    const graph = loadModel(entry), gradient = vjp(graph, { wrt: entry.wrt, shapes: entry.inputs });
    const session = await openSession({ bytes: writeModel(gradient), name }, { threads: 1 });
    const results = await session.run(feedsFor(entry, graph, gradient));
    await session.release();
    const report = [
      ...Object.entries(entry.outputs).map(([key, places]) => ({ key, ...compare(results[key], places) })),
      ...Object.entries(entry.gradients).map(([key, places]) => ({ key: `${key}_grad`, ...compare(results[`${key}_grad`], places) })),
    ];
    const limits = limitsOf(gradient);
    console.log(`${name} (limit ${limits.relative.toExponential(1)}): ${report.map(({ key, cosine, relative }) => `${key} 1-cos ${(1 - cosine).toExponential(1)} rel ${relative.toExponential(1)}`).join('; ')}`);
    for (const { key, cosine, relative, norm } of report) {
      expect(cosine, `${key}: cosine`).toBeGreaterThanOrEqual(limits.cosine);
      expect(relative, `${key}: relative error`).toBeLessThanOrEqual(limits.relative);
      expect(norm, `${key}: norm`).toBeLessThanOrEqual(limits.relative);
    }
  });
});
