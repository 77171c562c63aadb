// The net at a glance: the input, the activations of each layer, the ten outputs and the guess.

import { byId, element, within } from "./dom.js";
import { number } from "./format.js";
import { largestOf, targetsOf } from "./net.js";
import { gridTile, legend, legendOf, mark, paint, setBar } from "./shades.js";
import { activationName, doubt, fullColour, guessed, isSigned, lastLayer, layerName, outputs, selectedNeuron, state } from "./state.js";

export const neuronCount = (n) => (n === 784 ? "28 × 28 pixels" : `${n} neuron${n === 1 ? "" : "s"}`);

/** Build each layer's part of the page for the selected net. `choose(layer, neuron, event)` selects a neuron. */
export function buildLayers(choose) {
  const { sizes, classes } = state.description;
  const last = lastLayer();
  const caption = (layer) => element("figcaption", {}, element("strong", {}, layerName(layer)), " ", element("span", {}, neuronCount(sizes[layer])));
  const figures = sizes.slice(0, last).map((size, layer) => {
    const tile = gridTile(size, layer ? (index, event) => choose(layer, index, event) : null);
    tile.id = `layer-${layer}`;
    return element("figure", {}, caption(layer), tile, layer ? layerLegend(layer) : "");
  });
  byId("layers").replaceChildren(...figures);
  byId("layers").dataset.tiles = figures.length;
  byId("outputs").replaceChildren(
    caption(last),
    element("ol", { className: "bars", id: "bars" }, ...classes.map((name, output) => bar(name, (event) => choose(last, output, event)))),
    element("p", { className: "scale", id: "bars-legend" }),
  );
  byId("outputs").classList.toggle("named", classes.some((name) => name.length > 1));
}

function layerLegend(layer) {
  return activationName(layer) === "identity" ? legend("−", "+") : legendOf(fullColour(layer), isSigned(layer));
}

function bar(name, then) {
  const track = element(
    "span",
    { className: "track" },
    element("b", { className: "before" }),
    element("b"),
    element("span", { className: "target", hidden: true }),
  );
  const row = element("li", {}, element("span", { className: "digit" }, name), track, element("span", { className: "value" }));
  row.addEventListener("click", then);
  return row;
}

/** Show the image, and the activations up to the current step. */
export function showLayers() {
  const { sizes } = state.description;
  const last = lastLayer();
  paint(byId("layer-0"), state.seen, 255, state.seen ? "The 28 × 28 image as the net gets it" : "No image yet", true);
  for (let layer = 1; layer < last; layer++) {
    const values = state.states && layer <= state.step ? state.states[layer - 1].a : null;
    const strongest = values && largestOf(values);
    const label = values
      ? `${layerName(layer)}: the strongest of ${sizes[layer]} neurons is ${strongest}, ${number(values[strongest])}`
      : `${layerName(layer)}: not computed yet`;
    paint(byId(`layer-${layer}`), values, fullColour(layer), label);
    mark(byId(`layer-${layer}`), layer === state.step ? selectedNeuron() : null, sizes[layer]);
  }
  const answer = state.step === last ? outputs() : null;
  showBars(answer);
  showGuess(answer);
}

function showBars(answer) {
  const layer = lastLayer();
  const top = fullColour(layer);
  const bottom = isSigned(layer) ? -top : 0;
  const before = answer && state.effect?.outputs;
  const right = answer && state.label;
  const y = right !== null ? targetsOf(state.net, right) : null;
  byId("bars").classList.toggle("compared", Boolean(before));
  byId("bars-legend").textContent = (y ? "❙ y, the target " : "") + (before ? "  ▨ before   ■ after" : "");
  const chosen = answer && state.step === layer ? state.neuron : null;
  const guess = answer && guessed();
  [...byId("bars").children].forEach((row, output) => {
    const [old, now] = row.querySelectorAll("b");
    setBar(old, before ? before[output] : 0, bottom, top);
    setBar(now, answer ? answer[output] : 0, bottom, top);
    const target = row.querySelector(".target");
    target.hidden = y === null;
    if (y) target.style.left = `${(100 * (within(bottom, y[output], top) - bottom)) / (top - bottom)}%`;
    row.querySelector(".value").textContent = answer
      ? (before ? `${number(before[output])} → ` : "") + number(answer[output])
      : "";
    row.classList.toggle("guess", output === guess);
    row.classList.toggle("chosen", output === chosen);
  });
}

function showGuess(answer) {
  const { classes } = state.description;
  const guess = answer && guessed();
  byId("guess").textContent = answer ? classes[guess] : "";
  byId("guess").classList.toggle("named", Boolean(answer) && classes[guess].length > 1);
  byId("sureness").textContent = answer ? sureness(answer) : "";
  const right = state.digit === null ? null : state.label;
  byId("source").textContent = right === null ? "" : `Test image ${state.digit}, label\u00a0${classes[right]}`;
  byId("verdict").textContent = answer && right !== null ? (guess === right ? "✓ right" : "✗ wrong") : "";
}

/** "sure", or "not sure" with the reason. */
export function sureness(answer) {
  const reason = doubt(answer);
  if (reason === null) return "sure";
  if (reason === "weak") return `not sure: no output is above ${number(state.sure).replace(/0+$/, "")}`;
  return `not sure: ${state.description.classes[reason]} is close`;
}
