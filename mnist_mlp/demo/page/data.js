// Read the nets and the digits that stand in this file. The Python side is demo/nets.py and demo/contents.py.

import { byId } from "./dom.js";

const json = (id) => JSON.parse(byId(`data-${id}`).textContent);

/** The page's nets without their weights, and when an answer counts as sure. */
export const readNets = () => json("nets");

/** The test images and the training images: {images, labels, ...}, with 784 bytes for each image. */
export const readDigits = () => (testDigits ??= decodePictures(json("digits")));
export const readTrainingDigits = () => decodePictures(json("training"));

let testDigits = null; // a promise

async function decodePictures({ sprite, columns, labels, ...rest }) {
  const picture = new Image();
  picture.src = sprite;
  await picture.decode();
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, picture.width, picture.height);
  const images = Array.from({ length: labels.length }, (_, n) => {
    const image = new Uint8Array(784);
    const left = 28 * (n % columns);
    const top = 28 * Math.floor(n / columns);
    for (let i = 0; i < 784; i++) {
      image[i] = data[4 * ((top + Math.floor(i / 28)) * picture.width + left + (i % 28))];
    }
    return image;
  });
  return { images, labels: Uint8Array.from(labels, Number), ...rest };
}

/** A net for net.js from its description, with the weights of one stage of its training. */
export async function netOf(description, stage) {
  const { activation, outputActivation, cost, targets, sizes, bias } = description;
  const numbers = await decodeHalves(description.stages[stage].weights);
  let at = 0;
  const layers = sizes.slice(1).map((m, l) => {
    const n = sizes[l];
    const W = numbers.subarray(at, (at += m * n));
    const b = bias ? numbers.subarray(at, (at += m)) : null;
    return { n, m, W, b };
  });
  return { activation, outputActivation, cost, targets, layers };
}

/** Numbers of 16 bits in base64, compressed by zlib: first the upper byte of each, then the lower bytes. */
async function decodeHalves(text) {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const unpacking = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(unpacking).arrayBuffer());
  const count = bytes.length / 2;
  const values = halves();
  return Float32Array.from({ length: count }, (_, i) => values[256 * bytes[i] + bytes[count + i]]);
}

let halfValues = null;

/** The value of each of the 65,536 float16 numbers (IEEE 754). */
function halves() {
  halfValues ??= Float32Array.from({ length: 65536 }, (_, bits) => {
    const sign = bits >> 15 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  });
  return halfValues;
}
