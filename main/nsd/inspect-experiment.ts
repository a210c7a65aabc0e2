/** What all subjects share: design, table of pictures, pictures, captions. Reads headers and small tables only. */
import type { FileGroup, Inspection } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import type { FileFacts, Folder } from '../formats/folder.ts';
import { censusOfCaptions } from './caption-census.ts';
import { CAPTIONS_PER_IMAGE, findCaptionFiles } from './captions.ts';
import type { Design } from './design.ts';
import { readDesign } from './design-file.ts';
import { attempt, fileGroup, stateOf } from './findings.ts';
import type { Findings } from './findings.ts';
import { CAPTION_FOLDERS, CAPTION_SPLITS, captionFile, DESIGN_FILE, STIM_INFO_FILE, STIMULI_FILE } from './layout.ts';
import { readPictureTable, tableDisagreements } from './picture-table.ts';
import type { PictureTable } from './picture-table.ts';
import { RELEASE_IMAGES } from './release.ts';
import { designDisagreements } from './self-checks.ts';
import { openStimuli } from './stimuli.ts';

export interface Experiment {
  readonly design: Design | null;
  readonly stimuli: Inspection['stimuli'];
  readonly captions: Inspection['captions'];
  /** True if the folder has as many pictures as the published release; its numbers are then compared with it. */
  readonly isRelease: boolean;
  readonly groups: readonly FileGroup[];
}

export async function inspectExperiment(folder: Folder, findings: Findings, signal?: AbortSignal): Promise<Experiment> {
  const [designFacts, infoFacts] = await Promise.all([folder.facts(DESIGN_FILE), folder.facts(STIM_INFO_FILE)]);
  const design = await attempt(findings, { file: DESIGN_FILE, costs: 'no trial can be matched with its picture' }, () => readDesign(folder));
  const info = infoFacts === null ? null : await inspectTable(folder, findings, design);
  const stimuli = await inspectStimuli(folder, findings);
  const captions = await inspectCaptions(folder, findings, info, signal);
  const isRelease = stimuli.found?.images === RELEASE_IMAGES || info?.columns.rows === RELEASE_IMAGES;
  if (isRelease && design !== null) checkRelease(design, findings);
  const designFiles = [designFacts, infoFacts].filter((facts) => facts !== null);
  findings.files.push(...designFiles);
  return {
    design, stimuli: stimuli.found, captions: captions.found, isRelease,
    groups: [
      fileGroup('design', designFiles, design === null ? 'problem' : stateOf(findings.problems, [DESIGN_FILE, STIM_INFO_FILE]),
        design === null ? 'missing' : `${design.subjects.length} subjects, ${design.shared.size} shared pictures`, 'which picture each trial showed, and the split into training and test'),
      stimuli.group, captions.group,
    ],
  };
}

/** The picture table, and where it contradicts itself or the design: its pictures, captions and trials are then those of another experiment. */
async function inspectTable(folder: Folder, findings: Findings, design: Design | null): Promise<PictureTable | null> {
  return attempt(findings, { file: STIM_INFO_FILE, severity: 'note', costs: 'no captions, so c cannot be decoded' }, async () => {
    const table = await readPictureTable(folder);
    for (const { expected, found } of tableDisagreements(table, design)) {
      findings.problems.push({ severity: 'problem', file: STIM_INFO_FILE, expected, found, fix: 'Table and design belong to different experiments, or one is damaged; download both again.', costs: 'captions would belong to other pictures' });
    }
    return table;
  });
}

