/** Where on the screen an image lies: one zoom and place, shared by panes side by side. */

const LARGEST = 64;
const PADDING = 20;

export class Viewport extends EventTarget {
  scale = 1;
  x = 0;
  y = 0;
  width = 1;
  height = 1;
  #fitted = true;

  /** Show another image, whole. */
  show(width, height) {
    this.width = width;
    this.height = height;
    this.fit();
  }

  /** Say how large a pane is, in CSS pixels. */
  resize(paneWidth, paneHeight) {
    this.paneWidth = paneWidth;
    this.paneHeight = paneHeight;
    if (this.#fitted) this.fit();
    else this.#changed();
  }

  fit() {
    if (!this.paneWidth) return;
    const room = (pane) => Math.max(40, pane - 2 * PADDING);
    this.scale = Math.min(room(this.paneWidth) / this.width, room(this.paneHeight) / this.height, 8);
    this.x = (this.paneWidth - this.width * this.scale) / 2;
    this.y = (this.paneHeight - this.height * this.scale) / 2;
    this.#fitted = true;
    this.#changed();
  }

  get smallest() {
    return Math.min(1, 0.5 * Math.min(this.paneWidth / this.width, this.paneHeight / this.height));
  }

  /** Zoom by a factor and keep the point (x, y) of the pane where it is. */
  zoom(factor, x = this.paneWidth / 2, y = this.paneHeight / 2) {
    const scale = Math.min(LARGEST, Math.max(this.smallest, this.scale * factor));
    const actual = scale / this.scale;
    this.x = x - (x - this.x) * actual;
    this.y = y - (y - this.y) * actual;
    this.scale = scale;
    this.#fitted = false;
    this.#changed();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#fitted = false;
    this.#changed();
  }

  /** Return the image's pixel under a point of the pane; null outside. */
  pixelAt(x, y) {
    const column = Math.floor((x - this.x) / this.scale);
    const row = Math.floor((y - this.y) / this.scale);
    const inside = column >= 0 && row >= 0 && column < this.width && row < this.height;
    return inside ? { x: column, y: row } : null;
  }

  /** Return the place on the pane of a pixel's centre. */
  placeOf(x, y) {
    return { x: this.x + (x + 0.5) * this.scale, y: this.y + (y + 0.5) * this.scale };
  }

  #changed() {
    const visible = 60; // some of the image always stays in sight
    this.x = Math.min(this.paneWidth - visible, Math.max(visible - this.width * this.scale, this.x));
    this.y = Math.min(this.paneHeight - visible, Math.max(visible - this.height * this.scale, this.y));
    this.dispatchEvent(new Event("change"));
  }
}
