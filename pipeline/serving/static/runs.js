/** Sets of pixels as runs [start, length, start, length …] in raster order. */

/** Return the runs of the pixels that `holds(index)` is true of, within a box of the image. */
export function runsWhere(holds, width, box) {
  const runs = [];
  for (let y = box.top; y < box.bottom; y++) {
    let begun = -1;
    const end = y * width + box.right;
    for (let i = y * width + box.left; i < end; i++) {
      if (holds(i)) {
        if (begun < 0) begun = i;
      } else if (begun >= 0) {
        runs.push(begun, i - begun);
        begun = -1;
      }
    }
    if (begun >= 0) runs.push(begun, end - begun);
  }
  return runs;
}

/** Return the runs of a disk, cut at the image's edges. */
export function runsOfDisk(x, y, radius, width, height) {
  const runs = [];
  const top = Math.max(0, Math.ceil(y - radius));
  const bottom = Math.min(height - 1, Math.floor(y + radius));
  for (let row = top; row <= bottom; row++) {
    const half = Math.sqrt(Math.max(0, radius * radius - (row - y) ** 2));
    const left = Math.max(0, Math.ceil(x - half));
    const right = Math.min(width - 1, Math.floor(x + half));
    if (right >= left) runs.push(row * width + left, right - left + 1);
  }
  return runs;
}

/** Return the runs of several sets together: ascending, none overlapping. */
export function union(sets) {
  const pairs = [];
  for (const runs of sets) for (let i = 0; i < runs.length; i += 2) pairs.push([runs[i], runs[i + 1]]);
  pairs.sort((a, b) => a[0] - b[0]);
  const found = [];
  for (const [start, length] of pairs) {
    const last = found.length - 2;
    if (last >= 0 && start <= found[last] + found[last + 1]) {
      found[last + 1] = Math.max(found[last + 1], start + length - found[last]);
    } else found.push(start, length);
  }
  return found;
}

/** Return the runs of the pixels inside a closed polygon of points [x, y]. */
export function runsOfPolygon(points, width, height) {
  const runs = [];
  const ys = points.map((point) => point[1]);
  const top = Math.max(0, Math.floor(Math.min(...ys)));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(...ys)));
  for (let row = top; row <= bottom; row++) {
    const middle = row + 0.5;
    const cuts = [];
    for (let i = 0; i < points.length; i++) {
      const [ax, ay] = points[i];
      const [bx, by] = points[(i + 1) % points.length];
      if ((ay <= middle) !== (by <= middle)) cuts.push(ax + (middle - ay) / (by - ay) * (bx - ax));
    }
    cuts.sort((a, b) => a - b);
    for (let i = 0; i + 1 < cuts.length; i += 2) {
      const left = Math.max(0, Math.ceil(cuts[i] - 0.5));
      const right = Math.min(width - 1, Math.ceil(cuts[i + 1] - 0.5) - 1);
      if (right >= left) runs.push(row * width + left, right - left + 1);
    }
  }
  return runs;
}

/** Set the pixels of runs in an array to a value. */
export function fill(values, runs, value) {
  for (let i = 0; i < runs.length; i += 2) values.fill(value, runs[i], runs[i] + runs[i + 1]);
}
