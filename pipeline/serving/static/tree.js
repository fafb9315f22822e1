/** A hierarchy of superpixels, cut at any number of regions in the browser. */

export class Tree {
  /**
   * @param {Object} arrays of the server: `labels`, `parents` (2n - 1), and of each label `colors`
   *   (3) and `areas`
   * @param {number} start the first label of a superpixel: 1 where 0 is outside of the image's data
   */
  constructor({ labels, parents, colors, areas }, start = 0) {
    this.start = start;
    this.labels = labels;
    this.parents = parents;
    this.n = (parents.length + 1) / 2;
    this.colors = colors;
    this.areas = areas;
    this.top = new Int32Array(parents.length);
  }

  /**
   * Return the level with `k` regions: what the first n - k merges leave. Regions are numbered by
   * their smallest superpixel of the finest level.
   * @returns {{n: number, lut: Int32Array, nodes: Int32Array}} region of each label, -1 outside,
   *   and the tree's node of each region
   */
  cut(k) {
    const { n, parents, top, start } = this;
    const nodes = 2 * n - k;
    for (let node = nodes - 1; node >= 0; node--) {
      const parent = parents[node];
      top[node] = parent < nodes && parent !== node ? top[parent] : node;
    }
    const lut = new Int32Array(n + start).fill(-1);
    const number = new Int32Array(nodes).fill(-1);
    const chosen = new Int32Array(k);
    let found = 0;
    for (let leaf = 0; leaf < n; leaf++) {
      const node = top[leaf];
      if (number[node] < 0) {
        chosen[found] = node;
        number[node] = found++;
      }
      lut[leaf + start] = number[node];
    }
    return { n: k, lut, nodes: chosen };
  }

}

/** Return the box of each of n labels: left, top, right, bottom (the last two beyond). */
export function boxesOf(labels, n, width) {
  const boxes = new Int32Array(4 * n);
  for (let i = 0; i < n; i++) boxes[4 * i] = boxes[4 * i + 1] = 0x7fffffff;
  for (let p = 0, y = 0; p < labels.length; y++) {
    for (let x = 0; x < width; x++, p++) {
      const at = 4 * labels[p];
      if (x < boxes[at]) boxes[at] = x;
      if (y < boxes[at + 1]) boxes[at + 1] = y;
      if (x >= boxes[at + 2]) boxes[at + 2] = x + 1;
      if (y >= boxes[at + 3]) boxes[at + 3] = y + 1;
    }
  }
  return boxes;
}

/** Return mean colours (3 a region) and areas of regions, from those of their parts. */
export function summarize(lut, n, colors, areas) {
  const sums = new Float64Array(3 * n);
  const total = new Float64Array(n);
  for (let i = 0; i < lut.length; i++) {
    const region = lut[i];
    if (region < 0) continue;
    const area = areas[i];
    total[region] += area;
    for (let c = 0; c < 3; c++) sums[3 * region + c] += area * colors[3 * i + c];
  }
  for (let i = 0; i < n; i++) for (let c = 0; c < 3; c++) sums[3 * i + c] /= total[i] || 1;
  return { colors: sums, areas: total };
}
