// From boundaries to pictures: regions, mean colours and the prior, computed where they are seen.
page.pixels = !page.data ? null : (() => {
  const SCALE = 2; // lines half a pixel of the photo thick
  const YELLOW = [255, 222, 40];
  const SHADE = 0.45;

  const images = new Map();
  function load(uri) {
    if (!images.has(uri)) {
      const image = new Image();
      image.src = uri;
      images.set(uri, image.decode().then(() => image));
    }
    return images.get(uri);
  }

  function read(image, width, height) {
    const canvas = document.createElement("canvas");
    canvas.width = width; canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  }

  // A pixel that is no line has the label of its right and lower neighbours; that alone gives the
  // regions. The few pixels between lines on both sides go with their left or upper neighbour.
  function regions(lines, width, height) {
    const parent = new Int32Array(width * height).map((_, p) => p);
    const find = (p) => { while (parent[p] !== p) p = parent[p] = parent[parent[p]]; return p; };
    const line = (p) => lines[4 * p] > 127;
    const lost = [];
    for (let y = 0, p = 0; y < height; y++) for (let x = 0; x < width; x++, p++) {
      const left = x > 0 && !line(p - 1), up = y > 0 && !line(p - width);
      if (left) parent[find(p)] = find(p - 1);
      if (up) parent[find(p)] = find(p - width);
      if (line(p) && !left && !up && p > 0) lost.push(p);
    }
    const labels = parent.map((_, p) => find(p));
    for (const p of lost) labels[p] = labels[p % width ? p - 1 : p - width];
    return labels;
  }

  function paint(canvas, photo, width, height) {
    canvas.width = width * SCALE; canvas.height = height * SCALE;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(photo, 0, 0, canvas.width, canvas.height);
    return context;
  }

  function drawLines(context, labels, outside, width, height) {
    const w = width * SCALE, h = height * SCALE;
    const picture = context.getImageData(0, 0, w, h), pixels = picture.data;
    const marks = new Uint8Array(w * h);
    const last = SCALE - 1;
    for (let y = 0, p = 0; y < height; y++) for (let x = 0; x < width; x++, p++) {
      const right = x + 1 < width && labels[p + 1] !== labels[p] && !outside(p) && !outside(p + 1);
      const below = y + 1 < height && labels[p + width] !== labels[p] && !outside(p) && !outside(p + width);
      if (!right && !below) continue;
      const q = y * SCALE * w + x * SCALE;
      for (let i = 0; i < SCALE; i++) {
        if (right) marks[q + i * w + last] = 1;
        if (below) marks[q + last * w + i] = 1;
      }
    }
    for (let q = 0; q < w * h; q++) {
      const at = 4 * q;
      if (marks[q]) { pixels[at] = YELLOW[0]; pixels[at + 1] = YELLOW[1]; pixels[at + 2] = YELLOW[2]; }
      else if (marks[q - 1] || marks[q + 1] || marks[q - w] || marks[q + w]) {
        pixels[at] *= SHADE; pixels[at + 1] *= SHADE; pixels[at + 2] *= SHADE;
      }
    }
    context.putImageData(picture, 0, 0);
  }

  function drawMeans(context, labels, photo, width, height) {
    const pixels = read(photo, width, height);
    const sums = new Float64Array(3 * width * height), areas = new Float64Array(width * height);
    for (let p = 0; p < width * height; p++) {
      areas[labels[p]]++;
      for (let c = 0; c < 3; c++) sums[3 * labels[p] + c] += pixels[4 * p + c];
    }
    enlarge(context, width, height, (p, c) => sums[3 * labels[p] + c] / areas[labels[p]]);
  }

  function drawObjects(context, objects, photo, width, height) {
    const pixels = read(photo, width, height);
    enlarge(context, width, height, (p, c) => {
      const grey = 0.299 * pixels[4 * p] + 0.587 * pixels[4 * p + 1] + 0.114 * pixels[4 * p + 2];
      const uncertain = !(objects[4 * p] || objects[4 * p + 1] || objects[4 * p + 2]);
      if (!uncertain) return 0.38 * grey + 0.62 * objects[4 * p + c];
      const stripe = Math.floor(((p % width) + Math.floor(p / width)) / 3) % 2;
      return grey * (stripe ? 0.18 : 0.62);
    });
  }

  function enlarge(context, width, height, color) {
    const w = width * SCALE;
    const picture = context.createImageData(w, height * SCALE);
    for (let p = 0; p < width * height; p++) {
      const rgb = [color(p, 0), color(p, 1), color(p, 2), 255];
      const q = Math.floor(p / width) * SCALE * w + (p % width) * SCALE;
      for (let i = 0; i < SCALE; i++) for (let j = 0; j < SCALE; j++)
        for (let c = 0; c < 4; c++) picture.data[4 * (q + i * w + j) + c] = rgb[c];
    }
    context.putImageData(picture, 0, 0);
  }

  // What is no superpixel has no border: it is striped instead.
  function stripe(context, outside, width, height) {
    const w = width * SCALE;
    const picture = context.getImageData(0, 0, w, height * SCALE);
    let any = false;
    for (let p = 0; p < width * height; p++) {
      if (!outside(p)) continue;
      any = true;
      const x = p % width, y = Math.floor(p / width);
      const grey = Math.floor((x + y) / 5) % 2 ? 128 : 150;
      for (let i = 0; i < SCALE; i++) for (let j = 0; j < SCALE; j++)
        picture.data.set([grey, grey, grey, 255], 4 * ((y * SCALE + i) * w + x * SCALE + j));
    }
    if (any) context.putImageData(picture, 0, 0);
    return any;
  }

  // Draw one side of the comparison, and say whether some of it is no superpixel: `drawing` is
  // null for the photo alone.
  async function draw(canvas, picture, drawing, view) {
    const photo = await load(picture.photo);
    const { width, height } = picture;
    const lines = drawing && view !== "photo" && (await load(drawing[0]));
    const objects = drawing && view === "objects" && drawing[1] !== null
      && (await load(page.data.objects[drawing[1]]));
    const context = paint(canvas, photo, width, height);
    if (!lines) return false;
    const marked = read(lines, width, height);
    const outside = (p) => marked[4 * p + 2] > 127 && marked[4 * p + 1] < 128;
    if (view === "objects") {
      if (objects) drawObjects(context, read(objects, width, height), photo, width, height);
    } else {
      const labels = regions(marked, width, height);
      if (view === "lines") drawLines(context, labels, outside, width, height);
      else drawMeans(context, labels, photo, width, height);
    }
    return stripe(context, outside, width, height);
  }

  return { draw, regions };
})();
