/** Packed arrays from the server (FORMATS.md): magic, length, JSON header, deflated bodies. */

const KINDS = {
  uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array,
  int32: Int32Array, float32: Float32Array,
};

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** Add to each row the one above, modulo the type's range: undoes the server's filter. */
function accumulate(values, columns) {
  for (let i = columns; i < values.length; i++) values[i] += values[i - columns];
}

/**
 * Return the arrays of a message by name, and its facts.
 * @param {ArrayBuffer} buffer
 * @returns {Promise<{arrays: Object, facts: Object}>}
 */
export async function unpack(buffer) {
  const bytes = new Uint8Array(buffer);
  if (new TextDecoder().decode(bytes.subarray(0, 4)) !== "SPX1") throw new Error("not packed arrays");
  const length = new DataView(buffer).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const arrays = {};
  await Promise.all(header.arrays.map(async (each) => {
    const start = 8 + length + each.offset;
    const values = new KINDS[each.dtype](await inflate(bytes.subarray(start, start + each.length)));
    if (each.filter === "up") accumulate(values, each.shape[1]);
    arrays[each.name] = values;
  }));
  return { arrays, facts: header.facts };
}
