// Step by step: forward propagation layer by layer, and the weighted sum of one neuron, product by product.

import { byId, choices, check, element, tableRow, within } from "./dom.js";
import { equals, number } from "./format.js";
import { neuronCount } from "./layers.js";
import { gridTile, largestSize, legend, mark, paint } from "./shades.js";
import { activationName, fullColour, lastLayer, layerName, selectedNeuron, state } from "./state.js";

const SUMMANDS_SHOWN = 6;
const FUNCTIONS = { sigmoid: "σ(z)", tanh: "tanh(z)", scaled_tanh: "1.7159 tanh(2z/3)", identity: "z" };

let chosen; // the function that selects a neuron
let maps = null; // the tiles of the layer that was shown last

/** Connect the panel's controls. `choose(layer, neuron)` selects a neuron; null selects the strongest. */
export function startSteps(choose) {
  chosen = choose;
  const step = (by) => () => {
    choose(within(0, state.step + by, lastLayer()), null);
    if (byId("back").disabled) byId("next").focus();
    if (byId("next").disabled) byId("back").focus();
  };
  byId("back").addEventListener("click", step(-1));
  byId("next").addEventListener("click", step(1));
  byId("strongest").addEventListener("click", () => choose(state.step, null));
  byId("neuron-number").addEventListener("input", (event) => {
    if (event.target.value !== "" && event.target.validity.valid) choose(state.step, Number(event.target.value));
  });
}

/** Build the panel for the selected net. */
export function buildSteps() {
  choices(byId("steps"), "step", state.description.sizes.map((_, layer) => layerName(layer)), (layer) => chosen(layer, null));
  maps = null;
}

export function showSteps() {
  check(byId("steps"), state.step);
  byId("back").disabled = state.step === 0;
  byId("next").disabled = state.step === lastLayer();
  byId("step-text").textContent = stepText();
  const index = selectedNeuron();
  byId("neuron").hidden = index === null;
  if (index !== null) showNeuron(state.step, index);
}

function stepText() {
  const { sizes, preprocessing, bias } = state.description;
  const layer = state.step;
  if (layer === 0) {
    const light = preprocessing.offset;
    const dark = 255 * preprocessing.factor + light;
    return `The pixels are the activations of the 784 input neurons: ${number(light)} for paper, ${number(dark)} for ink. Press Next to compute the first layer.`;
  }
  const adds = bias ? "adds the products and its bias: z = W a + b." : "adds the products: z = W a.";
  return (
    `Each of the ${neuronCount(sizes[layer])} multiplies the ${sizes[layer - 1]} activations of the layer before by its weights, and ` +
    `${adds} Its activation is a = ${FUNCTIONS[activationName(layer)]}.` +
    (layer === lastLayer() ? " The output neuron with the largest activation is the guess." : "") +
    (layer === lastLayer() ? "" : " Where a neuron stands in its grid means nothing: the order of the neurons is random.")
  );
}

function showNeuron(layer, index) {
  const { sizes, preprocessing } = state.description;
  const size = sizes[layer];
  const input = byId("neuron-number");
  input.max = size - 1;
  if (document.activeElement !== input || state.neuron === null) input.value = index;
  byId("neuron-count").textContent = `of 0 to ${size - 1}`;

  const { W, b, n } = state.net.layers[layer - 1];
  const weights = W.subarray(index * n, (index + 1) * n);
  const inputs = layer === 1 ? state.x : state.states[layer - 2].a;
  const products = inputs.map((a, i) => a * weights[i]);
  const { z, a } = state.states[layer - 1];
  const sum = z[index] - (b === null ? 0 : b[index]);
  byId("equation").replaceChildren(
    b === null
      ? "z = Σ w a = "
      : `z = Σ w a + b = ${number(sum)} ${b[index] < 0 ? "−" : "+"} ${number(Math.abs(b[index]))} = `,
    element("b", {}, number(z[index])),
    `,  a = ${FUNCTIONS[activationName(layer)]} `,
    element("b", {}, equals(a[index])),
  );

  if (maps?.layer !== layer) buildMaps(layer);
  const below = layer === 1 ? inputs.map((x) => (x - preprocessing.offset) / preprocessing.factor) : inputs;
  paint(maps.tiles[0], below, layer === 1 ? 255 : fullColour(layer - 1), "The activations of the layer before", layer === 1);
  paint(maps.tiles[1], weights, largestSize(weights), `The incoming weights of neuron ${index}`);
  paint(maps.tiles[2], products, largestSize(products), "Each weight times its activation");
  showSummands(layer, weights, inputs, products, sum);
}

/** Make the three grids for a neuron of this layer. A click on a cell selects that neuron of the layer before. */
function buildMaps(layer) {
  const size = state.description.sizes[layer - 1];
  const then = layer > 1 ? (index) => chosen(layer - 1, index) : null;
  const tiles = ["activations a", "weights w", "products w a"].map((name) => {
    const tile = gridTile(size, then);
    mark(tile, null, size);
    return [name, tile];
  });
  maps = { layer, tiles: tiles.map(([, tile]) => tile) };
  byId("maps").replaceChildren(
    ...tiles.map(([name, tile]) => element("figure", {}, element("figcaption", {}, name), tile)),
    legend("w, w a: −", "+"),
  );
}

function showSummands(layer, weights, inputs, products, sum) {
  const order = [...products.keys()].sort((i, j) => Math.abs(products[j]) - Math.abs(products[i])).slice(0, SUMMANDS_SHOWN);
  const rows = order.map((i) => tableRow(summandName(layer, i), number(weights[i]), number(inputs[i]), number(products[i])));
  const rest = products.length - order.length;
  if (rest > 0) {
    const shown = order.reduce((total, i) => total + products[i], 0);
    rows.push(tableRow(`the other ${rest}`, "", "", number(sum - shown)));
  }
  rows.push(tableRow("Σ w a", "", "", number(sum)));
  byId("summands").tBodies[0].replaceChildren(...rows);
}

/** A pixel's place, or a button that selects the neuron. */
function summandName(layer, i) {
  if (layer === 1) return `row ${Math.floor(i / 28)}, column ${i % 28}`;
  const name = element("button", { type: "button", className: "link" }, `neuron ${i}`);
  name.addEventListener("click", () => chosen(layer - 1, i));
  return name;
}
