/** Meshes, labels and sampling of both hemispheres, prepared in the worker and kept while the data is open. */
import { useMemo } from 'react';
import type { RunDetail } from '../../../common/contract/payloads.ts';
import type { Hemisphere, SurfaceLabels, VoxelSampling } from '../../../common/dataset.ts';
import type { PreparedMesh } from '../../cortex/mesh.ts';
import type { RegionFields } from '../../cortex/regions.ts';
import type { Loaded } from '../../state/lab-state.ts';
import { useResource } from '../../state/resources.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';

export interface Surface {
  readonly hemisphere: Hemisphere;
  readonly mesh: Loaded<PreparedMesh | null>;
  readonly labels: SurfaceLabels | null;
  readonly fields: RegionFields | null;
  readonly sampling: VoxelSampling | null;
  /** Something of it is still being read or prepared. */
  readonly busy: boolean;
}

const valueOf = <T>(loaded: Loaded<T>): T | null => (loaded.state === 'ready' ? loaded.value : null);

export function useSurface(hemisphere: Hemisphere, subject: string | null, atlas: string | null, detail: RunDetail | null): Surface {
  const { lab, resources, preparer } = useServices();
  const path = useLab((s) => s.dataPath);
  const age = useLab((s) => s.engineAge);
  const hidden = useView((s) => s.look.hiddenRegions);
  const place = path === null || subject === null ? null : `${path} ${subject} ${hemisphere}`;
  const mesh = useResource(resources, place === null ? null : `mesh ${place}`, async () => {
    const geometry = await lab.view('cortex.geometry', path ?? '', subject ?? '', hemisphere);
    return geometry === null || Object.keys(geometry.shapes).length === 0 ? null : preparer.mesh(place ?? '', geometry);
  });
  const labels = useResource(resources, place === null || atlas === null ? null : `labels ${place} ${atlas}`, () => lab.view('cortex.labels', path ?? '', subject ?? '', hemisphere, atlas ?? ''));
  const shown = valueOf(labels), ready = valueOf(mesh) !== null;
  const fields = useResource(resources, place === null || shown === null || !ready ? null : `fields ${place} ${atlas} ${hidden.join()}`, () => preparer.regions(place ?? '', shown as SurfaceLabels, hidden));
  const ref = detail?.ref;
  const sampling = useResource(resources, ref === undefined || !ready ? null : `sampling ${ref.runId} ${ref.keys['responses'] ?? ''} ${hemisphere} ${age}`, () => lab.view('cortex.sampling', ref as NonNullable<typeof ref>, hemisphere));
  const fieldsNow = valueOf(fields), samplingNow = valueOf(sampling);
  const busy = [mesh, labels, fields, sampling].some(({ state }) => state === 'loading') || (place !== null && mesh.state === 'idle');
  return useMemo(() => ({ hemisphere, mesh, labels: shown, fields: fieldsNow, sampling: samplingNow, busy }), [hemisphere, mesh, shown, fieldsNow, samplingNow, busy]);
}
