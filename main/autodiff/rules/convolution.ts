/**
 * Convolution and its transpose. Y = X * W (cross-correlation):
 *   dX = transposed convolution of dY with W; dW = correlation of X with dY (batch and channel exchanged); db = sum of dY.
 * With stride 1 the transposed convolution is an ordinary convolution with the kernel (or the images) turned round, which the runtime does fastest.
 */
import { sizeOf } from '../../../common/ndarray.ts';
import type { GraphBuilder, Ref } from '../../onnx/build.ts';
import { byteLengthOf } from '../../onnx/tensor.ts';
import { ALL_OPSETS, cotangent, dims, input, output, range, tied, unsupported } from '../rule.ts';
import type { Rule, RuleContext } from '../rule.ts';

interface Window { readonly strides: number[]; readonly dilations: number[]; readonly before: number[]; readonly after: number[]; readonly group: number }

/** Attributes with defaults; automatic padding resolved from the extents. */
function windowOf(c: RuleContext<'Conv'>, image: readonly number[], result: readonly number[], kernel: readonly number[]): Window {
  const { strides, dilations, pads, group, auto_pad: auto } = c.attributes, n = kernel.length;
  const s = range(n).map((k) => strides?.[k] ?? 1), d = range(n).map((k) => dilations?.[k] ?? 1);
  if (auto === 'NOTSET' || auto === 'VALID') {
    return { strides: s, dilations: d, group, before: range(n).map((k) => (auto === 'VALID' ? 0 : pads?.[k] ?? 0)), after: range(n).map((k) => (auto === 'VALID' ? 0 : pads?.[k + n] ?? 0)) };
  }
  if (!auto.startsWith('SAME')) throw unsupported(c.node, 'NOTSET, VALID or SAME padding', auto);
  const total = range(n).map((k) => Math.max(0, ((result[k] ?? 0) - 1) * (s[k] ?? 1) + ((kernel[k] ?? 1) - 1) * (d[k] ?? 1) + 1 - (image[k] ?? 0)));
  const small = total.map((t) => Math.floor(t / 2)), large = total.map((t) => Math.ceil(t / 2));
  return { strides: s, dilations: d, group, before: auto === 'SAME_UPPER' ? small : large, after: auto === 'SAME_UPPER' ? large : small };
}

/** [a, b, ...] with the first two axes exchanged. */
const exchanged = (b: GraphBuilder, x: Ref): Ref => b.transpose(x, [1, 0, ...range(dims(x).length).slice(2)]);

/** Kernel or image turned round in every spatial axis. */
function reversed(b: GraphBuilder, w: Ref): Ref {
  const axes = range(dims(w).length).slice(2);
  return dims(w).slice(2).every((extent) => extent === 1) ? w : b.slice(w, axes.map(() => -1), axes.map(() => Number.MIN_SAFE_INTEGER), axes, axes.map(() => -1));
}

/** Convolution with the kernel turned round; where the images are smaller, they are turned round before and after instead. */
function convolvedReversed(b: GraphBuilder, dy: Ref, weight: Ref, before: readonly number[], after: readonly number[], attributes: { readonly dilations: number[]; readonly group: number }): Ref {
  const [images = 1, channels = 1, ...places] = dims(dy), made = images * (dims(weight)[0] ?? 1) * sizeOf(places);
  const onePlace = dims(weight).slice(2).every((extent) => extent === 1);
  if (onePlace || sizeOf(dims(weight)) <= images * channels * sizeOf(places) + made) return b.conv(dy, reversed(b, weight), null, { ...attributes, pads: [...before, ...after] });
  return reversed(b, b.conv(reversed(b, dy), weight, null, { ...attributes, pads: [...after, ...before] }));
}

/** `[groups * outer, inner, ...]` weights with in- and output channels exchanged inside each group: `[groups * inner, outer, ...]`. */
function exchangedInGroups(b: GraphBuilder, w: Ref, group: number): Ref {
  if (group === 1) return exchanged(b, w);
  const [outer = 0, inner = 0, ...kernel] = dims(w);
  const split = b.reshape(w, [group, outer / group, inner, ...kernel]);
  const turned = b.transpose(split, [0, 2, 1, ...kernel.map((_, k) => k + 3)]);
  return b.reshape(turned, [group * inner, outer / group, ...kernel]);
}

/**
 * Correlation of `image` `[n, channels, ...]` with `signal` `[n, others, ...]`: gradient of the weights `[others, channels / group, ...kernel]`.
 * Strides and dilations exchange their roles; groups are taken one by one.
 */
function weightGradient(b: GraphBuilder, image: Ref, signal: Ref, w: Window, kernel: readonly number[]): Ref {
  const channels = (dims(image)[1] ?? 0) / w.group, others = (dims(signal)[1] ?? 0) / w.group;
  const parts = range(w.group).map((g) => {
    const x = w.group === 1 ? image : b.slice(image, [g * channels], [(g + 1) * channels], [1]);
    const dy = w.group === 1 ? signal : b.slice(signal, [g * others], [(g + 1) * others], [1]);
    const found = b.conv(exchanged(b, x), exchanged(b, dy), null, { strides: w.dilations, dilations: w.strides, pads: [...w.before, ...w.after] });
    const axes = kernel.map((_, k) => k + 2);
    return exchanged(b, b.slice(found, axes.map(() => 0), kernel, axes)); // a stride may leave a row or column too many
  });
  return parts.length === 1 ? (parts[0] ?? image) : b.concat(parts, 0);
}

