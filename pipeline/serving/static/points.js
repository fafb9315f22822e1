/** Segment-anything: clicks on an object, and beside it, become its mask. */

import { getPacked, Latest, Refused } from "./api.js";
import { pack } from "./colors.js";
import { icon, make, toast } from "./dom.js";
import { runsWhere } from "./runs.js";

export class Points {
  #points = [];
  #mask = null;
  #asking = new Latest();

  /** @param {(runs: number[]) => void} take what becomes of a mask that is taken */
  constructor(app, take) {
    this.app = app;
    this.take = take;
  }

  get waits() {
    return this.#points.length > 0;
  }

  reset() {
    this.#points = [];
    this.#mask = null;
    this.#asking.cancel();
    this.app.point(null);
  }

  /** Take a click on the object; with Shift one beside it. */
  click(point) {
    if (!point.pixel) return;
    this.#points.push([point.pixel.x, point.pixel.y, point.shift ? 0 : 1]);
    this.#ask();
  }

  async #ask() {
    const { scene } = this.app;
    const path = `${scene.path}/pointed?points=${this.#points.flat().join(",")}`;
    this.#show();
    const asked = this.#asking.run((signal) => getPacked(path, signal)).catch((error) => {
      if (!(error instanceof Refused)) throw error;
      toast(error.message, "bad");
      return null;
    });
    const found = await this.app.busy(asked);
    if (!found || scene !== this.app.scene) return;
    this.#mask = found.arrays.mask;
    this.#show();
  }

  #show() {
    const mask = this.#mask;
    const points = this.#points;
    this.app.point({
      holds: mask && ((i) => mask[i]), fill: pack(255, 255, 255, 90), line: pack(255, 255, 255, 240),
      draw: (context, view, ratio) => {
        for (const [x, y, on] of points) {
          context.beginPath();
          context.arc(view.x + (x + 0.5) * view.scale, view.y + (y + 0.5) * view.scale, 5 * ratio, 0, 7);
          context.fillStyle = on ? "#0a8f4e" : "#c62828";
          context.fill();
          context.lineWidth = 2 * ratio;
          context.strokeStyle = "#fff";
          context.stroke();
        }
      },
    });
  }

  /** Give the mask away and begin anew. */
  accept() {
    const mask = this.#mask;
    if (!mask) return;
    const { width, height } = this.app.scene.item;
    const runs = runsWhere((i) => mask[i], width, { left: 0, top: 0, right: width, bottom: height });
    this.reset();
    if (runs.length) this.take(runs);
  }

  /** Return the buttons, for those without keys. */
  controls() {
    return make("div", { class: "row" },
      make("button", { type: "button", id: "take", onclick: () => this.accept() }, icon("check"), "Take the mask"),
      make("button", { type: "button", id: "drop", onclick: () => this.reset() }, "Drop it"));
  }

  /**
   * Enter takes the mask, Escape drops it, Backspace its last point. At the keyboard's own pointer
   * Alt + Enter is one more click on the object, Shift + Enter one beside it.
   */
  key(event) {
    if (!this.waits) return false;
    if (event.key === "Escape") this.reset();
    else if (event.key === "Enter" && !event.shiftKey && !event.altKey && !event.target.closest("button")) this.accept();
    else if (event.key === "Backspace") {
      this.#points.pop();
      if (this.waits) this.#ask();
      else this.reset();
    } else return false;
    return true;
  }
}
