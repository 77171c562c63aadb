// From an image in MNIST's form to the activations of the input neurons. The Python side is data/preprocessing.py and
// data/deskew.py.

const STEEPEST = 1; // the largest slope that is corrected, 45 degrees
const LEAST_VARIANCE = 1 / 12; // of y in a line that is one pixel high

/** The activations of the input neurons: factor * pixel + offset. */
export function inputsOf({ factor, offset }, seen) {
  return Float64Array.from(seen, (pixel) => factor * pixel + offset);
}

/** The image as the net gets it: upright, if it learned from upright digits. */
export function seenBy({ deskew }, image) {
  return deskew ? upright(image) : image;
}

/** Make a digit upright: shift each row in proportion to its height, until x and y of the ink do not vary together. */
export function upright(image) {
  let mass = 0, sumX = 0, sumY = 0, sumXY = 0, sumYY = 0;
  for (let i = 0; i < 784; i++) {
    const ink = image[i];
    if (ink === 0) continue;
    const x = (i % 28) - 13.5;
    const y = Math.floor(i / 28) - 13.5;
    mass += ink;
    sumX += ink * x;
    sumY += ink * y;
    sumXY += ink * x * y;
    sumYY += ink * y * y;
  }
  if (mass === 0) return Float32Array.from(image);
  const meanX = sumX / mass;
  const meanY = sumY / mass;
  const variance = Math.max(sumYY / mass - meanY * meanY, LEAST_VARIANCE);
  const slope = Math.min(Math.max((sumXY / mass - meanX * meanY) / variance, -STEEPEST), STEEPEST);
  const result = new Float32Array(784);
  for (let row = 0; row < 28; row++) {
    const shift = slope * (row - 13.5 - meanY);
    const whole = Math.floor(shift);
    const part = shift - whole;
    const pixel = (x) => (x >= 0 && x < 28 ? image[28 * row + x] : 0);
    for (let x = 0; x < 28; x++) result[28 * row + x] = (1 - part) * pixel(x + whole) + part * pixel(x + whole + 1);
  }
  return result;
}
