/**
 * What one subject has: betas, regions, noise ceiling, surfaces, transforms, behaviour. Reads headers, label volumes and the behaviour
 * table; never betas. Findings say what a missing or wrong file costs.
 */
import type { AtlasSummary, FileGroup, ProblemSeverity, SubjectSummary } from '../../common/dataset.ts';
import { throwIfAborted } from '../../common/errors.ts';
import type { FileFacts, Folder } from '../formats/folder.ts';
import type { NiftiHeader } from '../formats/nifti.ts';
import { readBetaHeader } from './betas.ts';
import { countSplit, splitOf, trialsInSession, trialsOf } from './design.ts';
import type { Design, Split } from './design.ts';
import { compareContainers } from './container-check.ts';
import { checkBehaviour } from './design-file.ts';
import { preparationOf } from './estimate.ts';
import { attempt, fileGroup, inParallel, stateOf } from './findings.ts';
import type { Findings } from './findings.ts';
import { niftiHeaderOf } from './functional.ts';
import { inspectAnatomy } from './inspect-files.ts';
import { inspectSurfaceBetas } from './inspect-surface-betas.ts';
import type { Anatomy } from './inspect-files.ts';
import { TRANSFORM_CHECKS } from './inspect-transforms.ts';
import type { Experiment } from './inspect-experiment.ts';
import { betaFolder, BETAS, HEMISPHERES, layerTransform, ncsnrFile, referenceVolumes, responsesFile, roiFolder, surfaceFile } from './layout.ts';
import { MERGED_BASE, MERGED_OVERRIDE } from './region-names.ts';
import { gridOf, mergedAtlas, otherGrid, readAtlas, summaryOf } from './regions.ts';
import type { Atlas, Grid } from './regions.ts';
import { RELEASE_COUNTS, RELEASE_LABELS, RELEASE_OVERHEAD, RELEASE_SUBJECTS, RELEASE_TRIALS_PER_SESSION } from './release.ts';
import { factsOf, findSubject } from './subject-files.ts';
import type { BetaSet, SubjectFiles } from './subject-files.ts';
import { surfaceBetaSets } from './surface-betas.ts';
import { truthFiles } from './truth.ts';

const OPEN_AT_ONCE = 8;

interface Context {
  readonly folder: Folder;
  readonly findings: Findings;
  readonly experiment: Experiment;
  readonly signal: AbortSignal | undefined;
}

function report(findings: Findings, subject: string, severity: ProblemSeverity, file: string, expected: string, found: string, fix: string, costs?: string): void {
  findings.problems.push({ severity, file, expected, found, fix, subject, ...(costs === undefined ? {} : { costs }) });
}

export async function inspectSubject(context: Context, name: string): Promise<SubjectSummary> {
  const { folder, findings, experiment, signal } = context;
  const subject = await findSubject(folder, name), { id } = subject;
  throwIfAborted(signal);
  const onSurface = await surfaceBetaSets(folder, id);
  const grid = await inspectBetas(context, subject, onSurface.length > 0);
  const best = subject.betas[0] ?? onSurface[0];
  const split = experiment.design === null || best === undefined ? null : await inspectTrials(context, subject, best, experiment.design);
  const [regions, anatomy, reference, ceiling] = await Promise.all([
    inspectRegions(context, subject, grid), inspectAnatomy(folder, id, subject.space, findings), inspectReference(context, subject, grid), inspectCeiling(context, subject, grid),
  ]);
  const atlases = regions.map(summaryOf);
  const [first] = regions;
  const [inVolume] = subject.betas;
  const countOf = (hemisphere: string): number => anatomy.surfaces.find((surface) => surface.hemisphere === hemisphere)?.vertices ?? 0;
  await inspectSurfaceBetas(folder, id, findings, experiment.design, [countOf('lh'), countOf('rh')], signal);
  const transforms = await inspectTransformValues(context, subject, grid, anatomy);
  if (experiment.isRelease) checkRelease(findings, subject, grid, split, regions, anatomy);
  const counts = split === null ? { train: 0, test: 0 } : countSplit(split);
  const groups = [...await subjectGroups(context, subject, atlases, { ...anatomy, transformFiles: [...anatomy.transformFiles, ...transforms] }, ceiling, onSurface.map((set) => set.name)), ...experiment.groups];
  return {
    id: name, sessions: best?.sessions.length ?? 0, trials: split === null ? 0 : split.imageOfTrial.length, trainImages: counts.train, testImages: counts.test,
    volume: grid, voxelSizeMm: reference === null ? null : voxelSize(reference), betas: [...subject.betas, ...onSurface].map((set) => set.name), atlases,
    surfaces: anatomy.surfaces, files: groups, ...(first === undefined || inVolume === undefined || grid === null || split === null ? {} : { preparation: preparationOf(inVolume, grid, first.index.length, split.imageIds.length, split.imageOfTrial.length / inVolume.sessions.length) }),
  };
}

