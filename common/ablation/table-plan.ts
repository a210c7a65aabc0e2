/** The arms of an ablation table on this data, or what keeps it from being made and what to do: known before anything runs. */
import { armsOf, cortexRegions } from './arms.ts';
import type { Arm, TableNumber, TableOptions } from './arms.ts';
import type { AtlasSummary, Inspection, SubjectSummary } from '../dataset.ts';
import { reportOf } from '../errors.ts';
import type { Recipe } from '../recipe.ts';

export interface Obstacle {
  /** Why, as a sentence. */
  readonly why: string;
  /** What to do, as a sentence. */
  readonly fix: string;
}

export type TablePlan = { readonly arms: readonly Arm[]; readonly obstacle: null } | { readonly arms: readonly []; readonly obstacle: Obstacle };

/** True if lower and higher visual cortex can both be formed of an atlas. */
function tellsCortices(atlas: AtlasSummary): boolean {
  try { cortexRegions('lower', atlas); cortexRegions('higher', atlas); return true; } catch { return false; }
}

const asSentence = (text: string): string => { const whole = `${text.charAt(0).toUpperCase()}${text.slice(1)}`; return /[.!?]$/.test(whole) ? whole : `${whole}.`; };

export function tablePlan(table: TableNumber, recipe: Recipe, subject: SubjectSummary, captions: Inspection['captions'], options: TableOptions): TablePlan {
  const refuse = (why: string, fix: string): TablePlan => ({ arms: [], obstacle: { why: asSentence(why), fix: asSentence(fix) } });
  // c is the text state of captions: every arm decodes it, also those that then replace it.
  if (captions === null) return refuse('this data has no captions, so the text states c cannot be decoded', 'Add captions to the data (a folder of arrays names them in dataset.json, "captions"), or decode pixels (on the Experiment screen, or "pipeline": "pixels" in a recipe), which needs none.');
  const atlas = subject.atlases.find((each) => each.name === recipe.data.atlas) ?? subject.atlases[0];
  if (atlas === undefined) return refuse('this data has no regions', 'Open data with an atlas; a folder of arrays names the region of each voxel in dataset.json ("regions" and "regionNames").');
  try { return { arms: armsOf(table, recipe, atlas, options), obstacle: null }; } catch (error) {
    const report = reportOf(error), able = subject.atlases.filter(tellsCortices).map(({ name }) => `"${name}"`);
    const choose = able.length > 0 ? `Choose the atlas ${able.join(' or ')} (on the Experiment screen, or data.atlas in a recipe).` : report.fix ?? '';
    return refuse(report.message, `${choose}${table === 2 ? ' Or leave the table uncrossed, which needs no regions.' : ''}`);
  }
}
