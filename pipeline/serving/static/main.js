/** The page: one image at work, three modes, and what they share. */

import { getJson, Latest, Outbox, Refused, TAB, postJson } from "./api.js";
import { Batch } from "./batch.js";
import { pack } from "./colors.js";
import { $, announce, make, number, toast } from "./dom.js";
import { Label } from "./label.js";
import { Layers } from "./layers.js";
import { ImageList } from "./list.js";
import { Look } from "./look.js";
import { Pane } from "./pane.js";
import { Tiles } from "./picture.js";
import { Pointers } from "./pointer.js";
import { Scene } from "./scene.js";
import { Steer } from "./steer.js";
import { Viewport } from "./viewport.js";

const STEPS = 1000;
const LARGEST_FLAT = 60000;
/** Superpixels of an image that is too large for a hierarchy. */

class App {
  scene = null;
  panes = [];
  compactness = null;
  largest = 1000;
  #pending = 0;
  #choosing = new Latest();

  constructor(session) {
    this.session = session;
    this.k = session.count;
    this.viewport = new Viewport();
    this.stage = $("stage");
    this.layers = new Layers(this);
    this.modes = { look: new Look(this), steer: new Steer(this), label: new Label(this) };
    this.mode = this.modes.look;
    this.outbox = new Outbox(`spam-pipe-${session.run}`, (state) => this.#tellSaved(state), (error) => this.#refused(error));
    this.list = new ImageList(session.n_items, (item) => this.open(item));
    this.batch = new Batch(this);
    this.pointers = new Pointers(this.stage, this.viewport, () => this.mode);
    this.showPanes(1);
    new ResizeObserver(() => this.#resize()).observe($("panes"));
    this.viewport.addEventListener("change", () => this.#showZoom());
    this.#controls();
    this.#listen();
  }

  // --- what is shown -------------------------------------------------------------------------

  showPanes(n) {
    while (this.panes.length > n) this.panes.pop().remove();
    while (this.panes.length < n) {
      const pane = new Pane($("panes"), this.viewport);
      pane.frame = () => this.#frame(pane);
      pane.tiles = this.tiles ?? null;
      this.panes.push(pane);
    }
    $("panes").classList.toggle("two", n === 2);
    this.#resize();
  }

  #resize() {
    const [pane] = this.panes;
    for (const each of this.panes) each.resize();
    if (pane.element.clientWidth) this.viewport.resize(pane.element.clientWidth, pane.element.clientHeight);
  }

  #frame(pane) {
    const { item } = this.scene ?? { item: { width: 1, height: 1 } };
    const empty = { width: item.width, height: item.height, regions: null };
    return this.scene && this.scene.item.levels ? { ...empty, ...this.mode.frame(pane) } : empty;
  }

  repaint() {
    for (const pane of this.panes) pane.repaint();
  }

  /** Point at pixels on all panes. */
  point(pointed) {
    for (const pane of this.panes) pane.point(pointed);
  }

  pointRegion(point, regions) {
    if (!point.pixel || !regions) {
      this.point(null);
      this.tell(point.pixel, []);
      return;
    }
    const { labels, lut, areas } = regions;
    const region = lut[labels[point.pixel.y * this.scene.item.width + point.pixel.x]];
    this.point(region < 0 ? null : { holds: (i) => lut[labels[i]] === region, fill: pack(255, 255, 255, 56), line: pack(255, 255, 255, 240) });
    this.tell(point.pixel, region < 0 ? ["outside"] : [`superpixel ${region}`, `${number.format(areas[region])} px`]);
  }

  /** Show what is under the pointer in the status line. */
  tell(pixel, words) {
    $("where").textContent = pixel ? `${pixel.x}, ${pixel.y}` : "";
    $("what").textContent = words.filter(Boolean).join(" · ");
  }

  /** Show that something is computed until a promise is settled; failures are told. */
  async busy(promise) {
    this.stage.dataset.pending = ++this.#pending;
    this.stage.classList.add("busy");
    try {
      return await promise;
    } catch (error) {
      if (error instanceof Refused) {
        this.#fail(error.message);
        return null;
      }
      if (error instanceof TypeError) { // the server does not answer
        this.#tellSaved({ waiting: this.outbox.size, offline: true });
        return null;
      }
      throw error;
    } finally {
      this.#pending--;
      if (!this.#pending) this.stage.classList.remove("busy");
      this.stage.dataset.pending = this.#pending;
    }
  }

  #fail(message) {
    const place = $("failure");
    place.hidden = false;
    $("failure-text").textContent = message;
    announce(message);
  }

  // --- images --------------------------------------------------------------------------------

  /** Open an image; the one before stays until its first tile is there. */
  async open(item) {
    history.replaceState(null, "", `#${item.id}`);
    this.list.mark(item.id);
    $("failure").hidden = true;
    const known = await this.busy(this.#choosing.run((signal) => getJson(`/api/items/${item.id}`, signal)));
    if (!known) return;
    this.list.update(known);
    if (!known.width) {
      this.#fail(known.failure);
      return;
    }
    this.scene?.close();
    this.tiles?.close();
    this.point(null);
    this.scene = new Scene(known);
    this.tiles = new Tiles(known, () => this.#tileArrived());
    for (const pane of this.panes) pane.tiles = this.tiles;
    this.viewport.show(known.width, known.height);
    $("image-name").textContent = known.name;
    this.stage.setAttribute("aria-label", `Image ${known.name}, ${known.width} by ${known.height} pixels`);
    this.stage.dataset.image = known.id;
    delete this.stage.dataset.ready;
    for (const pane of this.panes) pane.invalidate();
    this.panel();
    this.mode.onImage();
    const { scene } = this;
    await this.tiles.first; // the picture comes before what takes longer
    await this.#grow(scene);
    if (scene === this.scene) this.stage.dataset.ready = known.id;
  }

  async #grow(scene) {
    const wishes = { k: this.k, compactness: this.compactness };
    const grown = await this.busy(scene.item.nested ? scene.loadTree(this.compactness) : scene.loadFlat(wishes));
    if (!grown || scene !== this.scene) return;
    this.largest = scene.tree?.n ?? LARGEST_FLAT;
    this.#showK();
    this.repaint();
    this.mode.status();
    if (this.layers.on("mask") && !scene.mask && this.mode.name !== "label" && this.list.find(scene.item.id)?.labelled) {
      await this.busy(scene.loadMask());
      this.repaint();
    }
  }

  #tileArrived() {
    for (const pane of this.panes) pane.refresh();
    if (this.tiles.settled) this.stage.dataset.pictured = this.scene.item.id;
  }

  async go(step) {
    const next = this.scene && await this.list.beside(this.scene.item.id, step);
    if (next) this.open(next);
  }

  // --- settings ------------------------------------------------------------------------------

  clampK(k) {
    return Math.min(this.largest, Math.max(1, Math.round(k) || 1));
  }

  setK(k) {
    let wanted = this.clampK(k);
    // A factor near 1 moves small numbers, too.
    if (wanted === this.k && k !== this.k) wanted = this.clampK(this.k + Math.sign(k - this.k));
    if (wanted === this.k) return;
    this.k = wanted;
    this.#showK();
    this.repaint();
    this.mode.onK();
    this.#flatten(400);
  }

  /** Compute the number that is asked for, where there is no hierarchy to cut. */
  async #flatten(delay) {
    const { scene, k, compactness } = this;
    if (!scene || scene.item.nested) return;
    if (await this.busy(scene.loadFlat({ k, compactness }, delay))) this.repaint();
  }

