/** Colours as the canvas holds them: 0xAABBGGRR, straight alpha. */

export function pack(r, g, b, a = 255) {
  return ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/** Return a packed colour of "#rrggbb". */
export function fromHex(hex, a = 255) {
  const n = parseInt(hex.slice(1), 16);
  return pack(n >> 16, (n >> 8) & 255, n & 255, a);
}

function hue(h, s, l) {
  const part = (n) => {
    const k = (n + h / 30) % 12;
    return Math.round(255 * (l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}

const GOLDEN_ANGLE = 137.50776405;

/** Return n colours, neighbours in number far apart in hue. */
export function distinct(n) {
  const found = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    found[i] = pack(...hue((i * GOLDEN_ANGLE) % 360, 0.62, i % 2 ? 0.62 : 0.5));
  }
  return found;
}

/** Return the tint of a factor: warm where denser, cool where sparser; nothing at 1. */
export function tint(factor) {
  const strength = Math.min(1, Math.abs(Math.log2(factor)) / 3);
  if (!strength) return 0;
  const a = Math.round(70 + 90 * strength);
  return factor > 1 ? pack(255, 110, 30, a) : pack(40, 130, 255, a);
}
