// Measures against the count made, and the trades between measures.
page.curves = (() => {
  const { data, element, press, save, swatch, symbolOf, unlabel, askedInFull } = page;
  if (!data) return null;
  const DASHES = [null, "6,3", "2,3"];
  const FEW = 6; // more series than this get bars instead of bands, which would hide one another
  const SATURATING = "asa", LOWEST_SHARE = 0.04, MANY = 40;
  const COUNT = "n_superpixels";
  const hidden = new Set();
  let scale = "log";

  const colorOf = (series) => `var(--c${data.tints[series] % 7})`;
  const dashOf = (series) => DASHES[Math.floor(data.tints[series] / 7) % 3];
  const number = (measure, value) =>
    measure === COUNT ? String(+value.toFixed(1)) : measure === "seconds" ? value.toPrecision(2) + " s" : value.toFixed(3);

  function tell(point, panel) {
    const part = (measure) => {
      const [mean, low, high] = point[measure];
      const name = data.headings[measure] ?? (measure === COUNT ? "n" : "time");
      return `${name} ${number(measure, mean)}` + (low === null || measure === COUNT ? "" : ` (${number(measure, low)} – ${number(measure, high)})`);
    };
    const images = point.images === 1 ? "1 image" : `${point.images} images`;
    const measures = [panel.y, panel.x].filter((measure) => measure !== COUNT);
    return [data.series[point.series], ...measures.map(part), `${askedInFull(point.k)}, ${part(COUNT)}`, images].filter(Boolean).join("\n");
  }

  function pointsOf(panel) {
    const all = data.curves.flatMap((points, series) =>
      hidden.has(series) ? [] : points.filter((p) => p[panel.x] && p[panel.y]).map((p) => ({
        ...p, series, X: p[panel.x][0], Y: p[panel.y][0], low: p[panel.y][1], high: p[panel.y][2],
      })));
    if (panel.y !== SATURATING || all.length < MANY) return all;
    // Of many points the least few of a measure that crowds below 1 would squeeze the others.
    const floor = d3.quantile(all, LOWEST_SHARE, (p) => p.Y);
    return all.filter((p) => p.Y >= floor).map((p) => ({ ...p, low: p.low === null ? null : Math.max(p.low, floor) }));
  }

  function countTicks([low, high]) {
    if (scale !== "log" || high < 3 * low) return d3.ticks(low, high, 4).filter(Number.isInteger);
    const steps = high > 30 * low ? [1, 3] : [1, 2, 4, 7];
    return d3.range(0, 7).flatMap((e) => steps.map((s) => s * 10 ** e)).filter((t) => t >= 0.95 * low && t <= 1.05 * high);
  }

  // One K: how much each method has, from 0 on, its name above.
  function bars(panel, points, width) {
    const known = points.filter((p) => p.low !== null);
    const most = d3.max(points, (p) => p.high ?? p.Y);
    return Plot.plot({
      width, height: 42 + 38 * points.length, marginLeft: 4, marginRight: 52, marginBottom: 34, marginTop: 4,
      style: { fontSize: "11.5px", fontFamily: "inherit", background: "transparent" },
      x: { label: `${panel.yTitle}, ${askedInFull(points[0].k)}`, labelArrow: "none", labelAnchor: "center", ticks: 4, tickSize: 3, grid: true, domain: [0, most] },
      y: { axis: null, domain: points.map((p) => p.series), padding: 0 },
      marks: [
        Plot.barX(points, { x: "Y", y: "series", fill: (p) => colorOf(p.series), insetTop: 19, insetBottom: 4 }),
        Plot.text(points, { y: "series", frameAnchor: "left", dx: 2, dy: -10, text: (p) => data.series[p.series], fill: "currentColor" }),
        Plot.text(points, { x: (p) => p.high ?? p.Y, y: "series", textAnchor: "start", dx: 5, dy: 8, text: (p) => number(panel.y, p.Y), fill: "currentColor" }),
        Plot.ruleY(known, { x1: "low", x2: "high", y: "series", stroke: "currentColor", strokeWidth: 1.5, dy: 8 }),
        Plot.tip(points, Plot.pointerY({ x: "Y", y: "series", title: (p) => tell(p, panel), maxRadius: 60, lineWidth: 30, fontSize: 12 })),
      ],
    });
  }

  const isOneCount = (panel, points) => panel.x === COUNT && points.length > 0 && points.every((p) => p.k === points[0].k);

  function plot(panel, width) {
    const points = pointsOf(panel);
    if (isOneCount(panel, points)) return bars(panel, points, width);
    const overCount = panel.x === COUNT;
    const extent = d3.extent(points, (p) => p.X);
    const wide = extent[1] > 1.01 * extent[0];
    const single = points.length > 0 && !wide;
    const groups = d3.groups(points, (p) => p.series);
    const marks = groups.flatMap(([series, own]) => {
      const stroke = colorOf(series), bars = own.filter((p) => p.low !== null);
      const band = overCount && groups.length <= FEW && bars.length > 1;
      return [
        band ? Plot.areaY(bars, { x: "X", y1: "low", y2: "high", fill: stroke, fillOpacity: 0.15 })
          : Plot.ruleX(bars, { x: "X", y1: "low", y2: "high", stroke, strokeOpacity: 0.55, strokeWidth: 1.5 }),
        Plot.line(own, { x: "X", y: "Y", stroke, strokeWidth: 1.9, strokeDasharray: dashOf(series) }),
        Plot.dot(own, { x: "X", y: "Y", fill: stroke, stroke: "var(--paper)", strokeWidth: 0.8, r: 4.2, symbol: symbolOf(series) }),
      ];
    });
    return Plot.plot({
      width, height: Math.round(Math.min(280, 0.72 * width)), marginLeft: 46, marginRight: 12, marginBottom: 38, marginTop: 12,
      style: { fontSize: "11.5px", fontFamily: "inherit", background: "transparent" },
      x: {
        label: panel.xTitle, labelArrow: "none", labelAnchor: "center", tickSize: 3, insetLeft: 8, insetRight: 8,
        type: overCount && scale === "log" ? "log" : "linear",
        domain: wide ? undefined : [0.9 * extent[0], 1.1 * extent[0]],
        ...(overCount ? { ticks: wide ? countTicks(extent) : [extent[0]], tickFormat: (t) => d3.format(",")(+t.toFixed(1)) } : { ticks: 5 }),
      },
      y: { label: null, ticks: 5, tickSize: 0, grid: true, inset: single ? 30 : 6, zero: panel.y === "seconds" },
      marks: [...marks, Plot.tip(points, Plot.pointer({ x: "X", y: "Y", title: (p) => tell(p, panel), maxRadius: 34, lineWidth: 30, fontSize: 12 }))],
    });
  }

  // Pointing with the keyboard is pointing with the mouse, point by point.
  function listen(box, svg, panel) {
    const ordered = pointsOf(panel);
    let at = -1;
    const open = (point) => { if (point && page.gallery) page.gallery.show({ series: point.series, k: point.k }); };
    const point = () => {
      const { X, Y, series } = ordered[at], area = svg.getBoundingClientRect(), ratio = area.width / svg.viewBox.baseVal.width;
      const [across, up] = [svg.scale("x"), svg.scale("y")];
      const [x, y] = isOneCount(panel, ordered) ? [across.apply(Y), up.apply(series) + up.bandwidth / 2] : [across.apply(X), up.apply(Y)];
      svg.dispatchEvent(new PointerEvent("pointermove", { clientX: area.left + x * ratio, clientY: area.top + y * ratio, pointerType: "mouse", bubbles: true }));
      document.getElementById("said").textContent = tell(ordered[at], panel).replaceAll("\n", ", ");
    };
    svg.addEventListener("input", () => { unlabel(svg); svg.classList.toggle("pointable", Boolean(svg.value && page.gallery)); });
    svg.addEventListener("click", () => open(svg.value));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step && ordered.length) {
        event.preventDefault();
        at = (at + step + ordered.length + (at < 0 && step < 0 ? 1 : 0)) % ordered.length;
        point();
      } else if (event.key === "Enter" && at >= 0) open(ordered[at]);
    });
    svg.addEventListener("blur", () => svg.dispatchEvent(new PointerEvent("pointerleave", { pointerType: "mouse" })));
  }

  function draw(panel, box) {
    const svg = plot(panel, Math.max(260, box.clientWidth));
    svg.setAttribute("role", "application");
    svg.setAttribute("aria-roledescription", "chart");
    svg.setAttribute("aria-label", `${panel.yTitle} against ${panel.xTitle}, ${data.series.length - hidden.size} methods; arrow keys go from point to point`);
    svg.setAttribute("tabindex", "0");
    unlabel(svg);
    box.querySelector("svg")?.remove();
    box.append(svg);
    listen(box, svg, panel);
  }

  // By itself a chart has no style sheet: colours are written out.
  function asFile(svg) {
    const style = getComputedStyle(document.documentElement), copy = svg.cloneNode(true);
    copy.setAttribute("style", `color: ${getComputedStyle(svg).color}; background: ${style.getPropertyValue("--paper")}; font-family: sans-serif`);
    const text = new XMLSerializer().serializeToString(copy).replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
    return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  }

  const boxes = data.panels.map((panel) => {
    const caption = element("figcaption");
    caption.append(element("span", { class: "measure", tabindex: "0", "data-says": data.meanings[panel.y] }, panel.yTitle));
    if (panel.x !== COUNT) caption.append(element("span", {}, ` against ${panel.xTitle.toLowerCase().replace(/\((.*)\)/, (s) => s.toUpperCase())}`));
    const box = element("figure", { class: "chart" }, caption);
    const kept = element("button", { type: "button", class: "save", "aria-label": `Save as SVG: ${panel.yTitle} against ${panel.xTitle}` }, "SVG");
    kept.addEventListener("click", () => save(`${caption.textContent.replace(/SVG$/, "")}.svg`, asFile(box.querySelector("svg"))));
    caption.append(kept);
    document.getElementById("charts").append(box);
    return [panel, box];
  });
  const drawAll = () => { for (const [panel, box] of boxes) draw(panel, box); };

  const legend = document.getElementById("legend");
  legend.hidden = data.series.length < 2;
  data.series.forEach((name, series) => {
    const button = element("button", { type: "button", "aria-pressed": "true", title: "hide or show" }, swatch(series), element("span", {}, name));
    button.addEventListener("click", () => {
      if (hidden.has(series)) hidden.delete(series);
      else hidden.add(series);
      button.setAttribute("aria-pressed", String(!hidden.has(series)));
      drawAll();
    });
    legend.append(button);
  });
  const axis = document.getElementById("axis");
  axis.hidden = data.panels.every((panel) => isOneCount(panel, pointsOf(panel)) || panel.x !== COUNT);
  for (const button of axis.querySelectorAll("button"))
    button.addEventListener("click", () => { scale = button.dataset.scale; press(axis, button); drawAll(); });

  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawAll(); } });
  drawAll();
  return { drawAll, asFile };
})();