  #showK() {
    $("k").max = this.largest;
    $("k").value = this.k;
    $("k-slider").value = Math.round(STEPS * Math.log(this.k) / Math.log(Math.max(2, this.largest)));
    $("k-slider").setAttribute("aria-valuetext", `${this.k} superpixels`);
  }

  compactnessField() {
    const value = this.compactness ?? this.session.compactness;
    const shown = make("output", {}, value.toFixed(1));
    const slider = make("input", {
      type: "range", id: "compactness", min: 0, max: 30, step: 0.5, value,
      oninput: () => { shown.textContent = Number(slider.value).toFixed(1); },
      onchange: () => this.setCompactness(Number(slider.value)),
    });
    return make("label", { class: "field" }, make("span", {}, "Compactness"), slider, shown);
  }

  async setCompactness(value) {
    this.compactness = value === this.session.compactness ? null : value;
    const { scene } = this;
    if (!scene) return;
    if (!scene.item.nested) this.#flatten(0);
    else if (await this.busy(scene.loadTree(this.compactness))) this.repaint();
    this.mode.onK();
  }

  // --- modes ---------------------------------------------------------------------------------

  switchTo(name) {
    if (this.mode.name === name) return;
    this.mode.leaveMode();
    this.point(null);
    this.tell(null, []);
    this.mode = this.modes[name];
    for (const button of document.querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === name));
    }
    document.body.dataset.at = name;
    this.panel();
    this.mode.enter();
    this.repaint();
    announce(`${name}: ${this.mode.hint}`);
  }

  panel() {
    $("inspector-body").replaceChildren(...this.mode.panel().filter(Boolean));
    $("hint").textContent = this.mode.hint;
    this.layers.dim();
    if (this.scene) this.mode.status();
  }

  // --- changes -------------------------------------------------------------------------------

  /** Send a change, whatever becomes of the network meanwhile. */
  change(path, body, after) {
    this.outbox.add(path, { id: crypto.randomUUID(), tab: TAB, ...body }, after);
  }

  async setClasses(classes) {
    this.session.classes = classes;
    try {
      const answer = await postJson("/api/classes", { classes, tab: TAB });
      this.session.classes = answer.classes;
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  #tellSaved({ waiting, offline }) {
    const place = $("saved");
    place.classList.toggle("offline", offline);
    place.classList.toggle("waiting", waiting > 0);
    place.dataset.waiting = waiting;
    place.lastElementChild.textContent = offline
      ? `No server${waiting ? `: ${waiting} waiting` : ""}`
      : waiting ? "Saving …" : "All saved";
    place.title = offline ? "The server does not answer; changes are sent as soon as it does." : "Every action is saved at once.";
  }

  #refused(error) {
    toast(error.status === 401 ? "The server was started anew: open the address it printed." : error.message, "bad");
    this.mode.onNews?.();
  }

  #listen() {
    const source = new EventSource("/api/events");
    source.onmessage = ({ data }) => {
      const news = JSON.parse(data);
      if (news.kind === "batch") this.batch.update(news);
      if (news.state) this.list.update(news.state);
      if (news.tab === TAB) return;
      if (news.kind === "classes") {
        this.session.classes = news.classes;
        this.mode.status();
        this.repaint();
      } else if (news.id === this.scene?.item.id) {
        const own = news.kind === "mask" ? "label" : "steer";
        if (this.mode.name === own) this.mode.onNews();
        else if (news.kind === "mask" && this.scene.mask) this.scene.loadMask().then(() => this.repaint());
      }
    };
    source.onerror = () => this.#tellSaved({ waiting: this.outbox.size, offline: true });
    source.onopen = () => this.#tellSaved({ waiting: this.outbox.size, offline: false });
    window.addEventListener("pagehide", () => source.close());
  }

  // --- controls ------------------------------------------------------------------------------

  #showZoom() {
    $("zoom").textContent = `${Math.round(100 * this.viewport.scale)} %`;
  }

  #controls() {
    for (const button of document.querySelectorAll("[data-mode]")) {
      button.addEventListener("click", () => this.switchTo(button.dataset.mode));
    }
    $("k-slider").addEventListener("input", (event) => {
      this.setK(Math.round(Math.exp(Number(event.target.value) / STEPS * Math.log(Math.max(2, this.largest)))));
    });
    $("k").addEventListener("change", (event) => this.setK(Number(event.target.value)));
    $("zoom-in").addEventListener("click", () => this.viewport.zoom(1.5));
    $("zoom-out").addEventListener("click", () => this.viewport.zoom(1 / 1.5));
    $("zoom-fit").addEventListener("click", () => this.viewport.fit());
    $("help-open").addEventListener("click", () => $("help").showModal());
    $("theme").addEventListener("click", () => this.#toggleTheme());
    $("panel-toggle").addEventListener("click", () => {
      const open = document.body.classList.toggle("panel-open");
      $("panel-toggle").setAttribute("aria-expanded", String(open));
    });
    for (const button of document.querySelectorAll("[data-close]")) {
      button.addEventListener("click", () => button.closest("dialog").close());
    }
    window.addEventListener("keydown", (event) => this.#key(event));
    window.addEventListener("keyup", (event) => {
      if (event.key === " ") this.pointers.space = false;
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.outbox.size) event.preventDefault();
    });
    this.#showK();
  }

  #toggleTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("spam-pipe-theme", root.dataset.theme); } catch { /* not kept */ }
  }

  #key(event) {
    if (document.querySelector("dialog[open]")) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "range" && event.target.type !== "checkbox";
    if (typing) return;
    if (event.target === this.stage && this.#cursor(event)) {
      event.preventDefault();
      return;
    }
    if (this.scene && this.mode.key(event)) {
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onControl = event.target.closest?.("button, a, summary, input");
    const act = {
      v: () => this.switchTo("look"), s: () => this.switchTo("steer"), l: () => this.switchTo("label"),
      ".": () => this.go(1), ",": () => this.go(-1), pagedown: () => this.go(1), pageup: () => this.go(-1),
      "[": () => this.setK(this.k / 1.18), "]": () => this.setK(this.k * 1.18),
      "+": () => this.viewport.zoom(1.5), "=": () => this.viewport.zoom(1.5), "-": () => this.viewport.zoom(1 / 1.5),
      f: () => this.viewport.fit(), "?": () => $("help").showModal(),
      m: () => $("layer-means")?.click(), n: () => $("layer-borders")?.click(),
    }[event.key.toLowerCase()];
    if (event.key === " " && !onControl) {
      this.pointers.space = true;
      event.preventDefault();
    } else if (act) {
      act();
      event.preventDefault();
    }
  }

  /** The keyboard's own pointer: arrows move it over the image, Enter clicks. */
  #cursor(event) {
    if (!this.scene || event.ctrlKey || event.metaKey) return false;
    const { item } = this.scene;
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move && event.key !== "Enter") return false;
    this.at ??= { x: Math.floor(item.width / 2), y: Math.floor(item.height / 2) };
    if (move) {
      const step = event.shiftKey ? 1 : Math.max(1, Math.round(14 / this.viewport.scale));
      this.at.x = Math.min(item.width - 1, Math.max(0, this.at.x + move[0] * step));
      this.at.y = Math.min(item.height - 1, Math.max(0, this.at.y + move[1] * step));
    }
    this.at.x = Math.min(this.at.x, item.width - 1);
    this.at.y = Math.min(this.at.y, item.height - 1);
    const place = this.viewport.placeOf(this.at.x, this.at.y);
    const point = { ...place, pixel: { ...this.at }, shift: event.shiftKey, alt: event.altKey, touch: false, keys: true };
    if (event.key === "Enter") {
      if (this.mode.key(event)) return true;
      this.mode.click(point);
    } else this.mode.hover(point);
    announce($("what").textContent);
    return true;
  }
}

async function begin() {
  const items = getJson("/api/items?start=0");
  const session = await getJson("/api/session");
  $("run-name").textContent = session.run;
  document.title = `${session.run} · spam-pipe`;
  const app = new App(session);
  document.body.dataset.at = "look";
  app.panel();
  await app.list.more(items);
  const wanted = app.list.find(location.hash.slice(1)) ?? app.list.items[0];
  if (wanted) await app.open(wanted);
}

begin().catch((error) => {
  $("failure").hidden = false;
  $("failure-text").textContent = error.message;
});
