/** Steer: click an object and get more or fewer superpixels there; the number stays exact. */

import { Refused } from "./api.js";
import { pack, tint } from "./colors.js";
import { announce, icon, make, number, toast } from "./dom.js";

const shown = (factor) => (factor >= 1 ? `×${factor}` : { 0.5: "×½", 0.25: "×¼", 0.125: "×⅛" }[factor] ?? `×${factor}`);

export class Steer {
  name = "steer";
  hint = "Click an object for more superpixels there, Shift-click for fewer. The number stays K.";
  made = null;
  objects = null;

  constructor(app) {
    this.app = app;
  }

  enter() {
    if (!this.app.session.steering) this.#begin();
  }

  leaveMode() {
    this.app.scene?.asking.direct.cancel();
  }

  onImage() {
    this.made = this.objects = null;
    if (!this.app.session.steering) this.#begin();
  }

  onK() {
    this.#load(200);
  }

  async #begin() {
    const { scene } = this.app;
    if (!scene) return;
    await this.app.busy(scene.loadSteering());
    this.#show();
    await this.#load();
  }

  /** Compute superpixels with the factors; the last picture stays until they are there. */
  async #load(delay = 0) {
    const { scene, k, compactness } = this.app;
    const objects = scene.loadObjects(k, delay).then((found) => {
      if (found && scene === this.app.scene) this.objects = found;
      this.app.repaint();
    });
    const made = await this.app.busy(scene.loadDirect({ k, compactness, steered: true }, delay));
    await objects;
    if (!made || scene !== this.app.scene) return;
    this.made = made;
    if (made.objects) this.objects = made.objects;
    this.app.repaint();
    this.#show();
    announce(`${made.regions.n} superpixels`);
  }

  /** Return each object's factor, by the last word of the marks in it. */
  #factors() {
    const { scene } = this.app;
    const found = new Map();
    if (!this.objects) return found;
    const marks = [...scene.marks].sort((a, b) => a.k - b.k);
    for (const mark of marks) {
      const object = this.objects.values[mark.y * scene.item.width + mark.x];
      if (object) found.set(object, mark);
    }
    return found;
  }

  frame() {
    const { app } = this;
    const frame = app.layersFrame(this.objects);
    const factors = this.#factors();
    if (factors.size) {
      const colors = new Uint32Array(this.objects.n + 1);
      for (const [object, mark] of factors) colors[object] = tint(mark.factor);
      frame.tint = { values: this.objects.values, colors };
    }
    return { ...frame, regions: this.made?.regions ?? app.scene.level(app.k) };
  }

  panel() {
    const { app } = this;
    if (app.session.steering) {
      return [make("section", {}, make("h2", {}, "Steer"), make("p", { class: "note" }, app.session.steering))];
    }
    this.list = make("ul", { class: "marks" });
    this.count = make("p", { class: "count", id: "exact-count" });
    this.undoButton = make("button", { type: "button", id: "undo", onclick: () => this.turn("undo") }, icon("undo"), "Undo");
    this.redoButton = make("button", { type: "button", id: "redo", onclick: () => this.turn("redo") }, icon("redo"), "Redo");
    this.clearButton = make("button", { type: "button", id: "clear", onclick: () => this.turn("clear") }, "Clear");
    this.copyButton = make("button", { type: "button", onclick: () => this.#copy() }, icon("copy"), "Copy command");
    this.saveLink = make("a", { class: "button", href: "/api/export/attention.csv", download: "attention.csv" }, icon("download"), "attention.csv");
    queueMicrotask(() => this.#show());
    return [
      make("section", {},
        make("h2", {}, "Exactly K"),
        this.count,
        make("div", { class: "row" }, this.undoButton, this.redoButton, this.clearButton)),
      make("section", {}, make("h2", {}, "Objects with a factor"), this.list),
      make("section", {},
        make("h2", {}, "Use it"),
        make("p", { class: "note" }, "Every click is saved in the table that ", make("code", {}, "spam-pipe segment --attention"), " reads; a batch gives the very superpixels shown here."),
        make("div", { class: "row" }, this.saveLink, this.copyButton)),
      app.layersSection(["borders", "means", "objects", "image"]),
    ];
  }

  #show() {
    if (!this.list) return;
    const { app } = this;
    const { scene } = app;
    if (!scene) return;
    const state = scene.steering ?? {};
    this.undoButton.disabled = !state.can_undo;
    this.redoButton.disabled = !state.can_redo;
    this.clearButton.disabled = !scene.marks.length;
    if (this.made) {
      const exact = this.made.regions.n === this.made.k;
      this.count.replaceChildren(
        make("strong", {}, number.format(this.made.regions.n)),
        exact ? " superpixels, as asked" : ` superpixels; ${number.format(this.made.k)} were asked for`,
      );
    } else this.count.textContent = "computing …";
    const factors = [...this.#factors()];
    this.list.replaceChildren(...factors.map(([object, mark]) => make(
      "li", {
        onpointerenter: () => this.#pointAt(object), onpointerleave: () => app.point(null),
      },
      make("span", { class: `factor ${mark.factor >= 1 ? "more" : "fewer"}` }, shown(mark.factor)),
      make("span", { class: "grow" }, `${number.format(this.made?.perObject[object] ?? 0)} superpixels`),
      make("button", { type: "button", class: "small", "aria-label": "fewer", onclick: () => this.#step(mark.x, mark.y, -1) }, "−"),
      make("button", { type: "button", class: "small", "aria-label": "more", onclick: () => this.#step(mark.x, mark.y, 1) }, "+"),
    )));
    if (!factors.length) this.list.append(make("li", { class: "empty" }, "None yet: click an object in the picture."));
  }

  status() {
    this.#show();
  }

  async #copy() {
    const { session, k } = this.app;
    const command = `spam-pipe segment --run ${session.run} -k ${k} --attention ${session.table}`;
    await navigator.clipboard.writeText(command).then(() => toast("Copied"), () => toast(command));
  }

  #objectAt(point) {
    if (!point.pixel || !this.objects) return 0;
    return this.objects.values[point.pixel.y * this.app.scene.item.width + point.pixel.x];
  }

  #pointAt(object) {
    const { values } = this.objects;
    this.app.point({ holds: (i) => values[i] === object, fill: pack(255, 255, 255, 46), line: pack(255, 255, 255, 235) });
  }

  hover(point) {
    const object = this.#objectAt(point);
    if (!object) {
      this.app.point(null);
      this.app.tell(point.pixel, []);
      return;
    }
    this.#pointAt(object);
    const mark = this.#factors().get(object);
    const own = this.made?.perObject[object];
    this.app.tell(point.pixel, [
      `object ${object}`, mark ? shown(mark.factor) : "×1",
      own === undefined ? null : `${number.format(own)} superpixels`,
    ]);
  }

  leave() {
    this.app.point(null);
  }

  press() { return false; }
  wheel() { return false; }

  click(point) {
    if (!point.pixel || this.app.session.steering) return;
    this.#step(point.pixel.x, point.pixel.y, point.shift ? -1 : point.alt ? 0 : 1);
    this.hover(point);
  }

  #step(x, y, direction) {
    const { scene, k } = this.app;
    this.app.change(`${scene.path}/steering`, { op: "click", x, y, k, direction }, (answer) => this.#taken(scene, answer));
  }

  turn(op) {
    const { scene } = this.app;
    this.app.change(`${scene.path}/steering`, { op }, (answer) => this.#taken(scene, answer));
  }

  #taken(scene, answer) {
    scene.steering = answer;
    scene.marks = answer.marks;
    if (scene !== this.app.scene || this.app.mode !== this) return;
    this.#show();
    this.app.repaint();
    this.#load().catch((error) => { if (!(error instanceof Refused)) throw error; });
  }

  /** Another tab changed the factors. */
  async onNews() {
    await this.#begin();
  }

  key(event) {
    const turn = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
    if ((event.ctrlKey || event.metaKey) && turn) {
      this.turn(turn);
      return true;
    }
    return false;
  }
}
