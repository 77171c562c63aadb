// The average cost and the accuracy of a net on the test images of the page.

import { inputsOf, seenBy } from "./inputs.js";
import { cost, forward, largestOf, targetsOf } from "./net.js";

const SLICE = 6; // ms of computing before the page may react to a stroke
const averages = new WeakMap(); // by net, which no update changes
const inputs = new Map(); // of the test images, by preprocessing

/** The activations of the input neurons for each test image, as the net with this description gets them. */
export function testInputs({ preprocessing }, digits) {
  const key = JSON.stringify(preprocessing);
  if (!inputs.has(key)) inputs.set(key, new Array(digits.images.length));
  const known = inputs.get(key);
  return (n) => (known[n] ??= inputsOf(preprocessing, seenBy(preprocessing, digits.images[n])));
}

/** The guess of a net for one test image. */
export function guessOf(net, description, digits, n) {
  return largestOf(forward(net, testInputs(description, digits)(n)).at(-1).a);
}

/** The average {cost, accuracy} of a net on the counted test images; null if `isWanted()` becomes false meanwhile. */
export async function averageOf(net, description, digits, isWanted) {
  if (averages.has(net)) return averages.get(net);
  const input = testInputs(description, digits);
  let costs = 0, right = 0, until = performance.now() + SLICE;
  for (let n = 0; n < digits.counted; n++) {
    if (performance.now() > until) {
      await new Promise((resolve) => setTimeout(resolve));
      if (!isWanted()) return null;
      until = performance.now() + SLICE;
    }
    const { a } = forward(net, input(n)).at(-1);
    costs += cost(net, a, targetsOf(net, digits.labels[n]));
    right += largestOf(a) === digits.labels[n];
  }
  const average = { cost: costs / digits.counted, accuracy: right / digits.counted };
  averages.set(net, average);
  return average;
}
