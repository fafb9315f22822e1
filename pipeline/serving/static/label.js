/** Label: classes painted by superpixels of any level, objects, look-alikes or pixels. */

import { alike } from "./alike.js";
import { fromHex, pack } from "./colors.js";
import { announce, icon, make, number, press, toast, toolbar, turnButtons } from "./dom.js";
import { Lasso } from "./lasso.js";
import { Points } from "./points.js";
import { fill, runsOfDisk, runsWhere, union } from "./runs.js";

const COLORS = ["#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008f8f", "#f032e6", "#8a9a00", "#b5651d", "#0aa5d8", "#c71585", "#556b2f"];

const TOOLS = [
  ["superpixel", "superpixels", "p", "Click or drag over superpixels"],
  ["object", "object", "o", "Fill a whole object"],
  ["similar", "similar", "g", "Click, then slide how alike superpixels must be"],
  ["lasso", "lasso", "a", "Draw around a region"],
  ["points", "points", "k", "Click on an object and, with Shift, beside it: segment-anything finds its mask"],
  ["brush", "brush", "b", "Paint pixels"],
  ["erase", "erase", "x", "Erase superpixels; with Alt any tool erases"],
];

export class Label {
  name = "label";
  hint = "Click or drag to paint superpixels. The wheel makes them coarser or finer.";
  tool = "superpixel";
  chosen = 1;
  radius = 6;
  threshold = 0.25;
  #stroke = null;
  #similar = null;
  #naming = null;
  #corners = null; // of a lasso drawn by the keyboard
  #last = null;

