import { describe, expect, it } from 'vitest';
import { UserError } from '../../common/errors.ts';
import { fileError } from '../../common/file-error.ts';

const systemError = (code: string): Error => Object.assign(new Error(`${code}: what the system says`), { code });

describe('a failed file operation', () => {
  it.each([['ENOENT', /no such file/], ['EACCES', /permission denied/], ['EISDIR', /folder/], ['ELOOP', /link/]])('%s names the file and what to do', (code, found) => {
    const error = fileError(systemError(code), 'nsddata/x.nii.gz', 'a readable file');
    expect(error).toBeInstanceOf(UserError);
    if (!(error instanceof UserError)) return;
    expect(error.message).toMatch(/^nsddata\/x\.nii\.gz: /);
    expect(error.detail).toMatchObject({ file: 'nsddata/x.nii.gz', expected: 'a readable file' });
    expect(error.detail.found).toMatch(found);
    expect(error.detail.fix).toMatch(/\w/);
  });

  it('of an unknown kind, or a bug, stays as it was', () => {
    const bug = new TypeError('x');
    expect(fileError(bug, 'f', 'e')).toBe(bug);
    const odd = systemError('EWEIRD');
    expect(fileError(odd, 'f', 'e')).toBe(odd);
  });
});
