/** One picture on the stage: the image, what lies over it, and what is pointed at. */

import { pack } from "./colors.js";
import { make } from "./dom.js";
import { Painter } from "./painter.js";
import { summarize } from "./tree.js";

const MOST_PIXELS = 2_400_000;
/** Canvas pixels above which a screen of high resolution is drawn at half of it. */

const REST = 120;
/** Milliseconds without a move after which the view rests. */

/** Return what a painter needs of regions: where they are and their mean colours. */
export function regionsOf(labels, lut, n, colors, areas) {
  const summary = summarize(lut, n, colors, areas);
  const packed = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    packed[i] = pack(Math.round(summary.colors[3 * i]), Math.round(summary.colors[3 * i + 1]), Math.round(summary.colors[3 * i + 2]));
  }
  return { labels, lut, n, packed, areas: summary.areas };
}

export class Pane {
  frame = null;
  tiles = null;
  ratio = 1;
  #pictureStale = true;
  #overlayStale = true;
  #pointed = null;
  #pointedStale = false;
  #asked = 0;
  #resting = 0;

  /**
   * @param {HTMLElement} place
   * @param {Viewport} viewport
   */
  constructor(place, viewport) {
    this.viewport = viewport;
    this.picture = make("canvas", { class: "layer" });
    this.overlay = make("canvas", { class: "layer" });
    this.pointing = make("canvas", { class: "layer" });
    this.element = make("div", { class: "pane" }, this.picture, this.overlay, this.pointing);
    place.append(this.element);
    this.context = this.picture.getContext("2d");
    this.painter = new Painter(this.overlay);
    this.highlighter = new Painter(this.pointing);
    this.drawn = 0;
    this.onChange = () => this.#move();
    viewport.addEventListener("change", this.onChange);
  }

  /** The view moves: quickly drawn frames, and a fine one once it rests. */
  #move() {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => { this.#resting = 0; this.refresh(); }, REST);
    this.invalidate();
  }

  remove() {
    clearTimeout(this.#resting);
    this.viewport.removeEventListener("change", this.onChange);
    cancelAnimationFrame(this.#asked);
    this.element.remove();
  }

  resize() {
    const { clientWidth, clientHeight } = this.element;
    const finest = Math.min(2, window.devicePixelRatio || 1);
    const ratio = this.ratio = clientWidth * clientHeight * finest * finest > MOST_PIXELS ? 1 : finest;
    for (const canvas of [this.picture, this.overlay, this.pointing]) {
      canvas.width = Math.round(clientWidth * ratio);
      canvas.height = Math.round(clientHeight * ratio);
    }
    this.invalidate();
  }

  /** Draw everything anew with the next frame. */
  invalidate() {
    this.#pictureStale = this.#overlayStale = this.#pointedStale = true;
    this.#ask();
  }

  /** Draw what lies over the image anew. */
  repaint() {
    this.#overlayStale = true;
    this.#ask();
  }

  /** Draw the image anew. */
  refresh() {
    this.#pictureStale = true;
    this.#ask();
  }

  /** Point at the pixels that `holds` is true of; nothing with null. */
  point(pointed) {
    if (this.#pointed === null && pointed === null) return;
    this.#pointed = pointed;
    this.#pointedStale = true;
    this.#ask();
  }

  get view() {
    const { scale, x, y } = this.viewport;
    const ratio = this.ratio;
    return { scale: scale * ratio, x: x * ratio, y: y * ratio };
  }

  #ask() {
    if (!this.#asked) this.#asked = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#asked = 0;
    if (!this.frame) return;
    const view = this.view;
    if (this.#pictureStale) this.tiles?.draw(this.context, view, this.#resting !== 0);
    if (this.#overlayStale) {
      this.painter.draw({ ...this.frame(), view });
      this.drawn++;
      this.element.dataset.drawn = this.drawn;
    }
    if (this.#pointedStale) {
      const pointed = this.#pointed;
      const size = { width: this.viewport.width, height: this.viewport.height, view };
      this.highlighter.highlight(size, pointed?.holds ?? null, pointed?.fill, pointed?.line);
      pointed?.draw?.(this.highlighter.context, view, this.ratio);
    }
    this.#pictureStale = this.#overlayStale = this.#pointedStale = false;
  }
}