const channelSum = (b: GraphBuilder, dy: Ref): Ref => b.reduceSum(dy, range(dims(dy).length).filter((k) => k !== 1));

/** Weights above this are turned when the gradient is there, not all of them when the run begins. */
const LARGE_WEIGHT_BYTES = 2 ** 22;

function whenReached(b: GraphBuilder, weight: Ref, dy: Ref): Ref {
  return byteLengthOf(weight.dtype, dims(weight)) < LARGE_WEIGHT_BYTES ? weight : tied(b, weight, [dy]);
}

export const CONV: Rule<'Conv'> = {
  op: 'Conv', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, x = input(c, 0), weight = input(c, 1), dy = cotangent(c);
    const image = dims(x).slice(2), result = dims(output(c)).slice(2), kernel = dims(weight).slice(2);
    const w = windowOf(c, image, result, kernel);
    const reach = kernel.map((extent, k) => (extent - 1) * (w.dilations[k] ?? 1));
    let dx: Ref | null = null;
    const inner = kernel.every((_, k) => w.strides[k] === 1 && (w.before[k] ?? 0) <= (reach[k] ?? 0) && (w.after[k] ?? 0) <= (reach[k] ?? 0));
    if (c.needs[0] === true && inner) {
      const rest = (pads: readonly number[]): number[] => reach.map((r, k) => r - (pads[k] ?? 0));
      dx = convolvedReversed(b, dy, exchangedInGroups(b, whenReached(b, weight, dy), w.group), rest(w.before), rest(w.after), { dilations: w.dilations, group: w.group });
    } else if (c.needs[0] === true) {
      // Rows and columns of x that no window reached, because the stride passed over the end.
      const over = image.map((extent, k) => extent + (w.before[k] ?? 0) + (w.after[k] ?? 0) - (((result[k] ?? 1) - 1) * (w.strides[k] ?? 1) + (reach[k] ?? 0) + 1));
      dx = b.convTranspose(dy, weight, null, { strides: w.strides, dilations: w.dilations, group: w.group, pads: [...w.before, ...w.after], output_padding: over });
    }
    return [dx, c.needs[1] === true ? weightGradient(b, x, dy, w, kernel) : null, c.needs[2] === true ? channelSum(b, dy) : null];
  },
};

/** What a transposed convolution cuts off at each end: its pads, or what a wanted extent or SAME padding makes them (Operators.md, ConvTranspose). */
function croppedWindow(c: RuleContext<'ConvTranspose'>, image: readonly number[], result: readonly number[], kernel: readonly number[]): Window {
  const { strides, dilations, group, pads, auto_pad: auto, output_padding: extra, output_shape: forced } = c.attributes, n = kernel.length;
  const s = range(n).map((k) => strides?.[k] ?? 1), d = range(n).map((k) => dilations?.[k] ?? 1);
  if (forced === null && !auto.startsWith('SAME')) {
    return { strides: s, dilations: d, group, before: range(n).map((k) => (auto === 'VALID' ? 0 : pads?.[k] ?? 0)), after: range(n).map((k) => (auto === 'VALID' ? 0 : pads?.[k + n] ?? 0)) };
  }
  const total = range(n).map((k) => (s[k] ?? 1) * ((image[k] ?? 0) - 1) + (extra?.[k] ?? 0) + ((kernel[k] ?? 1) - 1) * (d[k] ?? 1) + 1 - (result[k] ?? 0));
  // A wanted extent beyond what the kernel reaches adds at the end.
  const before = total.map((t) => (t < 0 ? 0 : auto === 'SAME_UPPER' ? Math.floor(t / 2) : Math.ceil(t / 2)));
  return { strides: s, dilations: d, group, before, after: total.map((t, k) => t - (before[k] ?? 0)) };
}

/** Y = transposed convolution of X: dX is the ordinary convolution of dY with the same weights. */
export const CONV_TRANSPOSE: Rule<'ConvTranspose'> = {
  op: 'ConvTranspose', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, x = input(c, 0), weight = input(c, 1), dy = cotangent(c);
    const image = dims(x).slice(2), result = dims(dy).slice(2), kernel = dims(weight).slice(2);
    const w = croppedWindow(c, image, result, kernel);
    // Positions that only output_padding made are beyond what the convolution reads.
    const pads = [...w.before, ...w.after.map((p, k) => p - (c.attributes.output_padding?.[k] ?? 0))];
    const cropped = pads.some((p) => p < 0);
    const signal = cropped ? b.pad(dy, [0, 0, ...w.before], [0, 0, ...pads.slice(kernel.length)]) : dy;
    const inside = cropped ? pads.map(() => 0) : pads;
    const dx = c.needs[0] === true ? b.conv(signal, weight, null, { strides: w.strides, dilations: w.dilations, group: w.group, pads: inside }) : null;
    const after = inside.slice(kernel.length);
    const dw = c.needs[1] !== true ? null : weightGradient(b, signal, x, { ...w, before: inside.slice(0, kernel.length), after }, kernel);
    return [dx, dw, c.needs[2] === true ? channelSum(b, dy) : null];
  },
};
