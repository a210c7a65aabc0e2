/** Promises over the preparing worker. */
import type { SerializedBVH } from 'three-mesh-bvh';
import type { HemisphereGeometry } from '../../common/contract/payloads.ts';
import type { SurfaceLabels } from '../../common/dataset.ts';
import type { PreparedMesh } from './mesh.ts';
import type { PrepareReply, PrepareRequest, PrepareResult } from './prepare-worker.ts';
import type { RegionFields } from './regions.ts';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

export interface Preparer {
  mesh(key: string, geometry: HemisphereGeometry): Promise<PreparedMesh>;
  /** A pick tree over positions that the scene will refit to other shapes. */
  tree(index: Uint32Array, positions: Float32Array): Promise<SerializedBVH>;
  /** Needs `mesh` of the same key before. */
  regions(key: string, labels: SurfaceLabels, hidden: readonly string[]): Promise<RegionFields>;
  dispose(): void;
}

interface Pending {
  readonly resolve: (value: PrepareResult) => void;
  readonly reject: (error: Error) => void;
}

export function createPreparer(): Preparer {
  const worker = new Worker(new URL('./prepare-worker.ts', import.meta.url), { type: 'module' });
  const pending = new Map<number, Pending>();
  let next = 1;
  worker.addEventListener('message', (event: MessageEvent<PrepareReply>) => {
    const reply = event.data;
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if (reply.ok) waiting?.resolve(reply.value); else waiting?.reject(new Error(reply.message));
  });
  worker.addEventListener('error', (event) => {
    for (const waiting of pending.values()) waiting.reject(new Error(event.message));
    pending.clear();
  });
  const ask = <T extends PrepareResult>(request: WithoutId<PrepareRequest>): Promise<T> =>
    new Promise<PrepareResult>((resolve, reject) => {
      const id = next++;
      pending.set(id, { resolve, reject });
      worker.postMessage({ id, ...request });
    }) as Promise<T>;
  return {
    mesh: (key, geometry) => ask<PreparedMesh>({ kind: 'mesh', key, geometry }),
    tree: (index, positions) => ask<SerializedBVH>({ kind: 'tree', index, positions }),
    regions: (key, labels, hidden) => ask<RegionFields>({ kind: 'regions', key, labels, hidden }),
    dispose: () => worker.terminate(),
  };
}
