/** The image itself: tiles of the resolution that the screen shows, coarser ones meanwhile. */

import { getBlob } from "./api.js";

const KEPT = 240;
const AT_ONCE = 6;

export class Tiles {
  #tiles = new Map();
  #wanted = [];
  #running = 0;
  #settleFirst;

  /**
   * @param {Object} item `id`, `width`, `height`, `levels`, `tile` of the server
   * @param {() => void} arrived called when a tile can be drawn
   */
  constructor(item, arrived) {
    this.item = item;
    this.arrived = arrived;
    this.ending = new AbortController();
    /** Settled once a tile is there, or none can be had. */
    this.first = new Promise((settle) => { this.#settleFirst = settle; });
  }

  close() {
    this.ending.abort();
    for (const each of this.#tiles.values()) each.bitmap?.close();
    this.#tiles.clear();
  }

  #get(level, row, column) {
    const key = `${level}/${row}/${column}`;
    let tile = this.#tiles.get(key);
    if (!tile) {
      tile = { key, bitmap: null };
      this.#tiles.set(key, tile);
      this.#wanted.push(tile);
    } else {
      this.#tiles.delete(key); // the most recently used ones are last
      this.#tiles.set(key, tile);
    }
    return tile;
  }

  async #load() {
    while (this.#running < AT_ONCE && this.#wanted.length) {
      const tile = this.#wanted.pop();
      this.#running++;
      getBlob(`/api/items/${this.item.id}/tiles/${tile.key}`, this.ending.signal)
        .then(createImageBitmap)
        .then((bitmap) => { tile.bitmap = bitmap; })
        .catch(() => this.#tiles.delete(tile.key))
        .finally(() => {
          this.#running--;
          this.#settleFirst();
          if (this.ending.signal.aborted) return;
          this.#load();
          this.arrived();
        });
    }
  }

  /**
   * Draw what is in sight.
   * @param {CanvasRenderingContext2D} context
   * @param {Object} view {scale, x, y} from image to canvas pixels
   * @param {boolean} moving whether another frame follows at once: then speed matters more
   */
  draw(context, view, moving) {
    const { canvas } = context;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = view.scale < 3;
    context.imageSmoothingQuality = moving ? "low" : "high";
    const coarsest = this.item.levels - 1;
    const finest = Math.min(coarsest, Math.max(0, Math.floor(Math.log2(1 / view.scale))));
    const seen = this.#seen(context, view, finest);
    // Coarse tiles stand in for what is not there yet.
    if (seen.some(({ bitmap }) => !bitmap)) this.#paint(context, view, this.#seen(context, view, coarsest));
    this.#paint(context, view, seen);
    this.#load();
    for (const [key, tile] of this.#tiles) {
      if (this.#tiles.size <= KEPT) break;
      tile.bitmap?.close();
      this.#tiles.delete(key);
    }
  }

  /** Return the tiles of a level that are in sight, with their places in the image. */
  #seen(context, view, level) {
    const { width, height, tile } = this.item;
    const edge = tile * 2 ** level;
    const first = (offset) => Math.max(0, Math.floor(-offset / view.scale / edge));
    const last = (offset, size, side) =>
      Math.min(Math.ceil(side / edge) - 1, Math.floor((size - offset) / view.scale / edge));
    const found = [];
    for (let row = first(view.y); row <= last(view.y, context.canvas.height, height); row++) {
      for (let column = first(view.x); column <= last(view.x, context.canvas.width, width); column++) {
        const [x, y] = [column * edge, row * edge];
        const { bitmap } = this.#get(level, row, column);
        found.push({ bitmap, x, y, width: Math.min(edge, width - x), height: Math.min(edge, height - y) });
      }
    }
    return found;
  }

  #paint(context, view, tiles) {
    for (const { bitmap, x, y, width, height } of tiles) {
      if (bitmap) context.drawImage(bitmap, view.x + x * view.scale, view.y + y * view.scale, width * view.scale, height * view.scale);
    }
  }

  /** True once nothing is on its way. */
  get settled() {
    return this.#running === 0 && this.#wanted.length === 0;
  }
}
