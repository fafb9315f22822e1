/**
 * Pointers on the stage: mouse, pen and fingers become clicks, drags, pans and zooms.
 *
 * The middle and the right button, the space bar and two fingers always move the picture. What
 * the left button or one finger does, the mode says.
 */

const STILL = 4;
/** Pixels that a pointer may move and still click. */

export class Pointers {
  #down = new Map();
  #act = null;
  space = false;

  /**
   * @param {HTMLElement} stage
   * @param {Viewport} viewport
   * @param {() => Object} mode with `hover(point)`, `leave()`, `press(point)` (true: it is a drag),
   *   `drag(point)`, `release(point)`, `click(point)`, `wheel(point, direction)` (true: taken)
   */
  constructor(stage, viewport, mode) {
    this.stage = stage;
    this.viewport = viewport;
    this.mode = mode;
    stage.addEventListener("pointerdown", (event) => this.#press(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    stage.addEventListener("pointerup", (event) => this.#lift(event));
    stage.addEventListener("pointercancel", (event) => this.#lift(event, true));
    stage.addEventListener("pointerleave", () => this.#down.size || this.mode().leave());
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #point(event) {
    const boxes = [...this.stage.querySelectorAll(".pane")].map((pane) => pane.getBoundingClientRect());
    const box = boxes.find((each) => event.clientX >= each.left && event.clientX < each.right) ?? boxes[0];
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    return {
      x, y, pixel: this.viewport.pixelAt(x, y), shift: event.shiftKey, alt: event.altKey,
      touch: event.pointerType === "touch", clientX: event.clientX, clientY: event.clientY,
    };
  }

  #press(event) {
    if (event.target.closest("button, input, label, select")) return;
    this.stage.focus({ preventScroll: true });
    // A synthetic pointer is none that the browser can capture.
    try { this.stage.setPointerCapture(event.pointerId); } catch { /* moves arrive all the same */ }
    const point = this.#point(event);
    this.#down.set(event.pointerId, point);
    if (this.#down.size === 2) {
      if (this.#act?.kind === "drag") this.mode().release(null);
      this.#act = { kind: "pinch", ...this.#pair() };
      return;
    }
    const pans = event.button !== 0 || this.space;
    if (!pans && this.mode().press(point)) this.#act = { kind: "drag" };
    else this.#act = { kind: pans ? "pan" : "maybe", from: point, last: point };
  }

  #pair() {
    const [a, b] = [...this.#down.values()];
    return { middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, far: Math.hypot(a.x - b.x, a.y - b.y) || 1 };
  }

  #move(event) {
    const point = this.#point(event);
    if (!this.#down.has(event.pointerId)) {
      if (event.pointerType !== "touch") this.mode().hover(point);
      return;
    }
    this.#down.set(event.pointerId, point);
    const act = this.#act;
    if (act?.kind === "pinch" && this.#down.size === 2) {
      const now = this.#pair();
      this.viewport.pan(now.middle.x - act.middle.x, now.middle.y - act.middle.y);
      this.viewport.zoom(now.far / act.far, now.middle.x, now.middle.y);
      Object.assign(act, now);
    } else if (act?.kind === "drag") this.mode().drag(point);
    else if (act?.kind === "pan" || act?.kind === "maybe") {
      const { from } = act;
      if (act.kind === "maybe" && Math.hypot(point.clientX - from.clientX, point.clientY - from.clientY) > STILL) {
        act.kind = "pan";
      }
      if (act.kind === "pan") {
        this.viewport.pan(point.clientX - act.last.clientX, point.clientY - act.last.clientY);
        act.last = point;
      }
    }
  }

  #lift(event, cancelled = false) {
    if (!this.#down.delete(event.pointerId)) return;
    const act = this.#act;
    if (this.#down.size) return;
    this.#act = null;
    if (act?.kind === "drag") this.mode().release(cancelled ? null : this.#point(event));
    else if (act?.kind === "maybe" && !cancelled) this.mode().click(this.#point(event));
  }

  #wheel(event) {
    event.preventDefault();
    const point = this.#point(event);
    const pinching = event.ctrlKey || event.metaKey;
    if (!pinching && this.mode().wheel(point, Math.sign(event.deltaY))) return;
    const step = event.deltaMode === 1 ? 16 : 1;
    const speed = pinching ? 0.01 : 0.0018;
    this.viewport.zoom(Math.exp(-event.deltaY * step * speed), point.x, point.y);
  }
}
