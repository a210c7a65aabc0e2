/** Preparing is a job that goes on where it was stopped, reads nothing twice, and leaves nothing behind. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ResponsesRequest, SessionKeep } from '../../../common/dataset.ts';
import { CancelledError } from '../../../common/errors.ts';
import { sessionKeep } from '../../../main/experiments/session-keep.ts';
import { openNsd } from '../../../main/nsd/dataset.ts';
import { BETA, SESSIONS, tinyNsd } from '../../support/tiny-nsd.ts';

const folders: string[] = [];
afterAll(async () => { for (const folder of folders) await rm(folder, { recursive: true, force: true }); });
const request: ResponsesRequest = { subject: 'subj01', atlas: 'minddiffuser', rois: [], beta: null, zscore: 'session', average: true };

/** A keep that says which sessions were asked for, found and put. */
function watched(keep: SessionKeep, log: string[]): SessionKeep {
  return {
    get: async (session) => { const found = await keep.get(session); log.push(`${found === null ? 'read' : 'kept'} ${session}`); return found; },
    put: (session, raw) => keep.put(session, raw),
  };
}

describe('a preparation that is stopped', () => {
  it('goes on at its session with the same result, even where the files of kept sessions are gone', async () => {
    const { root } = await tinyNsd();
    const scratch = await mkdtemp(path.join(tmpdir(), 'keep-'));
    folders.push(root, scratch);
    const whole = await (await openNsd(root)).responses(request);
    const place = path.join(scratch, 'sessions');
    const log: string[] = [];
    const controller = new AbortController();
    const first = watched(await sessionKeep(place, { recipe: 1 }), log);
    const stopped = (await openNsd(root)).responses(request, controller.signal, (done) => { if (done === 2) controller.abort(); }, first);
    await expect(stopped).rejects.toThrow(CancelledError);
    // The third was asked for and then not read.
    expect(log).toEqual(['read 1', 'read 2', 'read 3']);
    // A session that is read again would now be wrong: the kept one must be used.
    await writeFile(path.join(root, `nsddata_betas/ppdata/subj01/func1pt8mm/${BETA}/betas_session02.hdf5`), 'gone');
    const keep = await sessionKeep(place, { recipe: 1 });
    const resumed = await (await openNsd(root)).responses(request, undefined, undefined, watched(keep, log));
    expect(log.slice(3)).toEqual(['kept 1', 'kept 2', 'read 3']);
    expect(resumed).toEqual(whole);
    await keep.clear();
    expect(await readdir(scratch)).toEqual([]);
  });

  it('of another recipe finds nothing, and one of another length is read again', async () => {
    const { root } = await tinyNsd();
    const scratch = await mkdtemp(path.join(tmpdir(), 'keep-'));
    folders.push(root, scratch);
    const keep = await sessionKeep(scratch, { rois: ['V1'] });
    for (let session = 1; session <= SESSIONS; session++) await keep.put(session, Int16Array.of(1, 2, 3));
    const log: string[] = [];
    const whole = await (await openNsd(root)).responses(request);
    expect(await (await openNsd(root)).responses(request, undefined, undefined, watched(keep, log))).toEqual(whole);
    expect(log).toEqual(['kept 1', 'kept 2', 'kept 3']);
    const other = await sessionKeep(scratch, { rois: ['V2'] });
    expect(await other.get(1)).toBeNull();
  });

  it('keeps float sessions as they were', async () => {
    const scratch = await mkdtemp(path.join(tmpdir(), 'keep-'));
    folders.push(scratch);
    const keep = await sessionKeep(scratch, {});
    await keep.put(7, Float32Array.of(0.5, -1));
    expect(await keep.get(7)).toEqual(Float32Array.of(0.5, -1));
    expect(await keep.get(8)).toBeNull();
  });
});