function voxelSize({ affine }: NiftiHeader): readonly [number, number, number] {
  const size = (column: number): number => Math.hypot(affine[column] ?? 0, affine[4 + column] ?? 0, affine[8 + column] ?? 0);
  return [size(0), size(1), size(2)];
}

/** Headers of all session files of all beta sets; the grid that the first good one has. */
async function inspectBetas({ folder, findings, experiment, signal }: Context, subject: SubjectFiles, onSurface: boolean): Promise<Grid | null> {
  const { id } = subject;
  if (subject.betas.length === 0) {
    report(findings, id, onSurface ? 'note' : 'problem', betaFolder(id, subject.space, BETAS[0] ?? ''), 'betas_session01.hdf5 and so on', onSurface ? 'betas on surfaces only' : 'no session files', `Download the betas of ${id} into that folder.`, onSurface ? 'no voxels of the volume, so no volume maps' : 'this subject cannot be used');
    return null;
  }
  let grid: Grid | null = null;
  for (const set of subject.betas) {
    findings.files.push(...set.sessions.map(factsOf));
    const headers = await inParallel(set.sessions, OPEN_AT_ONCE, signal, (beta) => attempt(findings, { file: beta.file, subject: id, costs: 'this session cannot be read' }, () => readBetaHeader(folder, beta)));
    headers.forEach((header, i) => {
      const beta = set.sessions[i];
      if (header === null || beta === undefined) return;
      grid ??= header.grid;
      if (header.grid.join() !== grid.join()) report(findings, id, 'problem', beta.file, `${grid.join(' x ')} voxels, as the other sessions`, `${header.grid.join(' x ')} voxels`, 'It belongs to another subject or resolution; copy the right file.');
      const trials = experiment.design === null ? header.trials : trialsInSession(experiment.design, beta.session);
      if (header.trials !== trials) report(findings, id, 'problem', beta.file, `${trials} trials, as the design has in session ${beta.session}`, `${header.trials} trials`, 'Copy the original session file.');
    });
    reportGaps(findings, subject, set);
    const best = headers.find((header) => header !== null);
    if (best !== undefined) await attempt(findings, { file: betaFolder(id, subject.space, set.name), subject: id, costs: 'one of the two files holds other responses' }, () => compareContainers(folder, subject, set, best, signal));
  }
  return grid;
}

function reportGaps(findings: Findings, subject: SubjectFiles, set: BetaSet): void {
  const present = new Set(set.sessions.map((beta) => beta.session));
  const last = set.sessions.at(-1)?.session ?? 0;
  const missing = Array.from({ length: last }, (_, i) => i + 1).filter((session) => !present.has(session));
  const place = betaFolder(subject.id, subject.space, set.name);
  if (missing.length > 0) report(findings, subject.id, 'note', place, `sessions 1 to ${last}`, `no session ${missing.join(', ')}`, 'Download the missing sessions.', 'their trials are left out');
  const best = subject.betas[0];
  if (best !== undefined && best.sessions.length !== set.sessions.length) {
    report(findings, subject.id, 'note', place, `${best.sessions.length} sessions, as ${best.name}`, `${set.sessions.length}`, 'Download the missing sessions.', 'runs on these betas have other images');
  }
}

