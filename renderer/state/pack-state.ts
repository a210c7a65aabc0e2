/** What is known of the model pack that the form names. An answer is kept until another pack is asked about, so that the form does not flicker. */
import { createStore } from 'zustand/vanilla';
import type { StoreApi } from 'zustand/vanilla';
import type { PackReport } from '../../common/contract/pack-report.ts';
import type { ErrorReport } from '../../common/errors.ts';
import type { Recipe } from '../../common/recipe.ts';
import { reportFrom } from '../lab.ts';
import type { LabClient } from '../lab.ts';

export interface PackState {
  /** As a recipe names it: `demo` or a folder. */
  readonly pack: string | null;
  /** What the memory depends on, of the last question and of the last answer. */
  readonly asked: string | null;
  readonly answered: string | null;
  readonly report: PackReport | null;
  /** Set where the question itself failed. */
  readonly error: ErrorReport | null;
}

export interface PackStore {
  readonly store: StoreApi<PackState>;
  /** Asks unless the same was asked before; `again` asks in any case. Resolves to what is known then. */
  check(recipe: Recipe, images: number, again?: boolean): Promise<PackState>;
}

/** Pictures of the largest batch: more do not change the memory. */
const BATCH = 4;

/** What an answer depends on. */
export function packKey({ pack, sampler, refine }: Recipe, images: number): string {
  return JSON.stringify([pack, sampler.side, sampler.guidance === 1, refine.enabled, refine.mode, refine.c, Math.min(images, BATCH)]);
}

/** Why a recipe's pack cannot be used; null if it can, or nothing is known of it. */
export function packRefusal({ pack, report, error }: PackState, recipe: Recipe): ErrorReport | null {
  if (pack !== recipe.pack) return null;
  if (error !== null) return error;
  if (report === null || report.ok) return null;
  const bad = report.roles.filter((role) => !role.ok), first = bad[0]?.problem;
  return first ?? { kind: 'model-missing', message: `${report.name}: ${bad.map(({ role }) => role).join(', ')} missing` };
}

export function createPackStore(lab: LabClient): PackStore {
  const store = createStore<PackState>(() => ({ pack: null, asked: null, answered: null, report: null, error: null }));
  let turn = 0, going: Promise<PackState> | null = null;
  return {
    store,
    check(recipe, images, again = false) {
      const { pack, sampler, refine } = recipe, key = packKey(recipe, images), before = store.getState();
      if (!again && before.asked === key && going !== null) return going;
      const mine = ++turn;
      store.setState({ asked: key, ...(before.pack === pack ? {} : { pack, answered: null, report: null, error: null }) });
      going = lab.view('pack.check', pack, sampler, refine, Math.min(images, BATCH)).then(
        (report) => { if (mine === turn) store.setState({ answered: key, report, error: null }); },
        (error: unknown) => { if (mine === turn) store.setState({ answered: key, report: null, error: reportFrom(error) }); },
      ).then(() => store.getState());
      return going;
    },
  };
}
