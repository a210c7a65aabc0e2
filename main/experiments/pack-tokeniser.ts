/** The tokenizer of a pack, held against its own text network. */
import path from 'node:path';
import { tokenRows } from '../clip/token-table.ts';
import { loadTokeniser } from '../clip/tokenise.ts';
import type { Tokeniser } from '../clip/tokenise.ts';
import { roleGraph } from '../runtime/models.ts';
import type { PackContents } from '../runtime/models.ts';

/** Throws UserError (`model-missing`) for a tokenizer that is absent, cut short or of another model, or that knows more tokens than the text network. */
export async function packTokeniser(pack: PackContents): Promise<Tokeniser> {
  const rows = tokenRows(await roleGraph(pack, 'textEncoder'), pack.roles.textEncoder.ids);
  return loadTokeniser(path.join(pack.dir, pack.tokenizer), rows);
}