/** Split over the sessions present, checked against the behaviour table. */
async function inspectTrials({ folder, findings }: Context, subject: SubjectFiles, best: { readonly sessions: readonly { readonly session: number }[] }, design: Design): Promise<Split | null> {
  return attempt(findings, { file: design.file, subject: subject.id, costs: 'no trial can be matched with its picture' }, async () => {
    const trials = trialsOf(design, subject.number, best.sessions.map((beta) => beta.session));
    const check = await attempt(findings, { file: responsesFile(subject.id), subject: subject.id, severity: 'note', costs: 'the design is not checked against the behaviour' }, () => checkBehaviour(folder, subject.id, trials));
    if (check?.mismatch !== null && check !== null) {
      const { row, expected, found } = check.mismatch;
      report(findings, subject.id, 'problem', check.file, `picture ${expected} in row ${row}, as ${design.file} says`, `picture ${found}`, 'Design and behaviour belong to different experiments; download both again.');
    }
    return splitOf(trials);
  });
}

async function inspectRegions({ folder, findings, signal }: Context, subject: SubjectFiles, grid: Grid | null): Promise<readonly Atlas[]> {
  const { id, space, collections } = subject;
  if (collections.length === 0) {
    report(findings, id, 'problem', roiFolder(id, space), 'region volumes (NAME.nii.gz)', 'none', `Download nsddata/ppdata/${id}/${space}/roi.`, 'no voxels can be chosen');
    return [];
  }
  for (const { both, hemispheres } of collections) {
    for (const file of [both, hemispheres.lh, hemispheres.rh]) {
      const facts = typeof file === 'string' ? await folder.facts(file) : null;
      if (facts !== null) findings.files.push(facts);
    }
  }
  const atlases = await inParallel(collections, OPEN_AT_ONCE, signal, (files): Promise<Atlas | null> => {
    const file = files.both ?? files.hemispheres.lh ?? files.hemispheres.rh ?? roiFolder(id, space);
    return attempt(findings, { file, subject: id, costs: `no regions of ${files.name}` }, () => readAtlas(folder, id, space, collections, files.name, grid));
  });
  const find = (name: string): Atlas | undefined => atlases.find((atlas) => atlas?.name === name) ?? undefined;
  const base = find(MERGED_BASE);
  const override = find(MERGED_OVERRIDE);
  const merged = base === undefined || override === undefined ? [] : [mergedAtlas(base, override)];
  return [...merged, ...atlases.filter((atlas) => atlas !== null)];
}

/** Values of the transform files against grid and surfaces; the files that were looked at and are not listed elsewhere. */
async function inspectTransformValues({ folder, findings, experiment, signal }: Context, subject: SubjectFiles, grid: Grid | null, anatomy: Anatomy): Promise<readonly FileFacts[]> {
  const { id, space } = subject;
  const tasks = HEMISPHERES.flatMap((hemisphere) => TRANSFORM_CHECKS.map((entry) => ({ hemisphere, ...entry })));
  const looked = await inParallel(tasks, OPEN_AT_ONCE, signal, ({ hemisphere, check, costs, file }) => {
    const vertices = anatomy.surfaces.find((surface) => surface.hemisphere === hemisphere)?.vertices ?? 0;
    return attempt(findings, { file: file(id, hemisphere, space), subject: id, severity: 'note', costs }, () => check(folder, id, hemisphere, { space, grid, vertices, isRelease: experiment.isRelease }));
  });
  const others = looked.filter((file) => file !== null && !anatomy.transformFiles.some((facts) => facts.file === file));
  return (await Promise.all(others.map((file) => folder.facts(file ?? '')))).filter((facts) => facts !== null);
}

/** The functional volume that gives voxel size and affine; null if there is none. */
async function inspectReference({ folder, findings }: Context, subject: SubjectFiles, grid: Grid | null): Promise<NiftiHeader | null> {
  for (const file of referenceVolumes(subject.id, subject.space)) {
    const facts = await folder.facts(file);
    if (facts === null) continue;
    const header = await attempt(findings, { file, subject: subject.id, severity: 'note', costs: 'voxel size and orientation' }, async () => {
      const found = await niftiHeaderOf(folder, file);
      const shape = gridOf(found.shape, file);
      if (grid !== null && shape.join() !== grid.join()) throw otherGrid(file, shape, grid);
      return found;
    });
    if (header === null) continue;
    findings.files.push(facts);
    return header;
  }
  report(findings, subject.id, 'note', referenceVolumes(subject.id, subject.space)[0] ?? '', 'a functional volume with the grid\'s orientation', 'none', 'Download brainmask.nii.gz.', 'maps are written without millimetres');
  return null;
}

