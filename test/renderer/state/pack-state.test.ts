/** What the window knows of the form's model pack: one question at a time, the newest answer, and when a run is refused. */
import { describe, expect, it } from 'vitest';
import type { PackReport } from '../../../common/contract/pack-report.ts';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import type { LabClient } from '../../../renderer/lab.ts';
import { LabError } from '../../../renderer/lab.ts';
import { createPackStore, packKey, packRefusal } from '../../../renderer/state/pack-state.ts';

const problem = { kind: 'model-missing', message: 'unet is missing', file: '/p/unet/model.onnx', expected: 'a model', found: 'no such file', fix: 'Put it there.' } as const;
const report = (name: string, ok: boolean): PackReport => ({
  name, folder: `/${name}`, ok, weightBytes: 1, assumptions: [], facts: null, memory: null, provider: { used: 'cpu', tried: [] },
  roles: [{ role: 'textEncoder', file: 't', ok: true, inputs: [], outputs: [] }, { role: 'unet', file: 'u', ok, inputs: [], outputs: [], ...(ok ? {} : { problem }) }],
});

interface Question { readonly pack: string; answer(value: PackReport): void; fail(error: Error): void }

/** A client whose questions are answered by hand, in any order. */
function asking(): { lab: LabClient; asked: Question[] } {
  const asked: Question[] = [];
  const view = (_name: string, ...args: readonly unknown[]): Promise<unknown> => new Promise((resolve, reject) => { asked.push({ pack: String(args[0]), answer: resolve, fail: reject }); });
  const lab: LabClient = { invoke: () => Promise.reject(new Error('not asked here')), view: view as LabClient['view'], on: () => () => undefined, pathOf: () => '' };
  return { lab, asked };
}
const recipe = (pack: string) => ({ ...DEFAULT_RECIPE, pack });

describe('the pack of the form', () => {
  it('is asked about once for the same question, and again when told to', async () => {
    const { lab, asked } = asking(), store = createPackStore(lab);
    const first = store.check(recipe('/a'), 24), second = store.check({ ...recipe('/a'), seed: 7, name: 'other' }, 8);
    expect(asked.length).toBe(1);
    asked[0]?.answer(report('a', true));
    expect([(await first).report?.name, (await second).report?.name]).toEqual(['a', 'a']);
    void store.check(recipe('/a'), 24, true);
    expect(asked.length).toBe(2);
  });

  it('keeps the newest answer, whatever order answers come in', async () => {
    const { lab, asked } = asking(), store = createPackStore(lab);
    const slow = store.check(recipe('/slow'), 24), fast = store.check(recipe('/fast'), 24);
    asked[1]?.answer(report('fast', true));
    await fast;
    asked[0]?.answer(report('slow', false));
    await slow;
    expect(store.store.getState()).toMatchObject({ pack: '/fast', report: { name: 'fast' }, answered: packKey(recipe('/fast'), 24) });
  });

  it('stays on screen while its memory is counted anew, and not while another pack is read', async () => {
    const { lab, asked } = asking(), store = createPackStore(lab), refining = { ...recipe('/a'), refine: { ...DEFAULT_RECIPE.refine, enabled: true } };
    const first = store.check(recipe('/a'), 24);
    asked[0]?.answer(report('a', true));
    await first;
    void store.check(refining, 24);
    expect(store.store.getState()).toMatchObject({ pack: '/a', report: { name: 'a' } });
    expect(store.store.getState().answered).not.toBe(packKey(refining, 24));
    void store.check(recipe('/b'), 24);
    expect(store.store.getState()).toMatchObject({ pack: '/b', report: null, answered: null });
  });

  it('refuses a run for a bad pack and for a question that failed, with the reason, and only for that pack', async () => {
    const { lab, asked } = asking(), store = createPackStore(lab);
    expect(packRefusal(store.store.getState(), recipe('/a'))).toBeNull();
    const bad = store.check(recipe('/a'), 24);
    asked[0]?.answer(report('a', false));
    expect(packRefusal(await bad, recipe('/a'))).toEqual(problem);
    expect(packRefusal(await bad, recipe('/b'))).toBeNull();
    const failed = store.check(recipe('/c'), 24);
    asked[1]?.fail(new LabError({ kind: 'bad-input', message: 'not to be read' }));
    expect(packRefusal(await failed, recipe('/c'))).toMatchObject({ message: 'not to be read' });
    const good = store.check(recipe('/c'), 24, true);
    asked[2]?.answer(report('c', true));
    expect(packRefusal(await good, recipe('/c'))).toBeNull();
  });
});
