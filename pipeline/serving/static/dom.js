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