async function inspectStimuli(folder: Folder, findings: Findings): Promise<{ readonly found: Inspection['stimuli']; readonly group: FileGroup }> {
  const unlocks = 'truth beside every reconstruction, and features to train on';
  const opened = await attempt(findings, { file: STIMULI_FILE, costs: 'no features can be computed' }, async () => {
    const stimuli = await openStimuli(folder);
    stimuli?.close();
    if (stimuli === null) {
      throw new UserError('bad-input', 'no pictures', { file: STIMULI_FILE, expected: `${STIMULI_FILE}, or the shared pictures as PNG`, found: 'neither', fix: 'Download nsd_stimuli.hdf5 from the NSD bucket into that place.' });
    }
    return stimuli;
  });
  const facts = opened === null ? null : await folder.facts(opened.file);
  const files = facts === null ? [] : [facts];
  findings.files.push(...files.filter((entry) => !entry.isFolder));
  if (opened === null) return { found: null, group: fileGroup('stimuli', files, 'problem', 'missing', unlocks) };
  const onlyShared = opened.file !== STIMULI_FILE;
  if (onlyShared) {
    findings.problems.push({
      severity: 'note', file: STIMULI_FILE, expected: STIMULI_FILE, found: `${opened.images} shared pictures only`, fix: 'Download nsd_stimuli.hdf5 to train decoders.', costs: 'no training pictures',
    });
  }
  const { images, shape } = opened;
  return { found: { images, shape }, group: fileGroup('stimuli', files, onlyShared ? 'note' : 'ok', `${images} x ${shape.join(' x ')}`, unlocks) };
}

async function inspectCaptions(folder: Folder, findings: Findings, info: PictureTable | null, signal?: AbortSignal): Promise<{ readonly found: Inspection['captions']; readonly group: FileGroup }> {
  const unlocks = 'decoding of the meaning (c) and captions in the viewer';
  const files = await findCaptionFiles(folder);
  const facts = (await Promise.all([...files.values()].map((file) => folder.facts(file)))).filter((entry): entry is FileFacts => entry !== null);
  findings.files.push(...facts);
  if (files.size === 0 || info === null) {
    const known = files.size > 0 && findings.problems.some((problem) => problem.file === STIM_INFO_FILE);
    const file = files.size === 0 ? `${CAPTION_FOLDERS[0] ?? ''}/${captionFile(CAPTION_SPLITS[0] ?? '')}` : STIM_INFO_FILE;
    if (!known) findings.problems.push({
      severity: 'note', file, expected: files.size === 0 ? 'COCO caption files' : 'the table of pictures', found: 'no such file',
      fix: files.size === 0 ? 'Download the COCO 2017 annotations and put captions_train2017.json and captions_val2017.json there.' : 'Download nsd_stim_info_merged.csv from the NSD bucket.', costs: 'no captions, so c cannot be decoded',
    });
    return { found: null, group: fileGroup('captions', facts, 'note', 'missing', unlocks) };
  }
  let captions = 0, described = 0;
  const readable: string[] = [];
  for (const [split, file] of files) {
    const census = await attempt(findings, { file, severity: 'note', costs: 'no captions, so c cannot be decoded' }, async () => {
      const source = await folder.source(file);
      try { return await censusOfCaptions(source, file, signal); } finally { await source.close(); }
    });
    if (census === null) continue;
    readable.push(split);
    captions += census.captions;
    described += census.images;
  }
  const missing = CAPTION_SPLITS.filter((split) => !files.has(split) && (info.splits.get(split) ?? 0) > 0);
  for (const split of missing) {
    findings.problems.push({
      severity: 'note', file: `${CAPTION_FOLDERS[0] ?? ''}/${captionFile(split)}`, expected: `captions of ${info.splits.get(split) ?? 0} pictures`, found: 'no such file',
      fix: 'Download the COCO 2017 annotations and put the file there.', costs: 'these pictures have no captions',
    });
  }
  const images = readable.reduce((sum: number, split) => sum + (info.splits.get(split) ?? 0), 0);
  const perImage = described === 0 ? 0 : Math.min(CAPTIONS_PER_IMAGE, Math.round(captions / described));
  return { found: readable.length === 0 ? null : { images, perImage }, group: fileGroup('captions', facts, missing.length === 0 ? stateOf(findings.problems, [...files.values(), STIM_INFO_FILE]) : 'note', `${images} pictures, ${perImage} captions each`, unlocks) };
}

/** Statements of the release that the design does not fulfil. */
function checkRelease(design: Design, findings: Findings): void {
  for (const { expected, found } of designDisagreements(design)) {
    findings.problems.push({ severity: 'note', file: design.file, expected: `${expected}, as in the release`, found, fix: 'If this is the published release, download the file again.' });
  }
}
