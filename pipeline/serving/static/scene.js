/** What is known of the image at work: its hierarchy, objects, contour, mask and factors. */

import { getJson, getPacked, Latest } from "./api.js";
import { distinct } from "./colors.js";
import { regionsOf } from "./pane.js";
import { runsWhere } from "./runs.js";
import { boxesOf, Tree } from "./tree.js";

const CUTS_KEPT = 32;

export class Scene {
  tree = null;
  contour = null;
  mask = null;
  labelled = null;
  marks = [];
  features = null;
  flat = null;
  #boxes = null;
  #cuts = new Map();
  #objects = new Map();

  /** @param {Object} item of the server: `id`, `name`, `width`, `height`, … */
  constructor(item) {
    this.item = item;
    this.path = `/api/items/${item.id}`;
    this.asking = { tree: new Latest(), objects: new Latest(), direct: new Latest(), mask: new Latest() };
  }

  close() {
    for (const each of Object.values(this.asking)) each.cancel();
  }

  #query(values) {
    const given = Object.entries(values).filter(([, value]) => value !== null && value !== false);
    return new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  }

  /** Load the hierarchy; the one before stays until then. */
  async loadTree(compactness) {
    const found = await this.asking.tree.run((signal) =>
      getPacked(`${this.path}/hierarchy?${this.#query({ compactness })}`, signal));
    if (!found) return false;
    this.tree = new Tree(found.arrays, found.facts.start_label);
    this.#cuts.clear();
    this.#boxes = null;
    this.features = null;
    return true;
  }

  /**
   * Return the regions of the level with k; null while there is none. An image too large for a
   * hierarchy has the superpixels that were loaded last, of one number.
   */
  level(k) {
    if (!this.tree) return this.flat;
    const count = Math.min(Math.max(1, k), this.tree.n);
    let found = this.#cuts.get(count);
    if (!found) {
      const { lut, n, nodes } = this.tree.cut(count);
      found = { ...regionsOf(this.tree.labels, lut, n, this.tree.colors, this.tree.areas), nodes };
      this.#cuts.set(count, found);
      if (this.#cuts.size > CUTS_KEPT) this.#cuts.delete(this.#cuts.keys().next().value);
    }
    return found;
  }

  /** Load the superpixels of one number that stand in for a hierarchy. */
  async loadFlat(wishes, delay = 0) {
    const made = await this.loadDirect(wishes, delay);
    if (made) this.flat = made.regions;
    return Boolean(made);
  }

  /** Return the boxes of the labels of some regions: left, top, right, bottom of each. */
  boxes(regions) {
    regions.boxes ??= this.#boxes?.labels === regions.labels
      ? this.#boxes.boxes : boxesOf(regions.labels, regions.lut.length, this.item.width);
    this.#boxes = { labels: regions.labels, boxes: regions.boxes };
    return regions.boxes;
  }

  /** Return the runs of some regions; boxes of the finest level bound the search. */
  runsOf(regions, wanted) {
    const { labels, lut } = regions;
    const boxes = this.boxes(regions);
    const box = { left: Infinity, top: Infinity, right: 0, bottom: 0 };
    for (let leaf = 0; leaf < lut.length; leaf++) {
      if (!wanted.has(lut[leaf])) continue;
      box.left = Math.min(box.left, boxes[4 * leaf]);
      box.top = Math.min(box.top, boxes[4 * leaf + 1]);
      box.right = Math.max(box.right, boxes[4 * leaf + 2]);
      box.bottom = Math.max(box.bottom, boxes[4 * leaf + 3]);
    }
    if (box.right <= box.left) return [];
    return runsWhere((i) => wanted.has(lut[labels[i]]), this.item.width, box);
  }

  /** Load superpixels as the batch makes them; null where a later wish took over. */
  async loadDirect({ k, compactness = null, steered = false }, delay = 0) {
    const version = steered ? Date.now() : null;
    const query = this.#query({ k, compactness, steered, v: version });
    const found = await this.asking.direct.run((signal) =>
      getPacked(`${this.path}/superpixels?${query}`, signal), delay);
    if (!found) return null;
    const { arrays, facts } = found;
    const lut = Int32Array.from({ length: arrays.areas.length }, (_, i) => i - facts.start_label);
    const regions = regionsOf(arrays.labels, lut, facts.n, arrays.colors, arrays.areas);
    const objects = arrays.objects ? this.#coloured(arrays.objects) : null;
    if (objects && !steered) this.#objects.set(k, objects);
    return { k, regions, objects, perObject: facts.per_object ?? {}, factors: facts.factors ?? {}, note: facts.note };
  }

  #coloured(values) {
    let most = 0;
    for (let i = 0; i < values.length; i++) if (values[i] > most) most = values[i];
    const colors = new Uint32Array(most + 1);
    colors.set(distinct(most), 1);
    return { values, colors, n: most };
  }

  /** Load the prior's objects for k superpixels; null without any, or where a later wish won. */
  async loadObjects({ k, compactness = null }, delay = 0) {
    if (this.#objects.has(k)) return this.#objects.get(k);
    const found = await this.asking.objects.run((signal) =>
      getPacked(`${this.path}/objects?${this.#query({ k, compactness })}`, signal), delay);
    if (!found?.arrays.objects) return null;
    const objects = this.#coloured(found.arrays.objects);
    if (this.#objects.size > 8) this.#objects.clear();
    this.#objects.set(k, objects);
    return objects;
  }

  async loadContour() {
    this.contour ??= (await getPacked(`${this.path}/contour`)).arrays.contour ?? null;
    return this.contour;
  }

  async loadMask() {
    const found = await this.asking.mask.run((signal) => getPacked(`${this.path}/mask`, signal));
    if (!found) return false;
    this.mask = found.arrays.mask;
    this.labelled = found.facts;
    return true;
  }

  async loadSteering() {
    this.steering = await getJson(`${this.path}/steering`);
    this.marks = this.steering.marks;
  }

  /** Load the mean deep features of the finest level: {values, channels}; null without a network. */
  async loadFeatures(compactness) {
    if (!this.features) {
      const found = await getPacked(`${this.path}/features?${this.#query({ compactness })}`);
      const values = found.arrays.features;
      this.features = values ? { values, channels: values.length / this.tree.n } : null;
    }
    return this.features;
  }
}
