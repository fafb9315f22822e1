/**
 * Draws what lies over an image, at the screen's own resolution: borders stay fine lines at any
 * zoom, and the work depends on the screen, not on the image.
 */


/** Lay a packed colour with alpha `a` (0..255) over another. */
function over(under, color, a) {
  const ua = under >>> 24;
  if (a === 0) return under;
  if (ua === 0 || a === 255) return ((color & 0xffffff) | (a << 24)) >>> 0;
  const left = ua * (255 - a) / 255;
  const out = a + left;
  const mix = (shift) => (((color >>> shift) & 255) * a + ((under >>> shift) & 255) * left) / out;
  return ((out << 24) | (mix(16) << 16) | (mix(8) << 8) | mix(0)) >>> 0;
}

export class Painter {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
  }

  #size() {
    const { width, height } = this.canvas;
    if (this.image?.width === width && this.image?.height === height) {
      this.pixels.fill(0);
      this.marks.fill(0);
      return;
    }
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.regions = new Int32Array(width * height);
    this.lines = new Int32Array(width * height);
    this.marks = new Uint8Array(width * height);
    this.columns = new Int32Array(width);
  }

  /**
   * Draw a frame.
   * @param {Object} frame
   *   `view` {scale, x, y} from image to canvas pixels; `width`, `height` of the image;
   *   `regions` {labels, lut, packed} or null: a pixel's region is lut[labels[pixel]], -1 for none;
   *   layers, each or null: `means` {opacity}, `objects` {values, colors, opacity},
   *   `tint` {values, colors}, `contour` {values, opacity},
   *   `mask` {values, colors, opacity}, `borders` {color, opacity, thickness}.
   */
  draw(frame) {
    if (!this.canvas.width || !this.canvas.height) return;
    this.#size();
    const box = this.#map(frame);
    if (box) {
      if (frame.regions) this.#lookUp(frame, box);
      if (frame.regions && frame.means) this.#means(frame, box);
      for (const layer of ["objects", "tint", "mask"]) if (frame[layer]) this.#values(frame, frame[layer], box);
      if (frame.contour) this.#contour(frame, frame.contour, box);
      if (frame.regions && frame.borders) this.#borders(frame, box);
      if (frame.mask) this.#edges(frame, frame.mask, box);
    }
    this.context.putImageData(this.image, 0, 0);
  }

  /** Find the columns of the image under those of the canvas; null where nothing is in sight. */
  #map({ view, width, height }) {
    const left = Math.max(0, Math.ceil(view.x - 0.5));
    const right = Math.min(this.canvas.width, Math.floor(view.x + width * view.scale - 0.5) + 1);
    const top = Math.max(0, Math.ceil(view.y - 0.5));
    const bottom = Math.min(this.canvas.height, Math.floor(view.y + height * view.scale - 0.5) + 1);
    if (left >= right || top >= bottom) return null;
    for (let x = left; x < right; x++) {
      this.columns[x] = Math.min(width - 1, Math.max(0, Math.floor((x + 0.5 - view.x) / view.scale)));
    }
    return { left, right, top, bottom };
  }

  #row(y, { view, width, height }) {
    return width * Math.min(height - 1, Math.max(0, Math.floor((y + 0.5 - view.y) / view.scale)));
  }

  /** Find each screen pixel's region; rows that show the same row of the image are copied. */
  #lookUp(frame, { left, right, top, bottom }) {
    const { labels, lut } = frame.regions;
    const { regions, columns } = this;
    const stride = this.canvas.width;
    let before = -1;
    for (let y = top; y < bottom; y++) {
      const row = this.#row(y, frame);
      const start = y * stride;
      if (row === before) {
        regions.copyWithin(start + left, start - stride + left, start - stride + right);
        continue;
      }
      before = row;
      for (let x = left; x < right; x++) regions[start + x] = lut[labels[row + columns[x]]];
    }
  }

  #values(frame, { values, colors, opacity = 1 }, { left, right, top, bottom }) {
    const { pixels, columns } = this;
    const stride = this.canvas.width;
    for (let y = top; y < bottom; y++) {
      const row = this.#row(y, frame);
      const start = y * stride;
      for (let x = left; x < right; x++) {
        const color = colors[values[row + columns[x]]];
        if (color) pixels[start + x] = over(pixels[start + x], color, Math.round((color >>> 24) * opacity));
      }
    }
  }

  #contour(frame, { values, opacity }, { left, right, top, bottom }) {
    const { pixels, columns } = this;
    const stride = this.canvas.width;
    for (let y = top; y < bottom; y++) {
      const row = this.#row(y, frame);
      const start = y * stride;
      for (let x = left; x < right; x++) {
        const strength = values[row + columns[x]];
        if (strength > 8) pixels[start + x] = over(pixels[start + x], 0xff40e0, Math.round(strength * opacity));
      }
    }
  }

  #means({ regions: { packed }, means: { opacity } }, { left, right, top, bottom }) {
    const { pixels, regions } = this;
    const a = Math.round(255 * opacity);
    const stride = this.canvas.width;
    for (let y = top; y < bottom; y++) {
      for (let i = y * stride + left; i < y * stride + right; i++) {
        if (regions[i] >= 0) {
          pixels[i] = ((packed[regions[i]] & 0xffffff) | (a << 24)) >>> 0;
        }
      }
    }
  }

  /** Draw lines between regions, with a shadow that keeps them visible on bright ground. */
  #borders({ borders: { color, opacity, thickness } }, { left, right, top, bottom }) {
    const { pixels, regions, marks, lines } = this;
    const stride = this.canvas.width;
    const a = Math.round(255 * opacity);
    const shadow = Math.round(110 * opacity);
    let n = 0;
    for (let y = top; y < bottom; y++) {
      const start = y * stride;
      const up = y - thickness >= top ? thickness * stride : 0;
      for (let i = start + left; i < start + right; i++) {
        const own = regions[i];
        if (own !== regions[i - up] || (i - thickness >= start + left && own !== regions[i - thickness])) {
          marks[i] = 1;
          lines[n++] = i;
        }
      }
    }
    const darken = (i) => {
      if (marks[i]) return;
      marks[i] = 1;
      pixels[i] = over(pixels[i], 0, shadow);
    };
    for (let each = 0; each < n; each++) {
      const i = lines[each];
      const x = i % stride;
      pixels[i] = over(pixels[i], color, a);
      if (x > left) darken(i - 1);
      if (x + 1 < right) darken(i + 1);
      if (i >= (top + 1) * stride) darken(i - stride);
      if (i < (bottom - 1) * stride) darken(i + stride);
    }
  }

  /** Draw the outlines of what is labelled in the classes' full colours. */
  #edges(frame, { values, colors, opacity }, { left, right, top, bottom }) {
    const { pixels, columns } = this;
    const stride = this.canvas.width;
    const a = Math.round(255 * Math.min(1, opacity + 0.35));
    for (let y = top; y < bottom; y++) {
      const row = this.#row(y, frame);
      const above = y - 2 >= top ? this.#row(y - 2, frame) : row;
      for (let x = left; x < right; x++) {
        const own = values[row + columns[x]];
        const beside = values[row + columns[x - 2 >= left ? x - 2 : x]];
        const over_ = values[above + columns[x]];
        if (own !== beside || own !== over_) {
          const color = colors[own || beside || over_];
          if (color) pixels[y * stride + x] = ((color & 0xffffff) | (a << 24)) >>> 0;
        }
      }
    }
  }

  /**
   * Draw what is pointed at: the pixels that `holds(index)` is true of, filled and outlined.
   */
  highlight(frame, holds, fillColor, lineColor) {
    if (!this.canvas.width || !this.canvas.height) return;
    this.#size();
    const box = holds && this.#map(frame);
    if (box) {
      const { pixels, regions, columns } = this;
      const stride = this.canvas.width;
      let before = -1;
      for (let y = box.top; y < box.bottom; y++) {
        const row = this.#row(y, frame);
        const start = y * stride;
        if (row === before) {
          regions.copyWithin(start + box.left, start - stride + box.left, start - stride + box.right);
          continue;
        }
        before = row;
        for (let x = box.left; x < box.right; x++) regions[start + x] = holds(row + columns[x]) ? 1 : 0;
      }
      for (let y = box.top; y < box.bottom; y++) {
        for (let x = box.left; x < box.right; x++) {
          const i = y * stride + x;
          const dx = x - 2 >= box.left ? 2 : 0;
          const dy = y - 2 >= box.top ? 2 * stride : 0;
          if (regions[i] !== regions[i - dx] || regions[i] !== regions[i - dy]) pixels[i] = lineColor;
          else if (regions[i]) pixels[i] = fillColor;
        }
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }
}

