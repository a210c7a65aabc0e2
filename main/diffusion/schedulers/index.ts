/** The table of schedulers. Tests walk it: a new entry without golden numbers fails. */
import { ddim } from './ddim.ts';
import { dpmSolver } from './dpm-solver.ts';
import type { Scheduler } from './scheduler.ts';

export type SchedulerName = 'ddim' | 'dpm-solver++';

export const SCHEDULERS: { readonly [Name in SchedulerName]: Scheduler } = { ddim, 'dpm-solver++': dpmSolver };
