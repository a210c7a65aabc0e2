/** Which subjects, beta sets, sessions and region volumes a folder has. Lists folders only; reads no file. */
import { UserError } from '../../common/errors.ts';
import type { FileFacts, Folder } from '../formats/folder.ts';
import { betaFolder, BETAS, CONTAINERS, MARKS, roiFolder, sessionOf, SPACES, SUBJECT_FOLDERS, subjectNumber } from './layout.ts';
import type { BetaContainer, Space } from './layout.ts';
import { collectionsOf } from './regions.ts';
import type { CollectionFiles } from './regions.ts';

export interface BetaFile {
  /** 1-based. */
  readonly session: number;
  readonly container: BetaContainer;
  readonly file: string;
  readonly bytes: number;
  readonly modified: number;
}

export interface BetaSet {
  readonly name: string;
  /** One file per session, ascending; of several containers the fastest. */
  readonly sessions: readonly BetaFile[];
}

export interface SubjectFiles {
  readonly id: string;
  /** 1-based. */
  readonly number: number;
  /** The functional grid used for everything: the first that has betas. */
  readonly space: Space;
  /** Best first. */
  readonly betas: readonly BetaSet[];
  readonly collections: readonly CollectionFiles[];
}

/** True if the folder has a mark of an NSD folder. */
export async function hasNsdMarks(folder: Folder): Promise<boolean> {
  for (const mark of MARKS) if ((await folder.facts(mark))?.isFolder === true) return true;
  return false;
}

/** Ids of all subject folders, ascending. */
async function subjectIds(folder: Folder): Promise<readonly string[]> {
  const names = await Promise.all(SUBJECT_FOLDERS.map((place) => folder.names(place)));
  return [...new Set(names.flat().filter((name) => subjectNumber(name) !== null))].sort();
}

/** `subj01`, or `subj01-func1mm`: the subject on another functional grid than the first that has betas. */
export function partsOfName(name: string): { readonly id: string; readonly space: Space | null } {
  const space = SPACES.find((each) => name.endsWith(`-${each}`)) ?? null;
  return { id: space === null ? name : name.slice(0, -space.length - 1), space };
}

/** Names to choose from: every subject, and again for each further grid that has betas of it. */
export async function subjectNames(folder: Folder): Promise<readonly string[]> {
  const names = await Promise.all((await subjectIds(folder)).map(async (id) => {
    const has = await Promise.all(SPACES.map((space) => hasSessions(folder, id, space)));
    const present = SPACES.filter((_, i) => has[i] === true);
    return [id, ...present.slice(1).map((space) => `${id}-${space}`)];
  }));
  return names.flat();
}

/** Session files of a beta folder, one per session. */
async function sessionsOf(folder: Folder, place: string): Promise<readonly BetaFile[]> {
  const candidates = (await folder.names(place)).flatMap((name) => {
    const session = sessionOf(name);
    return session === null ? [] : [{ ...session, file: `${place}/${name}` }];
  });
  const best = new Map<number, (typeof candidates)[number]>();
  for (const entry of candidates) {
    const other = best.get(entry.session);
    if (other === undefined || CONTAINERS.indexOf(entry.container) < CONTAINERS.indexOf(other.container)) best.set(entry.session, entry);
  }
  const facts = await Promise.all([...best.values()].map(async (entry) => ({ entry, facts: await folder.facts(entry.file) })));
  return facts
    .flatMap(({ entry, facts: found }): readonly BetaFile[] => (found === null ? [] : [{ ...entry, bytes: found.bytes, modified: found.modified }]))
    .sort((a, b) => a.session - b.session);
}

const NOT_SCENES = /^(restingbetas|nsdimagerybetas|nsdsyntheticbetas)/;

/** Names of the beta folders of a subject on a grid. */
async function betaNames(folder: Folder, subject: string, space: Space): Promise<readonly string[]> {
  return (await folder.names(betaFolder(subject, space, '').replace(/\/$/, ''))).filter((name) => !name.startsWith('.') && !NOT_SCENES.test(name));
}

/** By names alone: a damaged file is a finding of the inspection, not of the list of subjects. */
async function hasSessions(folder: Folder, subject: string, space: Space): Promise<boolean> {
  const places = (await betaNames(folder, subject, space)).map((name) => betaFolder(subject, space, name));
  return (await Promise.all(places.map((place) => folder.names(place)))).some((files) => files.some((file) => sessionOf(file) !== null));
}

async function betasIn(folder: Folder, subject: string, space: Space): Promise<readonly BetaSet[]> {
  const rank = (name: string): number => (BETAS.includes(name) ? BETAS.indexOf(name) : BETAS.length);
  const names = await betaNames(folder, subject, space);
  const sets = await Promise.all(names.map(async (name) => ({ name, sessions: await sessionsOf(folder, betaFolder(subject, space, name)) })));
  return sets.filter((set) => set.sessions.length > 0).sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
}

/**
 * What one subject has, on the grid that its name gives (`subj01-func1mm`), else on the first grid that has betas. Throws `UserError` naming the
 * subjects that exist if this one does not.
 */
export async function findSubject(folder: Folder, name: string): Promise<SubjectFiles> {
  const ids = await subjectIds(folder), wanted = partsOfName(name), { id } = wanted;
  const number = subjectNumber(id);
  const refuse = (expected: string): never => {
    throw new UserError('bad-input', `there is no subject ${name} in ${folder.root}`, { file: folder.root, expected, found: name, fix: 'Choose one of the subjects that are there.' });
  };
  if (number === null || !ids.includes(id)) return refuse(ids.length === 0 ? 'a folder subj01, subj02, ...' : `one of ${ids.join(', ')}`);
  let space: Space = wanted.space ?? SPACES[0] ?? 'func1pt8mm';
  let betas: readonly BetaSet[] = [];
  for (const candidate of wanted.space === null ? SPACES : [wanted.space]) {
    betas = await betasIn(folder, id, candidate);
    if (betas.length > 0) { space = candidate; break; }
  }
  if (wanted.space !== null && betas.length === 0) return refuse(`one of ${(await subjectNames(folder)).join(', ')}`);
  return { id, number, space, betas, collections: collectionsOf(id, space, await folder.names(roiFolder(id, space))) };
}

/** The asked-for beta set, or the best. Throws `UserError` naming what exists. */
export function chooseBetas(subject: SubjectFiles, beta: string | null): BetaSet {
  const chosen = beta === null ? subject.betas[0] : subject.betas.find((set) => set.name === beta);
  if (chosen !== undefined) return chosen;
  const wanted = betaFolder(subject.id, subject.space, beta ?? BETAS[0] ?? '');
  throw new UserError('bad-input', beta === null ? `${subject.id} has no betas` : `${subject.id} has no betas "${beta}"`, {
    file: wanted, expected: beta === null || subject.betas.length === 0 ? 'betas_session01.hdf5 and so on' : `one of ${subject.betas.map((set) => set.name).join(', ')}`, found: 'none',
    fix: `Copy the session files of ${subject.id} into that folder, or choose betas that are there.`,
  });
}

export const factsOf = ({ file, bytes, modified }: BetaFile): FileFacts => ({ file, bytes, modified, isFolder: false });
