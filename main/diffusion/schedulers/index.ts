/** The table of schedulers. Tests walk it: a new entry without golden numbers fails. */
import type { SchedulerName } from '../../../common/recipe.ts';
import { ddim } from './ddim.ts';
import { dpmSolver } from './dpm-solver.ts';
import { euler } from './euler.ts';
import { pndm } from './pndm.ts';
import type { Scheduler } from './scheduler.ts';

export const SCHEDULERS: { readonly [Name in SchedulerName]: Scheduler } = {
  ddim: { title: 'DDIM', step: ddim, tries: false },
  pndm: { title: 'PNDM (PLMS)', step: pndm, tries: true },
  'dpm-solver++': { title: 'DPM-Solver++(2M)', step: dpmSolver, tries: false },
  euler: { title: 'Euler', step: euler, tries: false },
};
