/** The verbs of the command line (design 4). One file and one line each. */
import { ACCURACY } from './accuracy.ts';
import { DEMO } from './demo.ts';
import { FIT } from './fit.ts';
import { INSPECT } from './inspect.ts';
import { MAP } from './map.ts';
import { MODELS } from './models.ts';
import { PREDICT } from './predict.ts';
import { PROJECT } from './project.ts';
import { RESPONSES } from './responses.ts';
import { RUN } from './run.ts';
import { SCORE } from './score.ts';
import { TABLE } from './table.ts';
import { STAND_IN } from './stand-in.ts';
import { TAP } from './tap.ts';
import { VJP } from './vjp.ts';
import type { Verb } from './verb.ts';

export const VERBS: Readonly<Record<string, Verb>> = {
  demo: DEMO, inspect: INSPECT, responses: RESPONSES, fit: FIT, predict: PREDICT, run: RUN, accuracy: ACCURACY, score: SCORE, table: TABLE, map: MAP, models: MODELS, tap: TAP, vjp: VJP, 'stand-in': STAND_IN, project: PROJECT,
};
