/** Look: layers over the image, any number of superpixels, two methods side by side. */

import { number, make } from "./dom.js";

export class Look {
  name = "look";
  hint = "Drag to move, scroll to zoom. The slider below changes the number of superpixels.";

  constructor(app) {
    this.app = app;
    this.compared = null; // {method, k} of the right picture
    this.direct = new Map(); // by "left" and "right": superpixels as the batch makes them
    this.method = "nested";
  }

  enter() {
    this.update();
  }

  leaveMode() {
    if (this.compared) this.compare(false);
  }

  /** Load what the chosen methods need; what is shown stays until it is there. */
  async update(delay = 0) {
    const { app } = this;
    if (!app.scene) return;
    if (app.layers.on("objects")) {
      app.busy(app.scene.loadObjects(app, delay).then((objects) => {
        if (objects) this.objects = objects;
        app.repaint();
      }));
    }
    if (app.layers.on("contour")) app.busy(app.scene.loadContour().then(() => app.repaint()));
    const sides = [["left", this.method, app.k]];
    if (this.compared) sides.push(["right", this.compared.method, this.compared.k]);
    for (const [side, method, k] of sides) {
      if (method === "direct") await app.busy(this.#load(side, k, delay));
      else this.direct.delete(side);
    }
    app.repaint();
  }

  async #load(side, k, delay) {
    const { scene, compactness } = this.app;
    const known = this.direct.get(side);
    if (known?.scene === scene && known.k === k && known.compactness === compactness) return;
    const made = await scene.loadDirect({ k, compactness }, delay);
    if (made && scene === this.app.scene) this.direct.set(side, { ...made, scene, compactness });
  }

  onImage() {
    this.objects = null;
    this.direct.clear();
    this.update();
  }

  onK() {
    this.update(120);
  }

  /** Return the regions of a pane: those of the slider's level, or what the batch makes. */
  regions(pane) {
    const side = pane === this.app.panes[0] ? "left" : "right";
    const method = side === "left" ? this.method : this.compared?.method;
    if (method === "direct") return this.direct.get(side)?.regions ?? null;
    return this.app.scene.level(side === "left" ? this.app.k : this.compared.k);
  }

  frame(pane) {
    return { ...this.app.layers.frame(this.objects), regions: this.regions(pane) };
  }

  compare(on) {
    this.compared = on ? { method: this.method === "nested" ? "direct" : "nested", k: this.app.k } : null;
    this.app.showPanes(on ? 2 : 1);
    this.direct.delete("right");
    this.app.panel();
    this.update();
  }

  panel() {
    const { app } = this;
    const large = app.scene && !app.scene.item.nested; // it has no hierarchy
    const methods = (chosen, choose) => make(
      "select", { onchange: (event) => choose(event.target.value) },
      make("option", { value: "nested", selected: chosen === "nested" }, large ? `${app.session.method}, by blocks` : "nested, every K"),
      !large && make("option", { value: "direct", selected: chosen === "direct" }, `${app.session.method} (batch)`),
    );
    const right = this.compared;
    return [
      make("section", {},
        make("h2", {}, "Superpixels"),
        make("label", { class: "field" }, make("span", {}, right ? "Left" : "Method"),
          methods(this.method, (value) => { this.method = value; this.update(); })),
        make("label", { class: "switch" },
          make("input", { type: "checkbox", id: "compare", checked: Boolean(right), onchange: (event) => this.compare(event.target.checked) }),
          make("span", {}, "Compare side by side")),
        right && make("label", { class: "field" }, make("span", {}, "Right"),
          methods(right.method, (value) => { right.method = value; this.update(); })),
        right && make("label", { class: "field" }, make("span", {}, "Right, K"),
          make("input", {
            type: "number", min: 1, max: app.largest, value: right.k, id: "right-k",
            onchange: (event) => { right.k = app.clampK(Number(event.target.value)); this.update(); },
          })),
        app.compactnessField(),
      ),
      app.layers.section(["borders", "means", "objects", "contour", "mask", "image"]),
      make("section", {}, make("h2", {}, "Image"), this.facts = make("dl", { class: "facts" })),
    ];
  }

  status() {
    const { item } = this.app.scene;
    this.facts?.replaceChildren(...[
      ["Name", item.name], ["Size", `${number.format(item.width)} × ${number.format(item.height)}`],
      ["Prior", this.app.session.prior],
    ].flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]));
  }

  hover(point) {
    this.app.pointRegion(point, this.regions(this.app.panes[0]));
  }

  leave() {
    this.app.point(null);
  }

  press() { return false; }
  click() {}
  wheel() { return false; }
  key() { return false; }
}
