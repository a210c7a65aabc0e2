/** What is at a path that is not a model pack, and where the pack may be instead: one folder up or down, or back on its drive. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

const MARKS = ['pack.json', 'model_index.json'];
/** Names of a folder that are told. */
const TOLD = 4;

const isPack = async (folder: string): Promise<boolean> => (await readdir(folder).catch((): string[] => [])).some((name) => MARKS.includes(name));

export interface PlaceFound { readonly found: string; readonly fix: string }

/** Reads names only. `dir` is a path that has neither `pack.json` nor `model_index.json` in it. */
export async function whatIsThere(dir: string): Promise<PlaceFound> {
  const place = await stat(dir).catch(() => null);
  if (place === null) return { found: 'no such folder', fix: 'Was it moved or renamed, or is its drive not connected? Bring it back and check again, or choose another pack.' };
  // A file may lie in the pack (model_index.json) or in a folder of it (unet/model.onnx), and so may a chosen folder.
  const above = [path.dirname(dir), path.dirname(path.dirname(dir))];
  for (const folder of above.slice(0, place.isDirectory() ? 1 : 2)) if (await isPack(folder)) return { found: place.isDirectory() ? 'a part of a pack' : 'a file', fix: `Choose the folder above it, ${folder}` };
  const layout = 'Choose the folder that holds unet/, vae_encoder/, vae_decoder/, text_encoder/, image_encoder/ and tokenizer/.';
  if (!place.isDirectory()) return { found: 'a file', fix: layout };
  const names = (await readdir(dir)).sort();
  for (const name of names.slice(0, 40)) if (await isPack(path.join(dir, name))) return { found: 'neither', fix: `Choose the folder in it, ${path.join(dir, name)}` };
  const more = names.length > TOLD ? ` and ${names.length - TOLD} more` : '';
  return { found: names.length === 0 ? 'an empty folder' : `neither, but ${names.slice(0, TOLD).join(', ')}${more}`, fix: layout };
}
