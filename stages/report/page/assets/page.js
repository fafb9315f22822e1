"use strict";
// What all parts share: the data, the choice of theme, groups of buttons of which one is pressed.
const page = (() => {
  const holder = document.getElementById("data");
  const data = holder ? JSON.parse(holder.textContent) : null;

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function press(group, chosen) {
    for (const button of group.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button === chosen));
  }

  function swatch(series) {
    const template = document.createElement("template");
    const tint = data.tints[series];
    template.innerHTML = `<svg class="swatch c${tint % 7} d${Math.floor(tint / 7) % 3}" viewBox="0 0 26 12" width="26" height="12" aria-hidden="true"><line x1="1" y1="6" x2="25" y2="6"/></svg>`;
    const svg = template.content.firstChild;
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "path");
    mark.setAttribute("d", d3.symbol(symbolOf(series), 46)());
    mark.setAttribute("transform", "translate(13,6)");
    svg.append(mark);
    return svg;
  }

  function symbolOf(series) {
    const symbols = d3.symbolsFill, tint = data.tints[series];
    return symbols[(tint + Math.floor(tint / 7)) % symbols.length];
  }

  // Plot labels the groups of its marks, which have no role that could bear a label.
  function unlabel(svg) {
    for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
  }

  function fill(select, labels, chosen) {
    select.replaceChildren(...labels.map((label, i) => element("option", { value: i }, label)));
    select.value = String(chosen);
  }

  function save(name, href) {
    const link = element("a", { href, download: name.replace(/[^\p{L}\p{N}.=_-]+/gu, "-") });
    link.click();
  }

  // What a name means, beside it while it is pointed at or has the focus.
  const tip = element("div", { id: "tip", role: "tooltip", hidden: "" });
  document.body.append(tip);
  let said = null;
  function say(target) {
    said = target;
    tip.textContent = target.dataset.says;
    tip.hidden = false;
    target.setAttribute("aria-describedby", "tip");
    const box = target.getBoundingClientRect(), own = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(box.left, document.documentElement.clientWidth - own.width - 8))}px`;
    tip.style.top = `${box.top > own.height + 70 ? box.top - own.height - 6 : box.bottom + 6}px`;
  }
  const hush = () => { tip.hidden = true; said?.removeAttribute("aria-describedby"); said = null; };
  for (const [kind, act] of [["pointerover", say], ["focusin", say]])
    document.addEventListener(kind, (event) => { const found = event.target.closest?.("[data-says]"); hush(); if (found) act(found); });
  document.addEventListener("focusout", hush);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hush(); });
  addEventListener("scroll", () => { if (said) say(said); }, { passive: true, capture: true });

  // What was asked for: a number of superpixels, or their size, from which each image's follows.
  const asked = (k) => data.sizes[k] ?? String(k);
  const askedInFull = (k) => (k in data.sizes ? `size ${asked(k)}` : `K = ${k}`);

  const theme = document.getElementById("theme");
  const root = document.documentElement;
  const wishesDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : wishesDark.matches);
  const label = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.setAttribute("aria-label", `Switch to the ${isDark() ? "light" : "dark"} theme`); };
  theme.hidden = false;
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  wishesDark.addEventListener("change", label);
  label();

  if (data) for (const plain of document.querySelectorAll(".swatch[data-series]")) plain.replaceWith(swatch(Number(plain.dataset.series)));

  return { data, element, press, save, swatch, symbolOf, unlabel, fill, asked, askedInFull };
})();
