/** The stages of an experiment, one per kind of step. */
import type { StepKind } from '../../../common/run-event.ts';
import type { Stage } from '../stage.ts';
import { ACCURACY } from './accuracy.ts';
import { FEATURES } from './features.ts';
import { FIT } from './fit.ts';
import { MAPS } from './maps.ts';
import { PREDICT } from './predict.ts';
import { RECONSTRUCT } from './reconstruct.ts';
import { REFINE } from './refine.ts';
import { RESPONSES } from './responses.ts';
import { SCORE } from './score.ts';

export const STAGES: { readonly [Kind in StepKind]: Stage } = {
  responses: RESPONSES, features: FEATURES, fit: FIT, predict: PREDICT, accuracy: ACCURACY, reconstruct: RECONSTRUCT, refine: REFINE, score: SCORE, maps: MAPS,
};
