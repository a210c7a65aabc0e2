/** Every operator of the house's table is in exactly one of three lists: it has a rule, it has no gradient, or it must not be asked. */
import type { Op } from '../../onnx/ops.ts';
import type { Rule } from '../rule.ts';
import { ADD, CLIP, DIV, MAX, MEAN, MIN, MOD, MUL, POW, PRELU, SUB, SUM, WHERE } from './arithmetic.ts';
import { CONV, CONV_TRANSPOSE } from './convolution.ts';
import { CUM_SUM, GATHER, GATHER_ELEMENTS, GATHER_ND, SCATTER_ELEMENTS, SCATTER_ND, TOP_K, TRILU } from './indexing.ts';
import { BATCH_NORMALIZATION, GROUP_NORMALIZATION, INSTANCE_NORMALIZATION, LAYER_NORMALIZATION, LP_NORMALIZATION, RMS_NORMALIZATION } from './normalisation.ts';
import { AVERAGE_POOL, GLOBAL_AVERAGE_POOL, GLOBAL_MAX_POOL, MAX_POOL } from './pooling.ts';
import { EINSUM, GEMM, MAT_MUL } from './products.ts';
import { REDUCTION_RULES } from './reductions.ts';
import { RESIZE } from './resize.ts';
import { CAST, CAST_LIKE, CONCAT, DEPTH_TO_SPACE, DROPOUT, EXPAND, FLATTEN, IDENTITY, PAD, RESHAPE, SLICE, SPACE_TO_DEPTH, SPLIT, SQUEEZE, TILE, TRANSPOSE, UNSQUEEZE } from './shape.ts';
import { LOG_SOFTMAX, SOFTMAX } from './softmax.ts';
import { UNARY_RULES } from './unary.ts';

export const RULES: { readonly [O in Op]?: Rule<O> } = {
  ...UNARY_RULES, ...REDUCTION_RULES,
  Add: ADD, AveragePool: AVERAGE_POOL, BatchNormalization: BATCH_NORMALIZATION, Cast: CAST, CastLike: CAST_LIKE, Clip: CLIP, Concat: CONCAT, Conv: CONV,
  ConvTranspose: CONV_TRANSPOSE, CumSum: CUM_SUM, DepthToSpace: DEPTH_TO_SPACE, Div: DIV, Dropout: DROPOUT, Einsum: EINSUM, Expand: EXPAND, Flatten: FLATTEN, Gather: GATHER,
  GatherElements: GATHER_ELEMENTS, GatherND: GATHER_ND, Gemm: GEMM, GlobalAveragePool: GLOBAL_AVERAGE_POOL, GlobalMaxPool: GLOBAL_MAX_POOL, GroupNormalization: GROUP_NORMALIZATION,
  Identity: IDENTITY, InstanceNormalization: INSTANCE_NORMALIZATION, LayerNormalization: LAYER_NORMALIZATION, LogSoftmax: LOG_SOFTMAX, LpNormalization: LP_NORMALIZATION, MatMul: MAT_MUL,
  Max: MAX, MaxPool: MAX_POOL, Mean: MEAN, Min: MIN, Mod: MOD, Mul: MUL, Pad: PAD, Pow: POW, PRelu: PRELU, Reshape: RESHAPE, Resize: RESIZE,
  RMSNormalization: RMS_NORMALIZATION, ScatterElements: SCATTER_ELEMENTS, ScatterND: SCATTER_ND, Slice: SLICE, Softmax: SOFTMAX, SpaceToDepth: SPACE_TO_DEPTH, Split: SPLIT, Squeeze: SQUEEZE,
  Sub: SUB, Sum: SUM, Tile: TILE, TopK: TOP_K, Transpose: TRANSPOSE, Trilu: TRILU, Unsqueeze: UNSQUEEZE, Where: WHERE,
};

/** Operators through which no gradient flows, with the reason. */
export const NO_GRADIENT: Readonly<Record<string, string>> = {
  And: 'truth values', Or: 'truth values', Xor: 'truth values', Not: 'truth values', Equal: 'truth values', Greater: 'truth values', GreaterOrEqual: 'truth values',
  Less: 'truth values', LessOrEqual: 'truth values', IsInf: 'truth values', IsNaN: 'truth values',
  ArgMax: 'an index', ArgMin: 'an index', NonZero: 'indices', OneHot: 'its input is an index', Range: 'a list of steps', Shape: 'a shape', Size: 'a shape',
  Constant: 'a constant', ConstantOfShape: 'a constant',
  Ceil: 'piecewise constant', Floor: 'piecewise constant', Round: 'piecewise constant', Sign: 'piecewise constant',
};

/** Inputs that operators without a gradient copy into their output all the same: refused where they change, so that nothing is left out unsaid. */
export const CARRIED: Readonly<Record<string, readonly number[]>> = { OneHot: [2], Range: [0, 1, 2] };

/** Operators that must not be asked, with the reason. */
export const FORBIDDEN: Readonly<Record<string, string>> = {
  If: 'control flow: which branch runs is known only when the graph runs', Loop: 'control flow', Scan: 'control flow', SequenceMap: 'control flow',
};
