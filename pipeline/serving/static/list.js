/** The images: thumbnails with their states, more of them as one scrolls. */

import { getJson } from "./api.js";
import { $, make } from "./dom.js";

export class ImageList {
  items = [];
  #buttons = new Map();
  #loading = null;

  /** @param {(item: Object) => void} choose */
  constructor(total, choose) {
    this.total = total;
    this.choose = choose;
    this.place = $("images");
    this.end = make("li", { class: "list-end", "aria-hidden": "true" });
    this.place.append(this.end);
    new IntersectionObserver((seen) => {
      if (seen.some((each) => each.isIntersecting)) this.more();
    }, { root: $("list"), rootMargin: "600px" }).observe(this.end);
    $("n-images").textContent = `${total} image${total === 1 ? "" : "s"}`;
  }

  /** Show more images, those of an answer that is on its way or the next ones. */
  async more(answer = null) {
    if (this.items.length >= this.total) return;
    this.#loading ??= (answer ?? getJson(`/api/items?start=${this.items.length}`)).then(({ items }) => {
      for (const item of items) this.#add(item);
      this.#loading = null;
    });
    await this.#loading;
  }

  #add(item) {
    const picture = make("img", {
      src: `/api/items/${item.id}/thumbnail`, alt: "", loading: "lazy", decoding: "async", draggable: false,
    });
    picture.addEventListener("error", () => picture.classList.add("broken"));
    const state = make("span", { class: "state" });
    const button = make(
      "button", { type: "button", class: "thumbnail", title: item.name, onclick: () => this.choose(item) },
      make("span", { class: "frame" }, picture), make("span", { class: "name" }, item.name), state,
    );
    this.items.push(item);
    this.#buttons.set(item.id, { button, state, item });
    this.place.insertBefore(make("li", {}, button), this.end);
    this.update(item);
  }

  /** Show an image's state as it is now. */
  update(state) {
    const own = this.#buttons.get(state.id);
    if (!own) return;
    Object.assign(own.item, state);
    const words = [];
    own.state.replaceChildren();
    const badge = (kind, text) => {
      own.state.append(make("i", { class: `badge ${kind}` }));
      words.push(text);
    };
    if (state.failure) badge("failed", "failed");
    if (state.labelled) badge("labelled", "labelled");
    if (state.factors) badge("steered", `${state.factors} factors`);
    own.button.setAttribute("aria-label", [state.name, ...words].join(", "));
    own.button.classList.toggle("failed", Boolean(state.failure));
  }

  /** Mark the image at work and bring it into sight. */
  mark(id) {
    for (const [key, { button }] of this.#buttons) {
      if (key === id) {
        button.setAttribute("aria-current", "true");
        button.scrollIntoView({ block: "nearest", inline: "nearest" });
      } else button.removeAttribute("aria-current");
    }
  }

  /** Return the image so many places after another one; null at the ends. */
  async beside(id, step) {
    const at = this.items.findIndex((item) => item.id === id) + step;
    if (at >= this.items.length) await this.more();
    return this.items[at] ?? null;
  }

  find(id) {
    return this.#buttons.get(id)?.item ?? null;
  }
}
