/** A region that is drawn around. */

import { runsOfPolygon } from "./runs.js";

export class Lasso {
  #points = [];

  constructor(app) {
    this.app = app;
  }

  /** Go on to a pixel. */
  add(pixel) {
    this.#points.push([pixel.x + 0.5, pixel.y + 0.5]);
    this.show();
  }

  /** Add a corner by the keyboard; the last one once more closes: the runs are returned then. */
  corner(pixel) {
    const [x, y] = this.#points.at(-1) ?? [];
    if (x === pixel.x + 0.5 && y === pixel.y + 0.5) return this.close();
    this.add(pixel);
    return null;
  }

  /** Show the region so far, and what it would be with one more pixel. */
  show(pixel = null) {
    const points = pixel ? [...this.#points, [pixel.x + 0.5, pixel.y + 0.5]] : this.#points;
    this.app.point({
      holds: null,
      draw: (context, view, ratio) => {
        context.beginPath();
        for (const [x, y] of points) context.lineTo(view.x + x * view.scale, view.y + y * view.scale);
        context.closePath();
        context.fillStyle = "rgb(255 255 255 / 0.25)";
        context.fill();
        context.lineWidth = 2 * ratio;
        context.strokeStyle = "#fff";
        context.stroke();
      },
    });
  }

  /** Return the runs of the pixels inside; none where nothing is enclosed. */
  close() {
    const { width, height } = this.app.scene.item;
    this.app.point(null);
    return runsOfPolygon(this.#points, width, height);
  }
}
