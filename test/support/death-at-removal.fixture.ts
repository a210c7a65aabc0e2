/**
 * Preloaded into an engine process: it dies by SIGKILL, as no cleanup can follow, in place of the n-th removal of a kept state of stage 2
 * (`DIE_AT_REMOVAL` = n, from 1).
 */
import fs from 'node:fs/promises';
import path from 'node:path';

const remove = fs.rm.bind(fs), at = Number(process.env['DIE_AT_REMOVAL']);
let removals = 0;
fs.rm = async (file, options) => {
  if (/^state-\d+\.npz$/.test(path.basename(String(file))) && ++removals === at) process.kill(process.pid, 'SIGKILL');
  await remove(file, options);
};
