// What "Train it yourself" shows: the curves of the average cost, its numbers, and the weights as pictures.

import { costCurve } from "./curve.js";
import { byId } from "./dom.js";
import { minus, number, percent, precise } from "./format.js";
import { gridTile, largestSize, paint } from "./shades.js";

const PIXELS = 28 * 28;
const MANY = 50; // the pictures of more neurons are small
const ENDS = [0.02, 0.05, 0.1, 0.2, 0.5, 1]; // of the axis of costs, which are between 0 and 1

/** Show the average cost over the epochs, and that of the last point in numbers. */
export function showCosts(points) {
  const { epochs, training, test } = points.at(-1);
  const curve = costCurve(visible(points), null);
  const costs = `${precise(training.cost)} on training digits, ${precise(test.cost)} on test digits`;
  curve.setAttribute("aria-label", `Average cost after ${number(epochs)} epochs: ${costs}`);
  byId("lab-curve").replaceChildren(curve);
  [training, test].forEach(({ cost, accuracy }, i) => {
    const { cells } = byId("lab-numbers").tBodies[0].rows[i];
    cells[1].textContent = precise(cost);
    cells[2].textContent = percent(accuracy);
  });
}

/** The two curves, from where they fit: with the random weights the cost is so high that it would hide the rest. */
function visible(points) {
  const later = points.slice(points.length > 3 ? 2 : 0);
  const highest = Math.max(...later.flatMap(({ training, test }) => [training.cost, test.cost]));
  const end = ENDS.find((top) => top >= highest);
  const curve = (name) => {
    const places = points.map((point) => [point.epochs, point[name].cost]);
    const first = places.findLastIndex(([, cost]) => cost > end) + 1;
    if (first === 0) return places;
    const [[x0, y0], [x1, y1]] = places.slice(first - 1);
    return [[x0 + ((x1 - x0) * (y0 - end)) / (y0 - y1), end], ...places.slice(first)];
  };
  return { train: curve("training"), validation: curve("test") };
}

/** Show each neuron's weights to the pixels as a picture, all on one scale, which ends at the largest weight. */
export function showWeights({ layers }) {
  const [{ m, W }] = layers;
  const place = byId("lab-tiles");
  if (place.childElementCount !== m) place.replaceChildren(...Array.from({ length: m }, () => gridTile(PIXELS)));
  place.classList.toggle("many", m > MANY);
  const full = largestSize(W);
  [...place.children].forEach((tile, i) => paint(tile, W.subarray(PIXELS * i, PIXELS * (i + 1)), full, `Neuron ${i}`));
  byId("lab-low").textContent = number(-full);
  byId("lab-high").textContent = number(full);
  const hidden = `hidden layer, ${m} neuron${m === 1 ? "" : "s"}`;
  byId("lab-tiles-title").textContent = `Weights of the ${layers.length === 1 ? "outputs 0 to 9" : hidden}`;
}

/** Write the weight update with the settings' numbers. Without hidden neurons there is no nonlinearity to select. */
export function showSettings({ h, batch, eta }) {
  byId("lab-activation").disabled = h === 0;
  const digits = batch === 1 ? "1 digit" : `${batch.toLocaleString("en")} digits`;
  byId("lab-rule").textContent =
    `One weight update: the gradients of ${digits} are averaged, dC/dw = 1/${batch} Σ dCₑ/dw, ` +
    `and w(t+1) = w(t) − ${minus(`${eta}`)} dC/dw.`;
}
