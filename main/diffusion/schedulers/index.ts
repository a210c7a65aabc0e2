/** The table of schedulers. Tests walk it: a new entry without golden numbers fails. */
import { ddim } from './ddim.ts';
import type { Scheduler } from './scheduler.ts';

export type SchedulerName = 'ddim';

export const SCHEDULERS: { readonly [Name in SchedulerName]: Scheduler } = { ddim };
