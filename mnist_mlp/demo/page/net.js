// The net's arithmetic for one example, in the article's symbols. The Python side is backprop.py and activations.py.
//
//   forward propagation     z^l = W^l a^(l-1) + b^l,   a^l = σ(z^l)
//   cost of one example     C = 1/10 Σ (a^L - y)²
//   output layer's error    δ^L = (a^L - y) ∘ σ′(z^L)
//   back propagation        δ^(l-1) = (W^l)ᵀ δ^l ∘ σ′(z^(l-1))
//   gradient                dC/dW^l = 2/10 δ^l (a^(l-1))ᵀ,   dC/db^l = 2/10 δ^l
//   weight update           w(t+1) = w(t) - η dC/dw
//
// With cross-entropy, C = -1/10 Σ y ln a + (1 - y) ln (1 - a), δ^L = a^L - y, and the factor is 1/10.
//
// A net is
//   activation, outputActivation   names in ACTIVATIONS, of the hidden layers and of the output layer
//   cost                           "mse" or "cross_entropy"
//   targets                        [y of the other outputs, y of the right one]
//   layers                         [{n, m, W, b}]: n inputs, m neurons, W Float32Array with m rows of n weights,
//                                  b Float32Array with m biases, or null
// Activations x, z, a, y and errors δ are arrays of numbers, one for each neuron.

const SCALED_TANH_A = 1.7159; // LeCun et al. 1998, appendix A
const SCALED_TANH_S = 2 / 3;

/** σ(z), and its derivative σ′(z) as a function of a = σ(z). */
export const ACTIVATIONS = {
  sigmoid: { sigma: (z) => 1 / (1 + Math.exp(-z)), sigmaPrime: (a) => a * (1 - a) },
  tanh: { sigma: Math.tanh, sigmaPrime: (a) => 1 - a * a },
  scaled_tanh: {
    sigma: (z) => SCALED_TANH_A * Math.tanh(SCALED_TANH_S * z),
    sigmaPrime: (a) => (SCALED_TANH_A * SCALED_TANH_A - a * a) * (SCALED_TANH_S / SCALED_TANH_A),
  },
  identity: { sigma: (z) => z, sigmaPrime: () => 1 },
};

/** The functions σ and σ′ of a layer; layer 0 is the first hidden layer. */
export function activationOf(net, layer) {
  return ACTIVATIONS[layer === net.layers.length - 1 ? net.outputActivation : net.activation];
}

/** z = W a + b of one layer. */
export function weightedSums({ n, m, W, b }, a) {
  const z = new Float64Array(m);
  const whole = n - (n % 4);
  for (let i = 0, row = 0; i < m; i++, row += n) {
    // Four sums, because each addition waits for the one before it.
    let s0 = b === null ? 0 : b[i], s1 = 0, s2 = 0, s3 = 0;
    for (let j = 0; j < whole; j += 4) {
      s0 += W[row + j] * a[j];
      s1 += W[row + j + 1] * a[j + 1];
      s2 += W[row + j + 2] * a[j + 2];
      s3 += W[row + j + 3] * a[j + 3];
    }
    for (let j = whole; j < n; j++) s0 += W[row + j] * a[j];
    z[i] = s0 + s1 + (s2 + s3);
  }
  return z;
}

/** Forward propagation: the activations x of the input neurons -> {z, a} of each layer, the output layer last. */
export function forward(net, x) {
  let a = x instanceof Float64Array ? x : Float64Array.from(x);
  return net.layers.map((layer, l) => {
    const z = weightedSums(layer, a);
    a = z.map(activationOf(net, l).sigma);
    return { z, a };
  });
}

/** The targets y of an example with this label. */
export function targetsOf(net, label) {
  const [off, on] = net.targets;
  return Float64Array.from({ length: net.layers.at(-1).m }, (_, digit) => (digit === label ? on : off));
}

/** Each output neuron's term of the cost. */
export function costTerms(net, a, y) {
  if (net.cost === "mse") return a.map((value, i) => (value - y[i]) ** 2);
  const ln = (value) => Math.max(Math.log(value), -100); // as in torch, so that the cost stays finite
  return a.map((value, i) => -(y[i] * ln(value) + (1 - y[i]) * ln(1 - value)));
}

/** The cost C of one example with output activations a and targets y. */
export function cost(net, a, y) {
  return costTerms(net, a, y).reduce((sum, term) => sum + term, 0) / a.length;
}

/** The factor between δ^L and dC/dz^L. */
export function scale(net) {
  return (net.cost === "mse" ? 2 : 1) / net.layers.at(-1).m;
}

/** Back propagation: the errors [δ¹, ..., δ^L], computed from the output layer backwards. */
export function backPropagate(net, states, y) {
  const last = net.layers.length - 1;
  const { sigmaPrime } = activationOf(net, last);
  const outputError = states[last].a.map((a, i) => (a - y[i]) * (net.cost === "mse" ? sigmaPrime(a) : 1));
  const deltas = [outputError];
  for (let l = last; l > 0; l--) {
    const { n, m, W } = net.layers[l];
    const above = deltas[0];
    const below = new Float64Array(n);
    for (let i = 0, row = 0; i < m; i++, row += n) {
      const delta = above[i];
      if (delta !== 0) for (let j = 0; j < n; j++) below[j] += W[row + j] * delta;
    }
    const prime = activationOf(net, l - 1).sigmaPrime;
    for (let j = 0; j < n; j++) below[j] *= prime(states[l - 1].a[j]);
    deltas.unshift(below);
  }
  return deltas;
}

/** Gradients of zero, one {dW, db} for each layer. */
export function noGradient(net) {
  return net.layers.map(({ W, b }) => ({
    dW: new Float32Array(W.length),
    db: b === null ? null : new Float32Array(b.length),
  }));
}

/** Add dC/dW and dC/db of one example to `sum`, divided by the number of examples that are averaged. */
export function addGradient(sum, net, x, states, deltas, examples = 1) {
  const factor = scale(net) / examples;
  net.layers.forEach(({ n, m }, l) => {
    const a = l === 0 ? x : states[l - 1].a;
    const { dW, db } = sum[l];
    for (let i = 0, row = 0; i < m; i++, row += n) {
      const delta = factor * deltas[l][i];
      if (db !== null) db[i] += delta;
      if (delta !== 0) for (let j = 0; j < n; j++) dW[row + j] += delta * a[j];
    }
  });
}

/** The gradient of the cost of one example, [{dW, db}]. */
export function gradient(net, x, states, y) {
  const sum = noGradient(net);
  addGradient(sum, net, x, states, backPropagate(net, states, y));
  return sum;
}

/** The weight update w(t+1) = w(t) - η dC/dw: a new net. The net at t stays as it is. */
export function update(net, gradients, eta) {
  const layers = net.layers.map(({ n, m, W, b }) => ({ n, m, W: W.slice(), b: b === null ? null : b.slice() }));
  const next = { ...net, layers };
  descend(next, gradients, eta);
  return next;
}

/** The same weight update, written over the net's weights and biases. */
export function descend(net, gradients, eta) {
  net.layers.forEach(({ W, b }, l) => {
    const { dW, db } = gradients[l];
    for (let i = 0; i < W.length; i++) W[i] -= eta * dW[i];
    if (b !== null) for (let i = 0; i < b.length; i++) b[i] -= eta * db[i];
  });
}

/** The number of the largest activation, the guess. */
export function largestOf(a) {
  let largest = 0;
  for (let i = 1; i < a.length; i++) if (a[i] > a[largest]) largest = i;
  return largest;
}