async function inspectCeiling({ folder, findings }: Context, subject: SubjectFiles, grid: Grid | null): Promise<readonly FileFacts[]> {
  const found: FileFacts[] = [];
  for (const set of subject.betas) {
    const file = ncsnrFile(subject.id, subject.space, set.name);
    const facts = await folder.facts(file);
    if (facts === null) {
      report(findings, subject.id, 'note', file, 'the noise-ceiling volume', 'no such file', 'Download ncsnr.nii.gz of these betas.', 'no noise ceiling');
      continue;
    }
    found.push(facts);
    await attempt(findings, { file, subject: subject.id, costs: 'no noise ceiling' }, async () => {
      const shape = gridOf((await niftiHeaderOf(folder, file)).shape, file);
      if (grid !== null && shape.join() !== grid.join()) throw otherGrid(file, shape, grid);
    });
  }
  findings.files.push(...found);
  return found;
}

async function subjectGroups({ folder, findings }: Context, subject: SubjectFiles, atlases: readonly AtlasSummary[], anatomy: Anatomy, ceiling: readonly FileFacts[], onSurface: readonly string[]): Promise<readonly FileGroup[]> {
  const { id, space, betas, collections } = subject;
  const { problems } = findings;
  const best = betas[0];
  const betaFiles = betas.flatMap((set) => set.sessions.map(factsOf));
  const stateIn = (files: readonly FileFacts[], extra: readonly string[] = []): FileGroup['state'] => stateOf(problems, [...files.map((facts) => facts.file), ...extra]);
  const roiFiles = findings.files.filter((facts) => facts.file.startsWith(`${roiFolder(id, space)}/`));
  const shapes = [...new Set(anatomy.surfaces.flatMap((surface) => surface.names))];
  findings.files.push(...anatomy.surfaceFiles, ...anatomy.transformFiles);
  const behaviour = await folder.facts(responsesFile(id));
  const truth = await truthFiles(folder, id);
  if (behaviour !== null) findings.files.push(behaviour);
  findings.files.push(...truth);
  if (shapes.length === 0) report(findings, id, 'note', surfaceFile(id, 'lh', 'white'), 'cortical surfaces', 'none', `Download nsddata/freesurfer/${id}/surf.`, 'no cortex view');
  else if (!shapes.includes('flat')) report(findings, id, 'note', surfaceFile(id, 'lh', 'full.flat.patch.3d'), 'a flat patch', 'none', 'Download the full.flat.patch.3d files.', 'no flat view');
  if (anatomy.transformFiles.length === 0) report(findings, id, 'note', layerTransform(id, 'lh', space, 'layerB2'), 'transforms from volume to surface', 'none', `Download nsddata/ppdata/${id}/transforms.`, 'maps cannot be drawn on the surfaces');
  return [
    fileGroup('betas', betaFiles, betas.length === 0 ? (onSurface.length === 0 ? 'problem' : 'note') : stateIn(betaFiles, betas.map((set) => betaFolder(id, space, set.name))),
      best === undefined ? (onSurface.length === 0 ? 'missing' : `on surfaces: ${onSurface.join(', ')}`) : `${best.sessions.length} sessions, ${space}, ${betas.map((set) => set.name).join(', ')}`, 'responses to decode from'),
    fileGroup('rois', roiFiles, collections.length === 0 ? 'problem' : stateIn(roiFiles), atlases.map((atlas) => atlas.name).join(', ') || 'missing', 'which voxels are used'),
    fileGroup('noise-ceiling', ceiling, ceiling.length < betas.length ? 'note' : stateIn(ceiling), ceiling.length === 0 ? 'missing' : 'ncsnr', 'noise ceiling on the cortex and in scatter plots'),
    fileGroup('surfaces', anatomy.surfaceFiles, shapes.length === 0 || !shapes.includes('flat') ? 'note' : stateIn(anatomy.surfaceFiles), shapes.join(', ') || 'missing', shapes.includes('flat') ? 'cortex and flat view' : 'cortex view'),
    fileGroup('transforms', anatomy.transformFiles, anatomy.transformFiles.length === 0 ? 'note' : stateIn(anatomy.transformFiles), anatomy.transformFiles.length === 0 ? 'missing' : 'volume to surface', 'voxel maps on the surfaces'),
    fileGroup('responses', behaviour === null ? [] : [behaviour], stateOf(problems, [responsesFile(id)]), behaviour === null ? 'missing' : 'behaviour table', 'a check of the design, trial by trial'),
    ...(truth.length === 0 ? [] : [fileGroup('truth', truth, 'ok', 'planted sensitivities', 'maps scored against what was planted')]),
  ];
}

