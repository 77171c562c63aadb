// Bring a drawing to the form of MNIST's images. The Python side is pictures/form.py, whose paper is blank here.

const BOX = 20; // the longer side of the digit in pixels
const CENTRE = 14; // index of the centre of mass
const FAINT = 0.1; // ink below this share of the strongest does not count for the bounding box

/** The image (784 bytes, 0 is paper) of a drawing: `side` x `side` bytes of ink. Without ink it is null. */
export function mnistForm(drawing, side) {
  let strongest = 0;
  for (const byte of drawing) if (byte > strongest) strongest = byte;
  if (strongest === 0) return null;
  let left = side, top = side, right = 0, bottom = 0;
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      if (drawing[i] <= FAINT * strongest) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  }
  const longer = Math.max(right - left, bottom - top);
  const width = Math.max(1, roundEven((BOX * (right - left)) / longer));
  const height = Math.max(1, roundEven((BOX * (bottom - top)) / longer));
  const columns = hamming(right - left, width);
  const narrow = new Float32Array((bottom - top) * width);
  for (let y = top, to = 0; y < bottom; y++) {
    for (const { first, weights } of columns) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += drawing[y * side + left + first + k] * weights[k];
      narrow[to++] = sum;
    }
  }
  const digit = new Float32Array(height * width);
  hamming(bottom - top, height).forEach(({ first, weights }, y) => {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += narrow[(first + k) * width + x] * weights[k];
      digit[y * width + x] = sum;
    }
  });
  return centred(digit, width, height);
}

/** How Pillow's HAMMING resampling weighs the old pixels for each new one: [{first, weights}]. */
function hamming(from, to) {
  const scale = from / to;
  const support = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: end - first }, (_, k) => hammingAt((first + k - centre + 0.5) / support));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

function hammingAt(x) {
  if (x === 0) return 1;
  if (Math.abs(x) >= 1) return 0;
  const angle = x * Math.PI;
  return (Math.sin(angle) / angle) * (0.54 + 0.46 * Math.cos(angle));
}

/** Place the digit with its centre of mass at the centre, or as near as possible without cutting it off. */
function centred(digit, width, height) {
  let darkest = 0, mass = 0, massX = 0, massY = 0;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      darkest = Math.max(darkest, digit[i]);
      mass += digit[i];
      massX += digit[i] * x;
      massY += digit[i] * y;
    }
  }
  const place = (centre, size) => Math.min(Math.max(0, roundEven(CENTRE - centre)), 28 - size);
  const left = place(massX / mass, width);
  const top = place(massY / mass, height);
  const image = new Uint8Array(784);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) image[(top + y) * 28 + left + x] = roundEven((255 * digit[i]) / darkest);
  }
  return image;
}

/** Round as Python does: halves to the even neighbour. */
function roundEven(value) {
  const whole = Math.floor(value);
  return value - whole === 0.5 ? whole + (whole % 2) : Math.round(value);
}
