/** Small helpers for elements. */

/**
 * Make an element: `make("button", {class: "x", onclick: f, "aria-label": "y"}, "text", child)`.
 * Texts are set as texts: nothing that a file is called becomes markup.
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") element.style.cssText = value;
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Make an icon of the page's sprite. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Make a row of tools [id, text, key, title], of which one is pressed. */
export function toolbar(tools, pressed, pick) {
  return make("div", { class: "tools", role: "group", "aria-label": "Tools" }, ...tools.map(([id, text, key, title]) => make("button", {
    type: "button", "data-tool": id, title: `${title} (${key.toUpperCase()})`,
    "aria-pressed": String(id === pressed), onclick: () => pick(id),
  }, icon(id), make("span", {}, text))));
}

/** Press one of a row of tools. */
export function press(bar, tool) {
  for (const button of bar?.children ?? []) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
}

/** Make the buttons that undo and redo. */
export function turnButtons(turn) {
  return ["undo", "redo"].map((op) => make("button", { type: "button", id: op, onclick: () => turn(op) }, icon(op), op === "undo" ? "Undo" : "Redo"));
}

export const $ = (id) => document.getElementById(id);

/** Say something to those who listen to the page. */
export function announce(text) {
  $("said").textContent = text;
}

let vanishing = 0;

/** Show a line for a while. */
export function toast(text, kind = "") {
  const place = $("toast");
  place.textContent = text;
  place.className = `toast shown ${kind}`;
  clearTimeout(vanishing);
  vanishing = setTimeout(() => place.classList.remove("shown"), kind === "bad" ? 8000 : 3000);
}

export const number = new Intl.NumberFormat("en");
