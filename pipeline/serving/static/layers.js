/** What lies over the image: which layers are on, how strongly, and in which colours. */

import { fromHex, pack } from "./colors.js";
import { make } from "./dom.js";

const LAYERS = {
  borders: { text: "Borders", on: true, opacity: 0.9 },
  means: { text: "Mean colours", on: false, opacity: 1 },
  objects: { text: "Prior's objects", on: false, opacity: 0.45 },
  contour: { text: "Contour strength", on: false, opacity: 0.9 },
  mask: { text: "Labels", on: true, opacity: 0.45 },
  image: { text: "Image", on: true, opacity: 1 },
};
const LINES = { yellow: [255, 222, 40], white: [255, 255, 255], cyan: [0, 229, 255], magenta: [255, 64, 200] };

export class Layers {
  #layers = structuredClone(LAYERS);
  #line = "yellow";

  constructor(app) {
    this.app = app;
    this.#recall();
  }

  on(name) {
    return this.#layers[name].on;
  }

  /** Return the layers that are on, as a painter takes them. */
  frame(objects) {
    const layers = this.#layers;
    const { scene, panes, mode } = this.app;
    const on = (name) => this.on(name);
    const thick = Math.max(1, Math.round(1.25 * panes[0].ratio));
    const mask = scene.mask && on("mask") && mode.name !== "steer";
    return {
      borders: on("borders") ? { color: pack(...LINES[this.#line]), opacity: layers.borders.opacity, thickness: thick } : null,
      means: on("means") ? { opacity: layers.means.opacity } : null,
      objects: on("objects") && objects && mode.name !== "label" ? { ...objects, opacity: layers.objects.opacity } : null,
      contour: on("contour") && scene.contour && mode.name === "look" ? { values: scene.contour, opacity: layers.contour.opacity } : null,
      mask: mask ? { values: scene.mask, colors: this.#classColors(), opacity: layers.mask.opacity } : null,
    };
  }

  #classColors() {
    const colors = new Uint32Array(65536).fill(pack(128, 128, 128));
    colors[0] = 0;
    for (const each of this.app.session.classes) colors[each.number] = fromHex(each.color);
    return colors;
  }

  /** Return the controls of some layers. */
  section(names) {
    const rows = names.map((name) => {
      const layer = this.#layers[name];
      const change = () => {
        this.#remember();
        this.dim();
        this.app.repaint();
        if (this.app.mode.name === "look") this.app.mode.update();
      };
      const opacity = make("input", {
        type: "range", min: 0, max: 1, step: 0.05, value: layer.opacity, "aria-label": `${layer.text}: opacity`,
        oninput: (event) => { layer.opacity = Number(event.target.value); this.dim(); this.app.repaint(); }, onchange: change,
      });
      return make("li", {},
        make("label", { class: "switch" },
          make("input", { type: "checkbox", id: `layer-${name}`, checked: layer.on, onchange: (event) => { layer.on = event.target.checked; change(); } }),
          make("span", {}, layer.text)),
        opacity);
    });
    const swatches = Object.keys(LINES).map((name) => make("button", {
      type: "button", class: `swatch ${name}`, "aria-label": `${name} borders`, "aria-pressed": String(this.#line === name),
      onclick: (event) => {
        this.#line = name;
        for (const each of event.currentTarget.parentElement.children) each.setAttribute("aria-pressed", String(each === event.currentTarget));
        this.#remember();
        this.app.repaint();
      },
    }));
    return make("section", {}, make("h2", {}, "Layers"), make("ul", { class: "layers" }, ...rows),
      make("div", { class: "swatches", role: "group", "aria-label": "Colour of borders" }, ...swatches));
  }

  /** Show the image as its own layer says. */
  dim() {
    const { on, opacity } = this.#layers.image;
    for (const pane of this.app.panes) pane.picture.style.opacity = on ? opacity : 0;
  }

  #recall() {
    try {
      const kept = JSON.parse(localStorage.getItem("spam-pipe-view") ?? "{}");
      for (const [name, layer] of Object.entries(kept.layers ?? {})) {
        if (name in this.#layers) Object.assign(this.#layers[name], { on: Boolean(layer.on), opacity: Number(layer.opacity) });
      }
      if (kept.line in LINES) this.#line = kept.line;
    } catch { /* what was kept is of no use */ }
  }

  #remember() {
    const layers = Object.fromEntries(Object.entries(this.#layers).map(([name, { on, opacity }]) => [name, { on, opacity }]));
    try {
      localStorage.setItem("spam-pipe-view", JSON.stringify({ layers, line: this.#line }));
    } catch { /* nothing is kept then */ }
  }
}
