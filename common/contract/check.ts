/**
 * Run-time checks of what arrives from the window, one small function per channel, so that a handler receives checked
 * values. Returns what is wrong, or null.
 */
import { parseRecipe } from '../recipe.ts';
import type { InvokeName } from './channels.ts';

type Check = (args: readonly unknown[]) => string | null;
type Rule = (value: unknown) => string | null;

const isText: Rule = (value) => (typeof value === 'string' && value.length > 0 && value.length < 8192 ? null : 'a non-empty text');
const isTexts: Rule = (value) => (Array.isArray(value) && value.length <= 64 ? value.map(isText).find((wrong) => wrong !== null) ?? null : 'a list of texts');
const isTextOrNull: Rule = (value) => (value === null ? null : isText(value));
const isFlag: Rule = (value) => (typeof value === 'boolean' ? null : 'true or false');
const isBytes: Rule = (value) => (value instanceof Uint8Array ? null : 'bytes');
const isTheme: Rule = (value) => (value === 'system' || value === 'light' || value === 'dark' ? null : 'system, light or dark');
const isRecipe: Rule = (value) => {
  try { parseRecipe(value); return null; } catch (error) { return error instanceof Error ? error.message : 'a recipe'; }
};
const object = (fields: Readonly<Record<string, Rule>>): Rule => (value) => {
  if (typeof value !== 'object' || value === null) return 'an object';
  for (const [key, rule] of Object.entries(fields)) {
    const wrong = rule((value as Readonly<Record<string, unknown>>)[key]);
    if (wrong !== null) return `${key}: ${wrong}`;
  }
  return null;
};
const isArm = object({ id: isText, title: isText, note: isText, anchor: isFlag, recipe: isRecipe });
const isArms: Rule = (value) => (Array.isArray(value) && value.length > 0 && value.length <= 32 ? value.map(isArm).find((wrong) => wrong !== null) ?? null : 'a list of arms');
const tuple = (...rules: readonly Rule[]): Check => (args) => {
  if (args.length !== rules.length) return `${rules.length} arguments, got ${args.length}`;
  for (const [index, rule] of rules.entries()) {
    const wrong = rule(args[index]);
    if (wrong !== null) return `argument ${index + 1}: ${wrong}`;
  }
  return null;
};

export const CHECKS: { readonly [Name in InvokeName]: Check } = {
  'app.info': tuple(),
  'app.setTheme': tuple(isTheme),
  'app.setMemory': tuple((value) => (value === null || (typeof value === 'number' && Number.isFinite(value) && value >= 1e8 && value <= 1e13) ? null : 'a number of bytes from 0.1 GB, or null')),
  'app.remember': tuple(object({ dataPath: isTextOrNull, runId: isTextOrNull })),
  'data.choose': tuple(),
  'data.addRecent': tuple(object({ path: isText, label: isText, synthetic: isFlag })),
  'data.removeRecent': tuple(isText),
  'pack.choose': tuple(),
  'pack.remember': tuple(object({ path: isText, label: isText })),
  'pack.removeRecent': tuple(isText),
  'folder.kind': tuple(isText),
  'demo.create': tuple(),
  'run.start': tuple(isRecipe, isText),
  'run.cancel': tuple(isText),
  'run.pause': tuple(isTexts),
  'run.resume': tuple(isText),
  'regions.start': tuple(isText),
  'run.rename': tuple(isText, isText),
  'run.delete': tuple(isText),
  'run.list': tuple(),
  'run.get': tuple(isText),
  'job.list': tuple(),
  'table.start': tuple((value) => (value === 1 || value === 2 ? null : '1 or 2'), isArms, isTexts, isText),
  'table.list': tuple(),
  'file.savePng': tuple(isText, isBytes),
  'file.saveText': tuple(isText, (value) => (typeof value === 'string' ? null : 'a text')),
  'file.show': tuple(isText),
};
