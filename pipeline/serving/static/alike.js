/** Regions that look alike, by their mean deep features. */

/**
 * Return the regions that are nearest to one of them.
 * @param {Object} scene with `features` {values, channels} of the finest level, and `tree`
 * @param {Object} regions of a level
 * @param {number} own the region that the others are compared with
 * @param {number} threshold by rank of the distances: 0 is the region alone, 1 is all of them
 * @returns {Set<number>}
 */
export function alike({ features: { values, channels }, tree: { areas, start } }, { lut, n }, own, threshold) {
  const sums = new Float64Array(n * channels);
  const total = new Float64Array(n);
  for (let label = start; label < lut.length; label++) {
    const region = lut[label];
    const leaf = label - start;
    total[region] += areas[label];
    for (let c = 0; c < channels; c++) sums[region * channels + c] += areas[label] * values[leaf * channels + c];
  }
  const far = new Float64Array(n);
  for (let region = 0; region < n; region++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) {
      sum += (sums[region * channels + c] / total[region] - sums[own * channels + c] / total[own]) ** 2;
    }
    far[region] = Math.sqrt(sum);
  }
  const sorted = Float64Array.from(far).sort();
  const limit = sorted[Math.min(n - 1, Math.round(threshold ** 2 * (n - 1)))];
  return new Set([...far.keys()].filter((region) => far[region] <= limit));
}
