// What the server sends: the length of a JSON header in four bytes, the header, and all arrays deflated as one.

async function unpack(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + view.getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, end)));
  const stream = new Blob([bytes.subarray(end)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const plain = await new Response(stream).arrayBuffer();
  head.arrays = Object.fromEntries(head.places.map(({ name, start, bytes: length }) => [name, new Uint8Array(plain, start, length)]));
  return head;
}

// The header alone is enough to know whether it is new.
function headerOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + view.getUint32(0, true))));
}

function made(tag, name, parent) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  parent?.append(element);
  return element;
}

// Writing the same text again would still cost layout.
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function surface(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

// Colours as the one number that an ImageData holds, on machines that put the lowest byte first (all that browsers run on).
function rgba(red, green, blue, alpha = 255) {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

// RGB bytes to a canvas
function pictured(rgb, height, width) {
  const canvas = surface(width, height);
  const data = new ImageData(width, height);
  const words = new Uint32Array(data.data.buffer);
  for (let i = 0, k = 0; i < words.length; i++, k += 3) words[i] = rgba(rgb[k], rgb[k + 1], rgb[k + 2]);
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}
