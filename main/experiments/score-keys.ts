/** The scores that a recipe would give now: others than a finished run of it made, once its data, its pack or a step's computation changed. */
import type { Recipe } from '../../common/recipe.ts';
import { packHash } from './networks.ts';
import { keyFor, makePlan } from './plan.ts';
import { packFolder } from './prepare.ts';

/**
 * Key of each recipe's scores as they would be made now. `data` is the fingerprint of the data set, `models` the folder of shipped packs.
 * Throws UserError (`model-missing`, `bad-model`) for a pack that cannot be read.
 */
export async function scoreKeys(recipes: readonly Recipe[], data: string, models: string, hashPack = packHash): Promise<readonly string[]> {
  const hashes = new Map<string, Promise<string>>();
  return Promise.all(recipes.map(async (recipe) => {
    const folder = packFolder(models, recipe.pack), hash = hashes.get(folder) ?? hashPack(folder);
    hashes.set(folder, hash);
    return keyFor(makePlan(recipe, { data, pack: await hash }), 'score');
  }));
}
