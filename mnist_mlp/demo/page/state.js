// What the page shows at the moment, and how its parts follow from each other. All parts of the page read this object.

import { inputsOf, seenBy } from "./inputs.js";
import { forward, largestOf } from "./net.js";

export const state = {
  sure: 0.5, // an answer below this activation is not sure
  margin: 0.1, // nor is one whose largest two activations are closer than this
  description: null, // of the selected net (demo/nets.py)
  stage: 0, // the number of the net's shown stage of training
  net: null, // for net.js, after the updates so far
  history: [], // the nets before each update, oldest first
  image: null, // the drawing or the digit in MNIST's form, 784 bytes
  seen: null, // the image as the net gets it, upright if the net learned from upright digits
  x: null, // the activations of the input neurons
  states: null, // z and a of each layer
  step: 0, // forward propagation is shown up to this layer; 0 is the input
  neuron: null, // the selected neuron of that layer; null selects the strongest
  digit: null, // the number of the test image that is shown; null for a drawing
  label: null, // the right answer; null until it is given
  effect: null, // the net before the last update, and its η
};

/** Compute everything that follows from the net and the image. */
export function compute() {
  const { net, image, description } = state;
  if (net === null || image === null) {
    Object.assign(state, { seen: null, x: null, states: null });
    return;
  }
  state.seen = seenBy(description.preprocessing, image);
  state.x = inputsOf(description.preprocessing, state.seen);
  state.states = forward(net, state.x);
}

export const outputs = () => state.states?.at(-1).a ?? null;

export const lastLayer = () => state.description.sizes.length - 1;

export const guessed = () => largestOf(outputs());

/** Why the guess is not sure; null if it is. The Python side is inference/confidence.py. */
export function doubt(a) {
  const first = largestOf(a);
  const second = largestOf(a.map((value, i) => (i === first ? -Infinity : value)));
  if (a[first] < state.sure) return "weak";
  return a[first] - a[second] < state.margin ? second : null;
}

/** The activation of layer `layer` with full colour. Layer 0 is the input. */
export function fullColour(layer) {
  const known = { sigmoid: 1, tanh: 1, scaled_tanh: 1.7159 }[activationName(layer)];
  if (known) return known;
  return (state.states?.[layer - 1].a ?? [1]).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
}

export const isSigned = (layer) => activationName(layer) !== "sigmoid";

export function activationName(layer) {
  return layer === lastLayer() ? state.description.outputActivation : state.description.activation;
}

export function layerName(layer) {
  const last = lastLayer();
  return layer === 0 ? "Input" : layer === last ? "Output" : last === 2 ? "Hidden layer" : `Hidden layer ${layer}`;
}

/** The number of the selected neuron, which belongs to the layer of the current step. */
export function selectedNeuron() {
  if (!state.states || state.step === 0) return null;
  return state.neuron ?? largestOf(state.states[state.step - 1].a);
}