/** Compares with the published numbers; every deviation is a note, for the release may change. */
function checkRelease(findings: Findings, subject: SubjectFiles, grid: Grid | null, split: Split | null, atlases: readonly Atlas[], anatomy: Anatomy): void {
  const facts = RELEASE_SUBJECTS[subject.id];
  if (facts === undefined) return;
  const differs = (file: string, expected: string, found: string): void => { report(findings, subject.id, 'note', file, `${expected}, as in the published release`, found, 'If this is the published release, download the file again.'); };
  const expectedGrid = facts.grid[subject.space];
  const best = subject.betas[0];
  const place = best?.sessions[0]?.file ?? betaFolder(subject.id, subject.space, BETAS[0] ?? '');
  if (grid !== null && grid.join() !== expectedGrid.join()) differs(place, `${expectedGrid.join(' x ')} voxels`, grid.join(' x '));
  if (best !== undefined && best.sessions.length > facts.sessions) differs(place, `at most ${facts.sessions} sessions`, `${best.sessions.length}`);
  const counts = best !== undefined && best.sessions.at(-1)?.session === best.sessions.length ? RELEASE_COUNTS.get(best.sessions.length) : undefined;
  if (split !== null && counts !== undefined) {
    const { train, test } = countSplit(split);
    if (test !== counts.shared || train + test !== counts.images) differs(place, `${counts.images} images, ${counts.shared} of them shared, in ${best?.sessions.length ?? 0} sessions`, `${train + test}, ${test}`);
  }
  const payload = 2 * RELEASE_TRIALS_PER_SESSION * expectedGrid.reduce((product, extent) => product * extent, 1);
  const odd = best?.sessions.find(({ container, bytes }) => container === 'hdf5' && (bytes < RELEASE_OVERHEAD.least * payload || bytes > RELEASE_OVERHEAD.most * payload));
  if (odd !== undefined) differs(odd.file, `${Math.round(RELEASE_OVERHEAD.least * payload)} to ${Math.round(RELEASE_OVERHEAD.most * payload)} bytes`, `${odd.bytes}`);
  for (const { name, file, least, label } of atlases) {
    const known = RELEASE_LABELS[name];
    const most = label.reduce((a, b) => Math.max(a, b), 0);
    if (known !== undefined && (least < known.least || most > known.labels)) differs(file, `labels from ${known.least} to ${known.labels}`, `${least} to ${most}`);
  }
  const general = atlases.find((atlas) => atlas.name === 'nsdgeneral')?.index.length;
  if (general !== undefined && subject.space === 'func1pt8mm' && general !== facts.nsdgeneral) differs(`${roiFolder(subject.id, subject.space)}/nsdgeneral.nii.gz`, `${facts.nsdgeneral} voxels`, `${general}`);
  anatomy.surfaces.forEach((surface) => {
    const expected = facts.vertices[surface.hemisphere === 'lh' ? 0 : 1];
    if (surface.vertices !== expected) differs(surfaceFile(subject.id, surface.hemisphere, 'white'), `${expected} vertices`, `${surface.vertices}`);
  });
}
