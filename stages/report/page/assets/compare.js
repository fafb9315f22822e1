// The gallery: two methods on one image, with a slider between them.
page.gallery = (() => {
  const { data, element, press, fill, save, pixels, asked, askedInFull } = page;
  const get = (id) => document.getElementById(id);
  if (!data || !data.pictures.length) return null;

  const NOTHING = data.series.length; // as a side: the photo alone
  const HIGHER = data.figures.measures;
  const state = { image: 0, count: Math.floor(data.counts.length / 2), left: 0, right: 1, view: "lines", sorting: 0 };
  state.right = Math.min(1, NOTHING);
  const drawnAt = (series) => d3.range(data.counts.length).filter((i) => `0/${series}/${i}` in data.drawings);
  const [ofLeft, ofRight] = [drawnAt(state.left), new Set(drawnAt(state.right))];
  const ofBoth = ofLeft.filter((i) => ofRight.has(i));
  const usual = [ofBoth, ofLeft].find((each) => each.length) ?? [state.count];
  state.count = usual[Math.floor(usual.length / 2)];
  const figures = new Map();
  for (const [image, series, count, made, ...values] of data.figures.rows)
    figures.set(`${data.figures.images[image]}\n${series}\n${count}`, { made, values });

  const figuresOf = (image, series) => figures.get(`${data.pictures[image].name}\n${series}\n${state.count}`);
  const drawingOf = (series) => data.drawings[`${state.image}/${series}/${state.count}`] ?? null;
  const nameOf = (series) => (series === NOTHING ? "image" : data.series[series]);
  const heading = (measure) => data.headings[HIGHER[measure]];

  function gain(image) {
    const left = figuresOf(image, state.left), right = figuresOf(image, state.right);
    const difference = left && right ? left.values[state.sorting] - right.values[state.sorting] : NaN;
    return left?.values[state.sorting] == null || right?.values[state.sorting] == null ? NaN : difference;
  }
  const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);

  // Both sides as they are drawn; of these the stage shows a part, `times` enlarged, about (x, y).
  const drawn = {};
  const zoom = { times: 1, x: 0.5, y: 0.5 };
  const MOST = 8;
  function present() {
    const half = 0.5 / zoom.times;
    for (const axis of ["x", "y"]) zoom[axis] = Math.min(1 - half, Math.max(half, zoom[axis]));
    for (const [id, made] of Object.entries(drawn)) {
      const { width, height } = made, canvas = get(id), context = canvas.getContext("2d");
      canvas.width = width; canvas.height = height;
      context.imageSmoothingEnabled = zoom.times < 4;
      context.drawImage(made, (zoom.x - half) * width, (zoom.y - half) * height, width / zoom.times, height / zoom.times, 0, 0, width, height);
    }
    get("zoom").textContent = `${zoom.times}×`;
    get("zoom-out").disabled = zoom.times === 1;
    get("zoom-in").disabled = zoom.times === MOST;
    get("stage").classList.toggle("enlarged", zoom.times > 1);
  }
  // What is at a place of the stage, in shares of it, stays there.
  function enlarge(factor, x = 0.5, y = 0.5) {
    const times = Math.min(MOST, Math.max(1, zoom.times * factor));
    const change = 1 / zoom.times - 1 / times;
    Object.assign(zoom, { times, x: zoom.x + (x - 0.5) * change, y: zoom.y + (y - 0.5) * change });
    present();
  }
  function pan(x, y) { zoom.x += x / zoom.times; zoom.y += y / zoom.times; present(); }

  let latest = 0;
  async function redraw() {
    const turn = ++latest;
    const picture = data.pictures[state.image];
    let striped = false;
    for (const [id, series] of [["over", state.left], ["under", state.right]]) {
      const made = document.createElement("canvas");
      const outside = await pixels.draw(made, picture, drawingOf(series), state.view);
      if (turn !== latest) return;
      striped ||= outside;
      drawn[id] = made;
      get(id).setAttribute("aria-label", says(series, picture));
    }
    present();
    get("outside-note").hidden = !striped;
    get("stage").dataset.drawn = String(turn);
  }

  function says(series, picture) {
    const views = { lines: "boundaries of superpixels", means: "superpixels in their mean colours", objects: "objects of the prior", photo: "the image alone" };
    const k = data.counts[state.count];
    return series === NOTHING || state.view === "photo" ? `${picture.name}: the image alone`
      : `${picture.name}: ${views[state.view]}, ${nameOf(series)}, ${askedInFull(k)}`;
  }

  function caption(series, side) {
    const box = element("div");
    const title = element("h4");
    if (series !== NOTHING) title.append(page.swatch(series));
    const kept = element("button", { type: "button", class: "save", "aria-label": `Save as PNG: ${nameOf(series)}` }, "PNG");
    kept.addEventListener("click", () => save(`${says(series, data.pictures[state.image])}.png`, drawn[side].toDataURL()));
    title.append(element("span", {}, nameOf(series)), kept);
    box.append(title);
    const known = series === NOTHING ? null : figuresOf(state.image, series);
    const drawing = series === NOTHING ? null : drawingOf(series);
    if (series !== NOTHING && !known) { box.append(element("p", { class: "note" }, "not measured on this image")); return box; }
    if (!known) return box;
    const list = element("dl");
    const add = (name, value, says) => list.append(element("div", {}, element("dt", says ? { "data-says": says } : {}, name), element("dd", {}, value)));
    add("n", String(known.made), data.meanings.n_superpixels);
    if (drawing && drawing[1] !== null) add("objects", String(drawing[2]));
    known.values.forEach((value, i) => { if (value !== null) add(heading(i), value.toFixed(3), data.meanings[HIGHER[i]]); });
    box.append(list);
    return box;
  }

  function showThumbnails() {
    const gains = data.pictures.map((_, image) => gain(image));
    const order = d3.range(data.pictures.length);
    if (gains.some((value) => !isNaN(value)))
      order.sort((a, b) => (isNaN(gains[a]) - isNaN(gains[b])) || gains[b] - gains[a] || a - b);
    const focused = document.activeElement?.dataset?.image;
    get("thumbnails").replaceChildren(...order.map((image) => {
      const picture = data.pictures[image];
      const button = element("button", { type: "button", "data-image": image, "aria-pressed": String(image === state.image), title: picture.name },
        element("img", { src: picture.photo, alt: "" }), element("span", {}, picture.name));
      if (!isNaN(gains[image])) button.append(element("span", { class: "gain" }, `${heading(state.sorting)} ${signed(gains[image])}`));
      button.addEventListener("click", () => set({ image }));
      return button;
    }));
    if (focused !== undefined) get("thumbnails").querySelector(`[data-image="${focused}"]`)?.focus({ preventScroll: true });
  }

  function slide(percent) {
    get("slider").value = String(percent);
    get("over").style.clipPath = `inset(0 ${100 - percent}% 0 0)`;
    get("divider").style.left = `${percent}%`;
    get("tag-left").style.visibility = percent < 12 ? "hidden" : "";
    get("tag-right").style.visibility = percent > 88 ? "hidden" : "";
  }

  function set(change, remark = "") {
    Object.assign(state, change);
    if ("image" in change) Object.assign(zoom, { times: 1, x: 0.5, y: 0.5 });
    get("left").value = String(state.left); get("right").value = String(state.right);
    press(get("gallery-counts"), get("gallery-counts").querySelector(`[data-count="${state.count}"]`));
    press(get("views"), get("views").querySelector(`[data-view="${state.view}"]`));
    get("remark").textContent = remark;
    const picture = data.pictures[state.image];
    get("stage").style.aspectRatio = `${picture.width} / ${picture.height}`;
    get("frame").style.maxWidth = `calc(76vh * ${picture.width / picture.height})`;
    get("tag-left").textContent = nameOf(state.left); get("tag-right").textContent = nameOf(state.right);
    get("captions").replaceChildren(caption(state.left, "over"), caption(state.right, "under"));
    showThumbnails();
    return redraw();
  }

  // Show what a point of a chart stands for: its method on the left, the nearest K there is.
  function show({ series, k, image }) {
    const change = { left: series };
    let remark = "";
    if (k !== undefined) {
      change.count = d3.leastIndex(data.counts, (a, b) => Math.abs(Math.log(a / k)) - Math.abs(Math.log(b / k)));
      if (data.counts[change.count] !== k) remark = `The page carries no pictures for ${askedInFull(k)}; these are for ${askedInFull(data.counts[change.count])}.`;
    }
    if (image !== undefined) change.image = image;
    if (state.right === series) change.right = state.left === series ? NOTHING : state.left;
    set(change, remark);
    get("gallery").scrollIntoView();
  }

  const sides = [...data.series, "the image alone"];
  fill(get("left"), sides, state.left);
  fill(get("right"), sides, state.right);
  fill(get("sorting"), HIGHER.map((_, i) => heading(i)), 0);
  data.counts.forEach((count, i) => {
    const button = element("button", { type: "button", "data-count": i }, asked(count));
    button.addEventListener("click", () => set({ count: i }));
    get("gallery-counts").append(button);
  });
  for (const side of ["left", "right"])
    get(side).addEventListener("change", (event) => set({ [side]: Number(event.target.value) }));
  get("sorting").addEventListener("change", (event) => set({ sorting: Number(event.target.value) }));
  for (const button of get("views").querySelectorAll("button")) {
    if (button.dataset.view === "objects") button.disabled = !data.objects.length;
    button.addEventListener("click", () => set({ view: button.dataset.view }));
  }
  get("slider").addEventListener("input", (event) => slide(Number(event.target.value)));
  const share = (event) => {
    const box = get("stage").getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const follow = (event) => slide(Math.round(Math.min(100, Math.max(0, 100 * share(event)[0]))));
  // A drag moves the divider or, where the picture is enlarged, the picture.
  let held = null;
  get("stage").addEventListener("pointerdown", (event) => {
    get("stage").setPointerCapture(event.pointerId);
    held = share(event);
    if (zoom.times === 1) follow(event);
  });
  get("stage").addEventListener("pointermove", (event) => {
    if (!event.buttons || !held) return;
    if (zoom.times === 1) { follow(event); return; }
    const [x, y] = share(event);
    pan(held[0] - x, held[1] - y);
    held = [x, y];
  });
  get("stage").addEventListener("wheel", (event) => {
    if (!event.ctrlKey && zoom.times === 1) return; // scrolls the page
    event.preventDefault();
    enlarge(event.deltaY < 0 ? 2 : 0.5, ...share(event));
  }, { passive: false });
  get("stage").addEventListener("dblclick", (event) => enlarge(2, ...share(event)));
  get("zoom-in").addEventListener("click", () => enlarge(2));
  get("zoom-out").addEventListener("click", () => enlarge(0.5));
  const keys = {
    "+": () => enlarge(2), "=": () => enlarge(2), "-": () => enlarge(0.5), ArrowLeft: () => pan(-0.2, 0), ArrowRight: () => pan(0.2, 0), ArrowUp: () => pan(0, -0.2), ArrowDown: () => pan(0, 0.2),
  };
  get("stage").addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || (zoom.times === 1 && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    keys[event.key]();
  });

  slide(50);
  set({});
  return { show };
})();
