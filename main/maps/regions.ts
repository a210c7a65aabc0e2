/** Facts per region from values per voxel. A voxel has one region label; regions keep the order given. */

/** Sum of a map over the voxels of every region, `[regions]`. Labels that no region has are not counted. */
export function regionSums(values: ArrayLike<number>, labels: ArrayLike<number>, regions: readonly number[]): Float64Array {
  if (values.length !== labels.length) throw new RangeError(`${values.length} values for ${labels.length} labels`);
  const place = new Map(regions.map((region, index) => [region, index]));
  const sums = new Float64Array(regions.length);
  for (let v = 0; v < labels.length; v++) {
    const index = place.get(labels[v] ?? NaN);
    if (index !== undefined) sums[index] = (sums[index] ?? 0) + (values[v] ?? 0);
  }
  return sums;
}

/** Voxels of every region, `[regions]`. */
export function regionSizes(labels: ArrayLike<number>, regions: readonly number[]): Float64Array {
  return regionSums(new Float64Array(labels.length).fill(1), labels, regions);
}

/** Mean of a map over the voxels of every region, `[regions]`; NaN for a region without voxels. */
export function regionMeans(values: ArrayLike<number>, labels: ArrayLike<number>, regions: readonly number[]): Float64Array {
  const sizes = regionSizes(labels, regions);
  return regionSums(values, labels, regions).map((sum, index) => sum / (sizes[index] ?? NaN));
}
