/** The worker that makes meshes, region fields and pick trees ready, so that the window never waits for them. */
import { BufferAttribute, BufferGeometry } from 'three';
import { MeshBVH } from 'three-mesh-bvh';
import type { SerializedBVH } from 'three-mesh-bvh';
import type { HemisphereGeometry } from '../../common/contract/payloads.ts';
import type { SurfaceLabels } from '../../common/dataset.ts';
import { prepareMesh } from './mesh.ts';
import type { PreparedMesh } from './mesh.ts';
import { adjacencyOf, regionFields, verticesIn } from './regions.ts';
import type { Adjacency, RegionFields } from './regions.ts';

export type PrepareRequest =
  | { readonly id: number; readonly kind: 'mesh'; readonly key: string; readonly geometry: HemisphereGeometry }
  | { readonly id: number; readonly kind: 'tree'; readonly index: Uint32Array; readonly positions: Float32Array }
  | { readonly id: number; readonly kind: 'regions'; readonly key: string; readonly labels: SurfaceLabels; readonly hidden: readonly string[] };

export type PrepareResult = PreparedMesh | SerializedBVH | RegionFields;

export type PrepareReply =
  | { readonly id: number; readonly ok: true; readonly value: PrepareResult }
  | { readonly id: number; readonly ok: false; readonly message: string };

interface Topology { readonly adjacency: Adjacency; readonly inPatch: Uint8Array | null }

const topologies = new Map<string, Topology>();

function answer(request: PrepareRequest): PrepareResult {
  switch (request.kind) {
    case 'mesh': {
      const mesh = prepareMesh(request.geometry);
      topologies.set(request.key, {
        adjacency: adjacencyOf(mesh.index, mesh.vertices),
        inPatch: mesh.patchFaces > 0 ? verticesIn(mesh.index.subarray(0, 3 * mesh.patchFaces), mesh.vertices) : null,
      });
      return mesh;
    }
    case 'tree': {
      const geometry = new BufferGeometry();
      geometry.setIndex(new BufferAttribute(request.index, 1));
      geometry.setAttribute('position', new BufferAttribute(request.positions, 3));
      return MeshBVH.serialize(new MeshBVH(geometry, { indirect: true }), { cloneBuffers: false });
    }
    case 'regions': {
      const topology = topologies.get(request.key);
      if (topology === undefined) throw new Error(`the mesh of ${request.key} was not prepared before its regions`);
      const hidden = new Set(request.hidden);
      return regionFields(request.labels, topology.adjacency, (region) => !hidden.has(request.labels.names[region] ?? ''), topology.inPatch);
    }
    default: { const never: never = request; return never; }
  }
}

self.addEventListener('message', (event: MessageEvent<PrepareRequest>) => {
  const request = event.data;
  let reply: PrepareReply;
  try {
    reply = { id: request.id, ok: true, value: answer(request) };
  } catch (error) {
    reply = { id: request.id, ok: false, message: error instanceof Error ? error.message : String(error) };
  }
  self.postMessage(reply);
});
