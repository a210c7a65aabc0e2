/**
 * Points the weights of a graph at the file they were read from, so that an edited graph is a few kilobytes and shares the original's weights.
 * Works for weights inside the .onnx file: its byte ranges serve as external data.
 */
import { makeGraph } from '../graph.ts';
import type { Graph } from '../graph.ts';

/** Smaller tensors stay inside: the runtime wants to see shapes and axes when it loads a graph. */
const SMALLEST = 1024;

/** `file` is the bytes that the graph was read from, `location` that file's name in the folder where the edited graph will be loaded. */
export function externalise(graph: Graph, file: Uint8Array, location: string): Graph {
  return makeGraph({
    ...graph,
    initializers: graph.initializers.map((initializer) => {
      const { source } = initializer;
      if (source.kind === 'external' || source.bytes.length < SMALLEST || source.bytes.buffer !== file.buffer) return initializer;
      return { ...initializer, source: { kind: 'external', location, offset: source.bytes.byteOffset - file.byteOffset, length: source.bytes.length } };
    }),
  });
}