  constructor(app) {
    this.app = app;
    this.points = new Points(app, (runs) => this.#takeMask(runs, "points"));
  }

  get classes() {
    return this.app.session.classes;
  }

  enter() {
    this.onImage();
  }

  leaveMode() {
    this.#similar = this.#corners = null;
    this.points.reset();
  }

  async onImage() {
    this.#similar = this.#stroke = this.#corners = null;
    this.points.reset();
    const { scene } = this.app;
    if (!scene) return;
    if (!scene.mask) await this.app.busy(this.#reload(scene));
    this.#show();
    this.app.repaint();
    if (this.tool === "object") this.onK();
  }

  async #reload(scene) {
    if (this.app.outbox.waitsFor(`${scene.path}/mask`)) return;
    await scene.loadMask();
  }

  onK() {
    if (this.tool === "object") {
      this.app.busy(this.app.scene.loadObjects(this.app, 100).then((found) => { if (found) this.objects = found; }));
    }
    if (this.#similar) this.#findSimilar();
    if (this.#last) this.hover(this.#last);
  }

  get regions() {
    return this.app.scene.level(this.app.k);
  }

  frame() {
    return { ...this.app.layers.frame(this.objects), regions: this.regions };
  }

  panel() {
    const { app } = this;
    this.list = make("ul", { class: "classes", "aria-label": "Classes" });
    [this.undoButton, this.redoButton] = turnButtons((op) => this.turn(op));
    this.progress = make("p", { class: "note", id: "labelled-share" });
    this.place = make("code", { id: "mask-place" });
    const name = make("input", { type: "text", placeholder: "new class", maxLength: 80, "aria-label": "Name of a new class", id: "new-class" });
    const form = make("form", { class: "row", onsubmit: (event) => {
      event.preventDefault();
      if (name.value.trim()) this.#addClass(name.value.trim());
      name.value = "";
    } }, name, make("button", { type: "submit", "aria-label": "Add the class" }, icon("plus")));
    const offered = TOOLS.filter(([id]) => id !== "points" || !app.session.points);
    this.toolbar = toolbar(offered, this.tool, (tool) => this.pick(tool));
    this.options = make("div", { class: "options" });
    queueMicrotask(() => { this.#show(); this.#showOptions(); });
    return [
      make("section", {}, make("h2", {}, "Classes"), this.list, form),
      make("section", {}, make("h2", {}, "Tool"), this.toolbar, this.options,
        make("div", { class: "row" }, this.undoButton, this.redoButton)),
      make("section", {}, make("h2", {}, "This image"), this.progress,
        make("p", { class: "note" }, "Saved at every action as ", this.place),
        make("details", { class: "menu" }, make("summary", { class: "button" }, icon("download"), "Export"),
          make("div", { class: "column" },
            ...[["masks.zip", "Masks of all images (PNG)"], ["coco.json", "COCO (run lengths)"],
              ["geotiff.zip", "GeoTIFF, where images are"], ["clicks.csv", "Log of clicks with times"]]
              .map(([kind, text]) => make("a", { href: `/api/export/${kind}`, download: kind }, text))),
        )),
      app.layers.section(["mask", "borders", "means", "image"]),
    ];
  }

  pick(tool) {
    this.tool = tool;
    this.#similar = this.#corners = null;
    this.points.reset();
    this.app.point(null);
    press(this.toolbar, tool);
    this.#showOptions();
    if (tool === "object") this.onK();
    announce(`tool: ${tool}`);
  }

  #showOptions() {
    if (!this.options) return;
    const slider = (id, text, value, min, max, step, act) => make("label", { class: "field" },
      make("span", {}, text),
      make("input", { type: "range", id, min, max, step, value, oninput: (event) => act(Number(event.target.value)) }));
    const found = [];
    if (this.tool === "brush") found.push(slider("brush-size", "Size", this.radius, 1, 60, 1, (value) => { this.radius = value; }));
    if (this.tool === "similar") {
      found.push(
        slider("similarity", "Look-alikes", this.threshold, 0, 1, 0.01, (value) => { this.threshold = value; this.#findSimilar(); }),
        make("button", { type: "button", id: "apply", onclick: () => this.#applySimilar() }, icon("check"), "Give them the class"));
    }
    if (this.tool === "points") found.push(this.points.controls());
    this.options.replaceChildren(...found);
  }

  #show() {
    const { scene } = this.app;
    if (!this.list || !scene) return;
    const counts = scene.labelled?.counts ?? {};
    const total = scene.item.width * scene.item.height;
    const share = (pixels) => {
      const percent = 100 * pixels / total;
      return pixels === 0 ? "" : percent < 0.1 ? "<0.1 %" : `${percent.toFixed(1)} %`;
    };
    this.list.replaceChildren(...this.classes.map((each, index) => {
      const color = make("input", { type: "color", value: each.color, "aria-label": `Colour of ${each.name}` });
      color.addEventListener("change", () => this.#edit(each.number, { color: color.value }));
      const name = make("input", { type: "text", class: "plain", value: each.name, maxLength: 80, "aria-label": `Name of class ${each.number}` });
      name.addEventListener("change", () => this.#edit(each.number, { name: name.value.trim() || each.name }));
      name.addEventListener("focus", () => this.choose(each.number, false));
      const select = make("button", {
        type: "button", class: "key", "aria-label": `Paint ${each.name}`,
        "aria-pressed": String(each.number === this.chosen), onclick: () => this.choose(each.number),
      }, index < 9 ? String(index + 1) : "·");
      return make("li", {
        "data-selected": String(each.number === this.chosen), "data-class": each.number,
        onclick: (event) => { if (event.target.tagName !== "INPUT") this.choose(each.number); },
      }, select, color, name, make("span", { class: "share" }, share(counts[each.number] ?? 0)));
    }));
    if (!this.classes.length) this.list.append(make("li", { class: "empty" }, "None yet: name one below, or just paint."));
    const state = scene.labelled ?? {};
    this.undoButton.disabled = !state.can_undo;
    this.redoButton.disabled = !state.can_redo;
    const done = total - (counts[0] ?? total);
    this.place.textContent = `${this.app.session.masks}/${scene.item.name}.png`;
    this.progress.textContent = `${(100 * done / total).toFixed(1)} % of the pixels have a class, after ${number.format(state.n_actions ?? 0)} actions.`;
  }

  status() {
    this.#show();
  }

  choose(classNumber, draw = true) {
    this.chosen = classNumber;
    for (const row of this.list?.querySelectorAll("[data-class]") ?? []) {
      const own = String(Number(row.dataset.class) === classNumber);
      row.dataset.selected = own;
      row.querySelector(".key").setAttribute("aria-pressed", own);
    }
    const name = this.classes.find((each) => each.number === classNumber)?.name;
    if (draw && name) announce(`class: ${name}`);
    if (this.#last) this.hover(this.#last);
  }

  async #addClass(name) {
    const used = new Set(this.classes.map((each) => each.number));
    let free = 1;
    while (used.has(free)) free++;
    const color = COLORS[(free - 1) % COLORS.length];
    await this.app.setClasses([...this.classes, { number: free, name, color }]);
    this.choose(free);
    this.#show();
  }

  async #edit(classNumber, changed) {
    await this.app.setClasses(this.classes.map((each) => (each.number === classNumber ? { ...each, ...changed } : each)));
    this.#show();
    this.app.repaint();
  }

  // --- what is under the pointer -------------------------------------------------------------

  #index(pixel) {
    return pixel.y * this.app.scene.item.width + pixel.x;
  }

  #regionAt(pixel) {
    const { regions } = this;
    return regions ? regions.lut[regions.labels[this.#index(pixel)]] : -1;
  }

  #color(erases) {
    if (erases) return ["#ffffff", 90];
    return [this.classes.find((each) => each.number === this.chosen)?.color ?? COLORS[0], 120];
  }

  #erases(point) {
    return this.tool === "erase" || point.alt;
  }

  hover(point) {
    this.#last = point;
    const { app } = this;
    if (this.#similar || this.points.waits) return;
    if (this.#corners) {
      this.#corners.show(point.pixel);
      return;
    }
    if (!point.pixel || !app.scene.mask) {
      app.point(null);
      app.tell(null, []);
      return;
    }
    const [hex, a] = this.#color(this.#erases(point));
    const colors = { fill: fromHex(hex, a), line: this.#erases(point) ? pack(255, 255, 255, 240) : fromHex(hex, 255) };
    const now = app.scene.mask[this.#index(point.pixel)];
    const own = this.classes.find((each) => each.number === now)?.name;
    const words = [own ?? (now ? `class ${now}` : "no class")];
    if (["brush", "lasso", "points"].includes(this.tool)) {
      const { x, y } = point.pixel;
      const { width } = app.scene.item;
      const r2 = this.tool === "brush" ? this.radius * this.radius : 4;
      app.point({ holds: (i) => ((i % width) - x) ** 2 + (Math.floor(i / width) - y) ** 2 <= r2, ...colors });
    } else if (this.tool === "object" && this.objects) {
      const object = this.objects.values[this.#index(point.pixel)];
      const { values } = this.objects;
      app.point(object ? { holds: (i) => values[i] === object, ...colors } : null);
    } else if (this.regions) {
      const { labels, lut, areas } = this.regions;
      const region = this.#regionAt(point.pixel);
      app.point(region < 0 ? null : { holds: (i) => lut[labels[i]] === region, ...colors });
      if (region >= 0) words.push(`${number.format(areas[region])} px`);
    }
    app.tell(point.pixel, words);
  }

  leave() {
    this.#last = null;
    if (!this.#similar && !this.points.waits && !this.#corners) this.app.point(null);
  }

  wheel(point, direction) {
    if (this.tool === "brush") {
      this.radius = Math.min(60, Math.max(1, Math.round(this.radius * (direction > 0 ? 1 / 1.2 : 1.2)) || 1));
      this.#showOptions();
    } else this.app.setK(this.app.k * (direction > 0 ? 1 / 1.18 : 1.18));
    this.hover(point);
    return true;
  }

  // --- painting ------------------------------------------------------------------------------

  press(point) {
    const { scene } = this.app;
    if (!point.pixel || !scene.mask) return false;
    if (this.tool === "similar") {
      this.#begin(point);
      return false;
    }
    if (this.tool === "points") return false;
    if (this.tool !== "brush" && this.tool !== "lasso" && !this.regions) return false;
    const erases = this.#erases(point);
    if (!erases && !this.classes.length) this.#naming = this.#addClass("class 1");
    this.#stroke = {
      class: erases ? 0 : this.chosen, tool: this.tool, from: point.pixel, last: point.pixel,
      regions: new Set(), runs: [], lasso: new Lasso(this.app), before: scene.mask.slice(),
    };
    this.#extend(point.pixel);
    return true;
  }

  drag(point) {
    if (!this.#stroke || !point.pixel) return;
    const { last } = this.#stroke;
    const steps = Math.max(1, Math.ceil(Math.hypot(point.pixel.x - last.x, point.pixel.y - last.y) / 2));
    for (let i = 1; i <= steps; i++) {
      this.#extend({
        x: Math.round(last.x + (point.pixel.x - last.x) * i / steps),
        y: Math.round(last.y + (point.pixel.y - last.y) * i / steps),
      });
    }
    this.#stroke.last = point.pixel;
    this.hover(point);
  }

  #extend(pixel) {
    const stroke = this.#stroke;
    const { scene } = this.app;
    const { width, height } = scene.item;
    let runs = [];
    if (stroke.tool === "lasso") {
      stroke.lasso.add(pixel);
      return;
    }
    if (stroke.tool === "brush") runs = runsOfDisk(pixel.x, pixel.y, this.radius, width, height);
    else if (stroke.tool === "object") {
      const object = this.objects?.values[this.#index(pixel)];
      if (!object || stroke.regions.has(object)) return;
      stroke.regions.add(object);
      const { values } = this.objects;
      runs = runsWhere((i) => values[i] === object, width, { left: 0, top: 0, right: width, bottom: height });
    } else {
      const region = this.#regionAt(pixel);
      if (region < 0 || stroke.regions.has(region)) return;
      stroke.regions.add(region);
      runs = this.app.scene.runsOf(this.regions, new Set([region]));
    }
    if (!runs.length) return;
    fill(scene.mask, runs, stroke.class);
    stroke.runs.push(runs);
    this.app.repaint();
  }

  release(point) {
    const stroke = this.#stroke;
    this.#stroke = null;
    if (!stroke) return;
    const { scene } = this.app;
    if (!point) { // a second finger came: it was no stroke
      scene.mask.set(stroke.before);
      this.app.repaint();
      return;
    }
    if (stroke.tool === "lasso") {
      const runs = stroke.lasso.close();
      if (runs.length) {
        fill(scene.mask, runs, stroke.class);
        stroke.runs.push(runs);
      }
    }
    if (stroke.runs.length) this.#send(union(stroke.runs), stroke.class, stroke.class ? stroke.tool : "erase", stroke.from);
    this.app.repaint();
  }

  click(point) {
    if (this.tool === "points") this.points.click(point);
    else if (this.tool === "lasso" && point.keys) this.#corner(point);
    else if (this.tool !== "similar") {
      if (this.press(point)) this.release(point);
    }
  }

  #corner(point) {
    this.#corners ??= new Lasso(this.app);
    const runs = this.#corners.corner(point.pixel);
    if (!runs) return;
    this.#corners = null;
    if (runs.length) this.#takeMask(runs, "lasso", point.alt);
  }

  async #takeMask(runs, tool, erases = false) {
    if (!this.classes.length) await this.#addClass("class 1");
    const chosen = erases ? 0 : this.chosen;
    fill(this.app.scene.mask, runs, chosen);
    const width = this.app.scene.item.width;
    this.#send(runs, chosen, tool, { x: runs[0] % width, y: Math.floor(runs[0] / width) });
    this.app.repaint();
  }

  async #send(runs, classNumber, tool, from) {
    const { scene, k } = this.app;
    await this.#naming; // the server knows a class before its first pixel
    const body = { op: "paint", class: classNumber, runs, tool, level: Math.min(k, scene.tree?.n ?? k), x: from.x, y: from.y };
    this.app.change(`${scene.path}/mask`, body, (answer) => this.#taken(scene, answer));
  }

  #taken(scene, answer) {
    scene.labelled = answer;
    if (scene === this.app.scene && this.app.mode === this) this.#show();
  }

  turn(op) {
    const { scene } = this.app;
    this.app.change(`${scene.path}/mask`, { op }, async (answer) => {
      this.#taken(scene, answer);
      await this.#reload(scene);
      this.#taken(scene, scene.labelled);
      this.app.repaint();
      if (this.#last) this.hover(this.#last);
    });
  }

  /** Another tab changed the mask. */
  async onNews() {
    const { scene } = this.app;
    await this.#reload(scene);
    this.#show();
    this.app.repaint();
  }

  // --- look-alikes ---------------------------------------------------------------------------

  async #begin(point) {
    const { app } = this;
    if (!this.classes.length) await this.#addClass("class 1");
    if (!this.regions || this.#regionAt(point.pixel) < 0) return;
    if (!app.scene.tree) {
      toast("This image is too large for look-alikes.", "bad");
      return;
    }
    const features = await app.busy(app.scene.loadFeatures(app.compactness));
    if (!features) {
      toast("This run has no network, so nothing tells what looks alike.", "bad");
      return;
    }
    this.#similar = { pixel: point.pixel, found: new Set() };
    this.#findSimilar();
  }

  /** Find the regions whose mean deep features are as near to the clicked one's as the slider says. */
  #findSimilar() {
    const similar = this.#similar;
    if (!similar) return;
    const { lut, labels } = this.regions;
    similar.found = alike(this.app.scene, this.regions, this.#regionAt(similar.pixel), this.threshold);
    const { found } = similar;
    const [hex] = this.#color(false);
    this.app.point({ holds: (i) => found.has(lut[labels[i]]), fill: fromHex(hex, 110), line: fromHex(hex, 255) });
    this.app.tell(similar.pixel, [`${number.format(found.size)} look-alikes`, "Enter gives them the class"]);
  }

  #applySimilar() {
    const similar = this.#similar;
    if (!similar) return;
    const { scene } = this.app;
    const runs = this.app.scene.runsOf(this.regions, similar.found);
    this.#similar = null;
    this.app.point(null);
    if (!runs.length) return;
    fill(scene.mask, runs, this.chosen);
    this.#send(runs, this.chosen, "similar", similar.pixel);
    this.app.repaint();
  }

  key(event) {
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      const turn = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key];
      if (turn) this.turn(turn);
      return Boolean(turn);
    }
    if (/^[1-9]$/.test(key)) {
      const each = this.classes[Number(key) - 1];
      if (each) this.choose(each.number);
      return Boolean(each);
    }
    if (this.points.key(event)) return true;
    const tool = TOOLS.find((each) => each[2] === key);
    if (tool && (tool[0] !== "points" || !this.app.session.points)) {
      this.pick(tool[0]);
      return true;
    }
    if (this.#similar && key === "enter") {
      this.#applySimilar();
      return true;
    }
    if ((this.#similar || this.#corners) && key === "escape") {
      this.#similar = this.#corners = null;
      this.app.point(null);
      return true;
    }
    return false;
  }
}
