// Mini-batch gradient descent on the digits in this file. The Python side is `backprop.gradient` and `backprop.update`.
//
//   average cost       C = 1/B Σ C_e over the B examples e of the mini-batch
//   its gradient       dC/dw = 1/B Σ dC_e/dw
//   one weight update  w(t+1) = w(t) - η dC/dw
//
// A full batch is a mini-batch of all training digits.
//
// Everything that takes long is a generator, which yields after each example. The worker can so stop at any time.

import { addGradient, backPropagate, cost, descend, forward, largestOf, noGradient, targetsOf } from "./net.js";

/** The article's inputs: 0 for paper, 1 for ink. */
export const LAB_PREPROCESSING = { factor: 1 / 255, offset: 0, deskew: false };

/** Random numbers from 0 to 1: mulberry32, a generator with 32 bits of state (Tommy Ettinger, public domain). */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A net 784-h-10, or 784-10 for h = 0. W is uniform in ±sqrt(6 / (n + m)) (Glorot and Bengio 2010, eq. 16), b = 0. */
export function randomNet({ h, activation, bias }, random) {
  const sizes = h === 0 ? [784, 10] : [784, h, 10];
  const layers = sizes.slice(1).map((m, l) => {
    const n = sizes[l];
    const bound = Math.sqrt(6 / (n + m));
    const W = Float32Array.from({ length: m * n }, () => (2 * random() - 1) * bound);
    return { n, m, W, b: bias ? new Float32Array(m) : null };
  });
  return { activation, outputActivation: "sigmoid", cost: "mse", targets: [0, 1], layers };
}

/** The numbers from 0 to n - 1 in random order (Fisher and Yates). */
export function shuffled(n, random) {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** The gradient of the average cost of a mini-batch: the average of the gradients of its examples {x, label}. */
export function* averageGradient(net, batch) {
  const average = noGradient(net);
  for (const { x, label } of batch) {
    const states = forward(net, x);
    addGradient(average, net, x, states, backPropagate(net, states, targetsOf(net, label)), batch.length);
    yield;
  }
  return average;
}

/** On examples: the average cost, the accuracy, and the mean activation of each output neuron. */
export function* measuredOn(net, examples) {
  const sums = { cost: 0, accuracy: 0, outputs: new Float64Array(10) };
  for (const { x, label } of examples) {
    const { a } = forward(net, x).at(-1);
    sums.cost += cost(net, a, targetsOf(net, label));
    sums.accuracy += largestOf(a) === label ? 1 : 0;
    a.forEach((activation, i) => (sums.outputs[i] += activation));
    yield;
  }
  const n = examples.length;
  return { cost: sums.cost / n, accuracy: sums.accuracy / n, outputs: sums.outputs.map((sum) => sum / n) };
}

/** A run before its first weight update. Equal settings give equal weights, after any number of updates. */
export function newRun(settings) {
  const random = randomNumbers(settings.seed);
  const net = randomNet(settings, random);
  return { settings, random, net, updates: 0, digits: 0, order: [], position: 0, measuredAt: -1, points: [] };
}

/** Make this number of weight updates. The average cost is measured every half epoch, and after the last update. */
export function* trainRun(run, data, updates) {
  const size = data.train.length;
  for (let left = updates; left > 0; left--) {
    if (Math.floor((2 * run.digits) / size) > Math.floor((2 * run.measuredAt) / size)) yield* measureRun(run, data);
    if (run.position === run.order.length) Object.assign(run, { order: shuffled(size, run.random), position: 0 });
    const batch = Array.from(run.order.subarray(run.position, run.position + run.settings.batch), (i) => data.train[i]);
    const gradients = yield* averageGradient(run.net, batch);
    descend(run.net, gradients, run.settings.eta);
    run.updates++;
    run.digits += batch.length;
    run.position += batch.length;
  }
  yield* measureRun(run, data);
}

/** Add a point to the curves. Training digits and test digits count alike: 500 of each. */
export function* measureRun(run, data) {
  if (run.measuredAt === run.digits) return;
  const training = yield* measuredOn(run.net, data.train.slice(0, data.test.length));
  const test = yield* measuredOn(run.net, data.test);
  run.points.push({ epochs: run.digits / data.train.length, training, test });
  run.measuredAt = run.digits;
}

/** Whether all weights and biases are finite numbers. */
export function isFiniteNet(net) {
  return net.layers.every(({ W, b }) => W.every(Number.isFinite) && (b === null || b.every(Number.isFinite)));
}
