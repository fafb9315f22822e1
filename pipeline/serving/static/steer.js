/** Steer: click an object and get more or fewer superpixels there; the number stays exact. */

import { Refused } from "./api.js";
import { pack, tint } from "./colors.js";
import { announce, icon, make, number, press, toast, toolbar, turnButtons } from "./dom.js";
import { Lasso } from "./lasso.js";
import { Points } from "./points.js";

const TOOLS = [
  ["object", "object", "o", "Click an object: more superpixels there; with Shift fewer"],
  ["lasso", "lasso", "a", "Draw around what is to be an object of your own"],
  ["points", "points", "k", "Click on an object and, with Shift, beside it: segment-anything finds it"],
];

const shown = (factor) => (factor >= 1 ? `×${factor}` : { 0.5: "×½", 0.25: "×¼", 0.125: "×⅛" }[factor] ?? `×${factor}`);

export class Steer {
  name = "steer";
  hint = "Click an object for more superpixels there, Shift-click for fewer; or draw one. The number stays K.";
  made = null;
  tool = "object";
  #lasso = null;

  constructor(app) {
    this.app = app;
    this.points = new Points(app, (runs) => this.#draw(runs));
  }

  /** Why this image is not steered; null where it is. */
  get refusal() {
    const { session, scene } = this.app;
    return scene ? scene.item.steering : session.steering;
  }

  enter() {
    if (this.made?.scene !== this.app.scene) this.made = null;
    if (!this.refusal) this.#begin();
  }

  leaveMode() {
    this.#lasso = null;
    this.points.reset();
    this.app.scene?.asking.direct.cancel();
  }

  onImage() {
    this.made = this.#lasso = null;
    this.points.reset();
    if (!this.refusal) this.#begin();
  }

  onK() {
    if (!this.refusal) this.#load(200);
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
    const made = await this.app.busy(scene.loadDirect({ k, compactness, steered: true }, delay));
    if (!made || scene !== this.app.scene) return;
    this.made = { ...made, scene };
    this.app.repaint();
    this.#show();
    announce(`${made.regions.n} superpixels`);
  }

  get objects() {
    return this.made?.objects ?? null;
  }

  frame() {
    const { app, made } = this;
    const frame = app.layers.frame(this.objects);
    const factors = Object.entries(made?.factors ?? {});
    if (factors.length && this.objects) {
      const colors = new Uint32Array(this.objects.n + 1);
      for (const [object, factor] of factors) colors[object] = tint(factor);
      frame.tint = { values: this.objects.values, colors };
    }
    return { ...frame, regions: made?.regions ?? app.scene.level(app.k) };
  }

  panel() {
    const { app } = this;
    if (this.refusal) {
      this.list = null;
      return [make("section", {}, make("h2", {}, "Steer"), make("p", { class: "note" }, this.refusal))];
    }
    const offered = TOOLS.filter(([id]) => id !== "points" || !app.session.points);
    this.toolbar = toolbar(offered, this.tool, (tool) => this.pick(tool));
    this.options = make("div", { class: "options" }, this.tool === "points" && this.points.controls());
    this.list = make("ul", { class: "marks" });
    this.count = make("p", { class: "count", id: "exact-count" });
    [this.undoButton, this.redoButton] = turnButtons((op) => this.turn(op));
    this.clearButton = make("button", { type: "button", id: "clear", onclick: () => this.turn("clear") }, "Clear");
    this.copyButton = make("button", { type: "button", onclick: () => this.#copy() }, icon("copy"), "Copy command");
    this.saveLink = make("a", { class: "button", href: "/api/export/attention.csv", download: "attention.csv" }, icon("download"), "attention.csv");
    queueMicrotask(() => this.#show());
    return [
      make("section", {},
        make("h2", {}, "Exactly K"),
        this.count,
        make("div", { class: "row" }, this.undoButton, this.redoButton, this.clearButton)),
      make("section", {}, make("h2", {}, "Tool"), this.toolbar, this.options),
      make("section", {}, make("h2", {}, "Objects with a factor"), this.list),
      make("section", {},
        make("h2", {}, "Use it"),
        make("p", { class: "note" }, "Every click is saved in the table, and every drawing as a mask, that ", make("code", {}, "spam-pipe segment --attention"), " reads; a batch gives the very superpixels shown here."),
        make("div", { class: "row" }, this.saveLink, this.copyButton)),
      app.layers.section(["borders", "means", "objects", "image"]),
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
    const said = [...scene.marks, ...(state.drawings ?? []).map((each) => ({ ...each, drawn: true }))];
    this.clearButton.disabled = !said.length;
    const file = state.drawings?.length ? "attention.zip" : "attention.csv"; // with the masks
    this.saveLink.href = `/api/export/${file}`;
    this.saveLink.download = this.saveLink.lastChild.textContent = file;
    if (this.made) {
      const exact = this.made.regions.n === this.made.k;
      this.count.replaceChildren(
        make("strong", {}, number.format(this.made.regions.n)),
        exact ? " superpixels, as asked" : ` superpixels; ${number.format(this.made.k)} were asked for`,
      );
    } else this.count.textContent = "computing …";
    const drawn = new Set(said.filter((mark) => mark.drawn).map((mark) => this.#objectAt({ pixel: mark })));
    this.list.replaceChildren(...said.map((mark) => {
      const object = this.#objectAt({ pixel: mark });
      const own = this.made?.perObject[object] ?? 0;
      const how = mark.drawn ? "drawn, " : mark.k === app.k ? "" : `at K = ${number.format(mark.k)}, `;
      return make(
        "li", { onpointerenter: () => this.#pointAt(object), onpointerleave: () => app.point(null) },
        make("span", { class: `factor ${mark.factor >= 1 ? "more" : "fewer"}` }, shown(mark.factor)),
        make("span", { class: "grow" }, !mark.drawn && drawn.has(object) ? "partly covered" : how ? `${how}${number.format(own)}` : `${number.format(own)} superpixels`),
        make("button", { type: "button", class: "small", "aria-label": "fewer", onclick: () => this.#step(mark.x, mark.y, -1) }, "−"),
        make("button", { type: "button", class: "small", "aria-label": "more", onclick: () => this.#step(mark.x, mark.y, 1) }, "+"),
        mark.drawn && make("button", { type: "button", class: "small", "aria-label": "take away", onclick: () => this.#step(mark.x, mark.y, 0) }, icon("close")),
      );
    }));
    if (!said.length) this.list.append(make("li", { class: "empty" }, "None yet: click an object in the picture, or draw one."));
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
    if (!object) return;
    const { values } = this.objects;
    this.app.point({ holds: (i) => values[i] === object, fill: pack(255, 255, 255, 46), line: pack(255, 255, 255, 235) });
  }

  pick(tool) {
    this.tool = tool;
    this.#lasso = null;
    this.points.reset();
    press(this.toolbar, tool);
    this.options?.replaceChildren(...(tool === "points" ? [this.points.controls()] : []));
    announce(`tool: ${tool}`);
  }

  hover(point) {
    if (this.points.waits) return;
    if (this.#lasso) {
      this.#lasso.show(point.pixel);
      return;
    }
    const object = this.#objectAt(point);
    if (!object) {
      this.app.point(null);
      this.app.tell(point.pixel, []);
      return;
    }
    this.#pointAt(object);
    const factor = this.made?.factors[object] ?? 1;
    const own = this.made?.perObject[object];
    this.app.tell(point.pixel, [
      `object ${object}`, shown(factor),
      own === undefined ? null : `${number.format(own)} superpixels`,
    ]);
  }

  leave() {
    if (!this.points.waits && !this.#lasso) this.app.point(null);
  }

  wheel() { return false; }

  press(point) {
    if (this.tool !== "lasso" || !point.pixel || this.refusal) return false;
    this.#lasso = new Lasso(this.app);
    this.#lasso.add(point.pixel);
    return true;
  }

  drag(point) {
    if (point.pixel) this.#lasso?.add(point.pixel);
  }

  release(point) {
    const runs = this.#lasso?.close() ?? [];
    this.#lasso = null;
    if (point && runs.length) this.#draw(runs);
    else if (point?.pixel) this.#click(point); // nothing was enclosed: it was a click
  }

  #draw(runs) {
    const { scene } = this.app;
    this.app.change(`${scene.path}/steering`, { op: "draw", runs }, (answer) => this.#taken(scene, answer));
  }

  click(point) {
    if (!point.pixel || this.refusal) return;
    if (this.tool === "points") this.points.click(point);
    else if (this.tool === "lasso" && point.keys) this.#corner(point.pixel);
    else this.#click(point);
    this.hover(point);
  }

  #corner(pixel) {
    this.#lasso ??= new Lasso(this.app);
    const runs = this.#lasso.corner(pixel);
    if (!runs) return;
    this.#lasso = null;
    if (runs.length) this.#draw(runs);
  }

  #click({ pixel, shift, alt }) {
    this.#step(pixel.x, pixel.y, shift ? -1 : alt ? 0 : 1);
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
    if (this.points.key(event)) return true;
    if (this.#lasso && event.key === "Escape") {
      this.pick(this.tool);
      return true;
    }
    const tool = TOOLS.find((each) => each[2] === event.key.toLowerCase() && !event.ctrlKey && !event.metaKey);
    if (tool && !this.refusal && (tool[0] !== "points" || !this.app.session.points)) {
      this.pick(tool[0]);
      return true;
    }
    const turn = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
    if ((event.ctrlKey || event.metaKey) && turn) {
      this.turn(turn);
      return true;
    }
    return false;
  }
}
