// The incoming weights of a neuron as a picture beside it, one click on the neuron away.

import { byId, element, within } from "./dom.js";
import { equals } from "./format.js";
import { gridTile, largestSize, legendOf, paint } from "./shades.js";
import { layerName, state } from "./state.js";

const GAP = 12;

export function startCard() {
  byId("close-card").addEventListener("click", hideCard);
  addEventListener("keydown", (event) => event.key === "Escape" && hideCard());
  addEventListener("pointerdown", (event) => {
    if (!event.target.closest("#card, .neurons, .bars")) hideCard();
  });
}

export function hideCard() {
  byId("card").hidden = true;
}

/** Show the weights of a neuron near the place of the click. */
export function showCard(layer, index, event) {
  const { W, n } = state.net.layers[layer - 1];
  const weights = W.subarray(index * n, (index + 1) * n);
  const tile = gridTile(n, null);
  const full = largestSize(weights);
  const name = `${layerName(layer)}, neuron ${layer === state.net.layers.length ? state.description.classes[index] : index}`;
  paint(tile, weights, full, `The ${n} incoming weights of: ${name}`);
  byId("card-text").replaceChildren(
    element("strong", {}, name),
    element("br"),
    `a ${equals(state.states[layer - 1].a[index])}; its weights from the ${layer === 1 ? "pixels" : layerName(layer - 1).toLowerCase()}:`,
  );
  byId("card-picture").replaceChildren(tile, legendOf(full, true));
  const card = byId("card");
  card.hidden = false;
  const { width, height } = card.getBoundingClientRect();
  const left = event.clientX + GAP + width > innerWidth ? event.clientX - GAP - width : event.clientX + GAP;
  card.style.left = `${within(4, left, innerWidth - width - 4) + scrollX}px`;
  card.style.top = `${within(4, event.clientY - height / 3, Math.max(4, innerHeight - height - 4)) + scrollY}px`;
}
