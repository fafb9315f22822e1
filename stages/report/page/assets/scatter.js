// Two methods, image by image: who wins where, and by how much.
page.scatter = (() => {
  const { data, element, unlabel, fill, save, asked, askedInFull } = page;
  if (!data) return null;
  const get = (id) => document.getElementById(id);
  const { images, measures, rows } = data.figures;
  const MOST = 5;
  const ids = ["up", "across", "measure", "count"].map((name) => `scatter-${name}`);
  const values = () => ids.map((id) => Number(get(id).value));
  if (data.series.length < 2) { get("images").hidden = true; document.querySelector('.bar a[href="#images"]').hidden = true; return null; }

  const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);

  function pairs(up, across, measure, count) {
    const found = new Map();
    for (const [image, series, k, , ...figures] of rows) {
      if (k !== count || figures[measure] === null) continue;
      if (!found.has(image)) found.set(image, {});
      if (series === up) found.get(image).Y = figures[measure];
      if (series === across) found.get(image).X = figures[measure];
    }
    return [...found].filter(([, p]) => p.X !== undefined && p.Y !== undefined)
      .map(([image, p]) => ({ name: images[image], ...p, gain: p.Y - p.X }));
  }

  function table(title, points) {
    const body = element("tbody", {}, ...points.map((p) => element("tr", {}, element("th", { scope: "row" }, p.name), element("td", {}, signed(p.gain)))));
    return [element("h3", {}, title), element("table", { class: "plain" }, body)];
  }

  function draw() {
    const [up, across, measure, count] = values();
    const points = pairs(up, across, measure, count);
    const heading = data.headings[measures[measure]], box = get("scatter");
    box.replaceChildren();
    get("extremes").replaceChildren();
    const wins = points.filter((p) => p.gain > 0).length;
    get("scatter-note").textContent = points.length
      ? `${heading} of ${data.series[up]} against ${data.series[across]} at ${askedInFull(data.counts[count])}: higher on ${wins} of ${points.length} ${points.length === 1 ? "image" : "images"}, ${signed(d3.mean(points, (p) => p.gain))} on average.`
      : "These two methods share no measured image there.";
    if (!points.length) return;
    const [low, high] = d3.extent(points.flatMap((p) => [p.X, p.Y]));
    const domain = high > low ? [low, high] : [low - 0.05, high + 0.05];
    const width = Math.max(260, box.clientWidth);
    const svg = Plot.plot({
      width, height: Math.round(Math.min(0.86 * width, 440)), marginLeft: 52, marginBottom: 40, marginTop: 14, marginRight: 12,
      style: { fontSize: "11.5px", fontFamily: "inherit", background: "transparent" },
      x: { domain, label: data.series[across], labelArrow: "none", labelAnchor: "center", ticks: 5, inset: 8, tickSize: 3, grid: true },
      y: { domain, label: null, ticks: 5, inset: 8, tickSize: 0, grid: true },
      marks: [
        Plot.line([[domain[0], domain[0]], [domain[1], domain[1]]], { stroke: "var(--quiet)", strokeDasharray: "4,4" }),
        Plot.dot(points, { x: "X", y: "Y", r: 4.5, fill: (p) => (p.gain < 0 ? "var(--c1)" : "var(--c0)"), stroke: "var(--paper)", strokeWidth: 0.8 }),
        Plot.tip(points, Plot.pointer({ x: "X", y: "Y", title: (p) => `${p.name}\n${p.Y.toFixed(3)} against ${p.X.toFixed(3)}\n${signed(p.gain)}`, lineWidth: 30, fontSize: 12 })),
      ],
    });
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", get("scatter-note").textContent);
    const pictureOf = (p) => data.pictures.findIndex((picture) => picture.name === p?.name);
    unlabel(svg);
    svg.addEventListener("input", () => { unlabel(svg); svg.classList.toggle("pointable", pictureOf(svg.value) >= 0); });
    svg.addEventListener("click", () => {
      const image = pictureOf(svg.value);
      if (image >= 0) page.gallery.show({ series: up, k: data.counts[count], image });
    });
    const kept = element("button", { type: "button", class: "save", "aria-label": "Save as SVG: image by image" }, "SVG");
    kept.addEventListener("click", () => save(`${get("scatter-note").textContent.split(":")[0]}.svg`, page.curves.asFile(svg)));
    box.append(element("figcaption", {}, `${heading}: ${data.series[up]}`, kept), svg);
    const ordered = d3.sort(points, (p) => -p.gain);
    const shown = Math.min(MOST, Math.floor(points.length / 2));
    if (shown) get("extremes").append(...table("Gains most", ordered.slice(0, shown)), ...table("Loses most or gains least", ordered.slice(-shown).reverse()));
  }

  fill(get("scatter-up"), data.series, 0);
  fill(get("scatter-across"), data.series, 1);
  fill(get("scatter-measure"), measures.map((name) => data.headings[name]), 0);
  fill(get("scatter-count"), data.counts.map(asked), Math.floor(data.counts.length / 2));
  for (const id of ids) get(id).addEventListener("change", draw);
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
  draw();
  return { draw };
})();
