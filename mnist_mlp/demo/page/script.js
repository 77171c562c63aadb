// The browser's side of `python -m mnist_mlp.demo`: sends the drawing to the server and shows the answers.
// The server (demo/app.py) computes everything about the net; this script only shows it.

const PEN_WIDTH = 22; // of 280 pixels; MNIST's digits have about that share of ink
const KEY_STEP = 14;
const FINE_KEY_STEP = 4;
const SUMMANDS_SHOWN = 6;

const byId = (id) => document.getElementById(id);
const canvas = byId("drawing");
const paper = canvas.getContext("2d", { willReadFrequently: true });

const state = {
  net: null, // its description by the server: sizes, activations, ...
  name: "", // the net's name in the list
  session: "",
  inked: false,
  image: null, // the drawing in MNIST's form: 28 x 28 bytes in base64
  seen: null, // the image as the net gets it: deskewed if the net was trained on deskewed images
  layers: null, // the activations of each layer above the input
  guess: 0,
  step: 0, // forward propagation is shown up to this layer; 0 is the input
  neuron: null, // the selected neuron's number; null selects the one with the largest activation
  digit: null, // the right answer; null until it is given
  updates: 0,
  effect: null, // outputs and cost before and after the last weight update
};

// Requests to the server

async function ask(what, question = {}) {
  let response, answer;
  try {
    response = await fetch(`api/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(question),
    });
    answer = await response.json();
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status });
  return answer;
}

async function askNet(what, question = {}) {
  try {
    return await ask(what, { session: state.session, ...question });
  } catch (error) {
    if (error.status !== 404) throw error;
    const lost = state.updates > 0;
    await openNet(state.name); // the server was restarted, or has dropped this tab's net
    if (what === "update" || what === "undo" || lost) {
      throw new Error("The net was loaded again as it was trained. This tab's weight updates are lost.");
    }
    return ask(what, { session: state.session, ...question });
  }
}

let lastWork = Promise.resolve();

/** Run all requests one after the other, so that no answer overtakes another. */
function inTurn(work) {
  document.querySelector("main").ariaBusy = "true";
  const done = lastWork.then(work).then(
    () => showProblem(""),
    (error) => showProblem(error.message),
  );
  lastWork = done.then(() => {
    if (lastWork === mine) document.querySelector("main").ariaBusy = "false";
  });
  const mine = lastWork;
}

function showProblem(sentence) {
  byId("problem").textContent = sentence && sentence[0].toUpperCase() + sentence.slice(1);
  byId("problem").hidden = !sentence;
}

async function openNet(name) {
  const { session, ...net } = await ask("open", { net: name });
  Object.assign(state, { name, session, net, updates: 0, effect: null, neuron: null, step: net.activations.length });
  byId("eta").value = net.learning_rate;
  buildNet();
}

// Drawing

let firstUnshown = null; // time of the first stroke that is not yet shown in the net
let asked = false;

/** Request the drawing's image and activations. Strokes made while waiting are sent together, in the next request. */
function drawingChanged(time) {
  byId("invitation").hidden = state.inked;
  firstUnshown ??= time;
  if (asked) return;
  asked = true;
  inTurn(async () => {
    asked = false;
    await showDrawing();
  });
}

async function showDrawing() {
  const since = firstUnshown;
  firstUnshown = null;
  state.effect = null;
  if (state.inked) {
    const { image, ...shown } = await askNet("draw", { drawing: toBase64(ink()) });
    state.image = image;
    Object.assign(state, shown);
  } else {
    Object.assign(state, { image: null, seen: null, layers: null });
  }
  showNet();
  if (since !== null) afterPaint(() => measure(since));
  announceGuess();
  if (!asked) await showDetails(); // otherwise new strokes are waiting, and they go first
}

/** The drawing: 280 x 280 bytes from 0 (paper) to 255 (ink). */
function ink() {
  const { data } = paper.getImageData(0, 0, canvas.width, canvas.height);
  const bytes = new Uint8Array(data.length / 4);
  for (let i = 0; i < bytes.length; i++) bytes[i] = data[4 * i + 3];
  return bytes;
}

function afterPaint(then) {
  requestAnimationFrame(() => setTimeout(then));
}

function measure(since) {
  const name = "stroke to picture";
  performance.clearMeasures(name);
  const { duration } = performance.measure(name, { start: since });
  byId("latency").textContent = `From stroke to picture: ${Math.round(duration)} ms.`;
}

function line(from, to) {
  paper.lineWidth = PEN_WIDTH;
  paper.lineCap = "round";
  paper.beginPath();
  paper.moveTo(from.x, from.y);
  paper.lineTo(to.x, to.y);
  paper.stroke();
  paper.beginPath(); // a line of length 0 leaves no ink
  paper.arc(to.x, to.y, PEN_WIDTH / 2, 0, 2 * Math.PI);
  paper.fill();
  state.inked = true;
}

function clear(time) {
  paper.clearRect(0, 0, canvas.width, canvas.height);
  state.inked = false;
  drawingChanged(time);
}

function pointIn(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * canvas.width,
    y: ((event.clientY - box.top) / box.height) * canvas.height,
  };
}

const pointers = new Map(); // the last position of each pointer that is down

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  const point = pointIn(event);
  pointers.set(event.pointerId, point);
  line(point, point);
  drawingChanged(event.timeStamp);
});

canvas.addEventListener("pointermove", (event) => {
  if (!pointers.has(event.pointerId)) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const one of events.length ? events : [event]) {
    const point = pointIn(one);
    line(pointers.get(event.pointerId), point);
    pointers.set(event.pointerId, point);
  }
  drawingChanged(event.timeStamp);
});

for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
}

// Drawing by keyboard

const pen = { x: canvas.width / 2, y: canvas.height / 4, down: false };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key in ARROWS) {
    const step = event.shiftKey ? FINE_KEY_STEP : KEY_STEP;
    const from = { ...pen };
    pen.x = within(0, pen.x + ARROWS[event.key][0] * step, canvas.width);
    pen.y = within(0, pen.y + ARROWS[event.key][1] * step, canvas.height);
    if (pen.down) drawByKey(from, event);
  } else if (event.key === " ") {
    if (event.repeat) return event.preventDefault();
    pen.down = !pen.down;
    announce(pen.down ? "Pen down" : "Pen up");
    if (pen.down) drawByKey(pen, event);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    clear(event.timeStamp);
    announce("Cleared");
  } else if (event.key === "Escape") {
    pen.down = false;
  } else {
    return;
  }
  event.preventDefault();
  showPen();
});

canvas.addEventListener("focus", showPen);
canvas.addEventListener("blur", () => {
  pen.down = false;
  showPen();
});

function drawByKey(from, event) {
  line(from, pen);
  drawingChanged(event.timeStamp);
}

function showPen() {
  const mark = byId("pen");
  mark.hidden = !canvas.matches(":focus-visible");
  mark.classList.toggle("down", pen.down);
  mark.style.left = `${(100 * pen.x) / canvas.width}%`;
  mark.style.top = `${(100 * pen.y) / canvas.height}%`;
}

byId("clear").addEventListener("click", (event) => clear(event.timeStamp));

// Showing the net

/** Build each layer's part of the page when a net is opened. `showNet` fills it. */
function buildNet() {
  const { sizes, activations, cost_function: cost } = state.net;
  const last = sizes.length - 1;
  byId("description").textContent = `${sizes.join(" → ")} neurons, ${[...new Set(activations)].join(" and ")}`;

  const figures = sizes.map((size, layer) => {
    const caption = element("figcaption", {}, element("strong", {}, layerName(layer)), ` ${neurons(size)}`);
    const inner =
      layer === last
        ? element("ol", { className: "bars", id: "bars" }, ...Array.from({ length: size }, (_, digit) => bar(digit)))
        : layerTile(layer, size);
    return element("figure", { className: layer === last ? "" : "shades" }, caption, inner, layer ? scaleOf(layer) : "");
  });
  const guess = element("figure", {}, element("figcaption", {}, element("strong", {}, "Guess")), element("output", { id: "guess" }));
  byId("layers").replaceChildren(...figures, guess);

  choices("steps", "step", sizes.map((_, layer) => layerName(layer)), (layer) => {
    state.neuron = null;
    goTo(layer);
  });
  byId("term").textContent = cost === "cross_entropy" ? "share" : "(a − y)²";
  byId("flat").hidden = cost === "cross_entropy" || activations.at(-1) !== "sigmoid";
}

function layerName(layer) {
  const last = state.net.sizes.length - 1;
  return layer === 0 ? "Input" : layer === last ? "Output" : last === 2 ? "Hidden layer" : `Hidden layer ${layer}`;
}

const neurons = (n) => (n === 784 ? "28 × 28 pixels" : `${n} neuron${n === 1 ? "" : "s"}`);

/** A layer's neurons as a grid of shades. A click selects one. */
function layerTile(layer, size) {
  const tile = gridTile(size, 220);
  tile.id = `layer-${layer}`;
  if (layer) {
    tile.classList.add("neurons");
    tile.append(element("div", { className: "marker", hidden: true }));
    tile.firstChild.addEventListener("click", (event) => {
      const { columns, rows } = gridOf(size);
      const box = tile.firstChild.getBoundingClientRect();
      const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
      const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
      choose(layer, within(0, row * columns + column, size - 1));
    });
  }
  return tile;
}

function gridOf(size) {
  const columns = Math.ceil(Math.sqrt(size));
  return { columns, rows: Math.ceil(size / columns) };
}

/** A canvas with one pixel per neuron, shown about `width` screen pixels wide. */
function gridTile(size, width) {
  const { columns, rows } = gridOf(size);
  const grid = element("canvas", { width: columns, height: rows });
  grid.setAttribute("role", "img");
  grid.style.width = `${columns * within(2, Math.floor(width / columns), 14)}px`;
  return element("div", { className: "tile" }, grid);
}

function paint(tile, values, shade, label) {
  const grid = tile.firstChild;
  const context = grid.getContext("2d");
  context.clearRect(0, 0, grid.width, grid.height);
  grid.setAttribute("aria-label", label);
  if (!values) return;
  const pixels = context.createImageData(grid.width, grid.height);
  values.forEach((value, i) => pixels.data.set([...shade(value), 255], 4 * i));
  context.putImageData(pixels, 0, 0);
}

const BLUES = [[255, 255, 255], [107, 174, 214], [8, 48, 107]];
const ORANGES = [[255, 255, 255], [253, 141, 60], [127, 39, 4]];

/** The colour of a value: -1 is dark orange, 0 is white, 1 is dark blue. */
function shadeOf(share) {
  const ramp = share < 0 ? ORANGES : BLUES;
  const place = Math.min(Math.abs(share), 1) * 2;
  const i = Math.min(Math.floor(place), 1);
  return ramp[i].map((from, channel) => from + (ramp[i + 1][channel] - from) * (place - i));
}

const grey = (byte) => [255 - byte, 255 - byte, 255 - byte];
const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);

/** The activation with the darkest shade and the longest bar. */
function most(layer) {
  const known = { sigmoid: 1, tanh: 1, scaled_tanh: 1.7159 }[state.net.activations[layer - 1]];
  return known ?? largest(state.layers?.[layer - 1] ?? [1]);
}

const signed = (layer) => state.net.activations[layer - 1] !== "sigmoid";

function scaleOf(layer) {
  if (layer === state.net.sizes.length - 1) return element("p", { className: "scale", id: "bars-legend" });
  const linear = state.net.activations[layer - 1] === "identity";
  const [low, high] = !signed(layer) ? ["0", "1"] : linear ? ["−", "+"] : [number(-most(layer)), number(most(layer))];
  const ramp = element("i", { className: signed(layer) ? "signed" : "plain" });
  return element("p", { className: "scale" }, low, ramp, high);
}

function bar(digit) {
  const track = element("span", { className: "track" }, element("b", { className: "before" }), element("b"), element("span", { className: "target", hidden: true }));
  const row = element("li", {}, element("span", { className: "digit" }, `${digit}`), track, element("span", { className: "value" }));
  row.addEventListener("click", () => choose(state.net.sizes.length - 1, digit));
  return row;
}

/** Show the image, and the activations up to the current step. */
function showNet() {
  const { sizes } = state.net;
  const last = sizes.length - 1;
  const bytes = state.seen && fromBase64(state.seen);
  paint(byId("layer-0"), bytes, grey, bytes ? "The 28 × 28 image as the net gets it" : "No image yet");
  for (let layer = 1; layer < last; layer++) {
    const values = state.layers && layer <= state.step ? state.layers[layer - 1] : null;
    const label = values
      ? `${layerName(layer)}: the strongest of ${sizes[layer]} neurons is ${strongest(layer)}, ${number(values[strongest(layer)])}`
      : `${layerName(layer)}: not computed yet`;
    paint(byId(`layer-${layer}`), values, (a) => shadeOf(a / most(layer)), label);
  }
  showBars(state.layers && state.step === last ? state.layers[last - 1] : null);
  for (const radio of byId("steps").elements) if (radio.type === "radio") radio.checked = Number(radio.value) === state.step;
  byId("back").disabled = state.step === 0;
  byId("next").disabled = state.step === last;
  showStepText();
  showUpdates();
}

function showBars(outputs) {
  const layer = state.net.sizes.length - 1;
  const top = most(layer);
  const bottom = signed(layer) ? -top : 0;
  const before = outputs && state.effect?.before.outputs;
  const answered = Boolean(outputs) && state.digit !== null;
  byId("bars").classList.toggle("compared", Boolean(before));
  byId("bars-legend").textContent =
    (answered ? "❙ y, the target " : "") + (before ? "  ▨ before   ■ after" : "");
  [...byId("bars").children].forEach((row, digit) => {
    const [old, now] = row.querySelectorAll("b");
    setBar(old, before ? before[digit] : 0, bottom, top);
    setBar(now, outputs ? outputs[digit] : 0, bottom, top);
    const target = row.querySelector(".target");
    const y = state.net.targets[digit === state.digit ? 1 : 0];
    target.hidden = !answered;
    target.style.left = `${(100 * (within(bottom, y, top) - bottom)) / (top - bottom)}%`;
    row.querySelector(".value").textContent = !outputs
      ? ""
      : (before ? `${decimals(before[digit])} → ` : "") + decimals(outputs[digit]) + (digit === state.guess && !before ? " ◀" : "");
    row.classList.toggle("guess", Boolean(outputs) && digit === state.guess);
    row.classList.toggle("chosen", Boolean(outputs) && digit === shownNeuron());
  });
  byId("guess").textContent = outputs ? state.guess : "";
  byId("short-guess").replaceChildren(...(outputs ? ["Guess: ", element("b", {}, `${state.guess}`)] : []));
}

/** A bar from 0 to the value, on a scale from bottom to top. */
function setBar(bar, value, bottom, top) {
  const from = within(bottom, Math.min(value, 0), top);
  const to = within(bottom, Math.max(value, 0), top);
  bar.style.left = `${(100 * (from - bottom)) / (top - bottom)}%`;
  bar.style.width = `${(100 * (to - from)) / (top - bottom)}%`;
  bar.classList.toggle("minus", value < 0);
}

/** Show the panels below the net for the current image. */
async function showDetails() {
  await showNeuron();
  await showCost();
}

/** Request the activations again, after an update or when another net was selected. */
async function showAgain() {
  if (state.image) Object.assign(state, await askNet("forward", { image: state.image }));
  showNet();
  await showDetails();
}

// Step by step

const FUNCTIONS = { sigmoid: "σ(z)", tanh: "tanh(z)", scaled_tanh: "1.7159 tanh(2z/3)", identity: "z" };

function strongest(layer) {
  const values = state.layers[layer - 1];
  return values.indexOf(Math.max(...values));
}

/** The number of the neuron in the panel. It belongs to the layer of the current step. */
function shownNeuron() {
  return state.layers && state.step ? (state.neuron ?? strongest(state.step)) : null;
}

function goTo(layer) {
  state.step = layer;
  showNet();
  inTurn(showNeuron);
}

function choose(layer, index) {
  if (!state.layers) return;
  state.neuron = index;
  goTo(layer);
}

function step(by) {
  state.neuron = null;
  goTo(within(0, state.step + by, state.net.sizes.length - 1));
  if (byId("back").disabled) byId("next").focus();
  if (byId("next").disabled) byId("back").focus();
}

byId("back").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
byId("strongest").addEventListener("click", () => {
  state.neuron = null;
  goTo(state.step);
});
byId("neuron-number").addEventListener("input", (event) => {
  if (event.target.value === "" || !event.target.validity.valid) return;
  choose(state.step, Number(event.target.value));
});

function showStepText() {
  const { sizes, activations, paper: light, ink: dark } = state.net;
  const layer = state.step;
  const f = FUNCTIONS[activations[layer - 1]];
  byId("step-text").textContent =
    layer === 0
      ? `The pixels are the activations of the 784 input neurons: ${number(light)} for paper, ${number(dark)} for ink. Press Next to compute the first layer.`
      : `Each of the ${neurons(sizes[layer])} multiplies the ${sizes[layer - 1]} activations of the layer before by its weights, ` +
        `adds the products, and adds its bias: z = W a + b. Its activation is a = ${f}.` +
        (layer === sizes.length - 1 ? " The output neuron with the largest activation is the guess." : "");
}

async function showNeuron() {
  const index = shownNeuron();
  for (const marker of document.querySelectorAll(".marker")) marker.hidden = true;
  byId("neuron").hidden = index === null;
  if (index === null) return;
  const layer = state.step;
  const size = state.net.sizes[layer];
  const input = byId("neuron-number");
  input.max = size - 1;
  if (document.activeElement !== input || state.neuron === null) input.value = index;
  byId("neuron-count").textContent = `of 0 to ${size - 1}`;
  mark(layer, index);

  const { weights, inputs, bias, z, a } = await askNet("neuron", { image: state.image, layer: layer - 1, neuron: index });
  const products = weights.map((w, i) => w * inputs[i]);
  const below = layer === 1 ? inputs.map((x) => (x - state.net.paper) / (state.net.ink - state.net.paper)) : inputs;
  byId("maps").replaceChildren(
    map("activations a", below, layer === 1 ? (x) => grey(255 * x) : (x) => shadeOf(x / most(layer - 1))),
    map("weights w", weights, (w) => shadeOf(w / largest(weights))),
    map("products w a", products, (p) => shadeOf(p / largest(products))),
    element("p", { className: "scale" }, "w, w a: −", element("i", { className: "signed" }), "+"),
  );
  const sum = z - (bias ?? 0);
  byId("equation").replaceChildren(
    bias === null ? "z = Σ w a = " : `z = Σ w a + b = ${number(sum)} ${bias < 0 ? "−" : "+"} ${number(Math.abs(bias))} = `,
    element("b", {}, number(z)),
    `,  a = ${FUNCTIONS[state.net.activations[layer - 1]]} = `,
    element("b", {}, decimals(a)),
  );
  showSummands(layer, weights, inputs, products, sum);
}

function mark(layer, index) {
  const marker = byId(`layer-${layer}`)?.querySelector(".marker");
  if (!marker) return;
  const { columns, rows } = gridOf(state.net.sizes[layer]);
  marker.hidden = false;
  marker.style.left = `${(100 * (index % columns)) / columns}%`;
  marker.style.top = `${(100 * Math.floor(index / columns)) / rows}%`;
  marker.style.width = `${100 / columns}%`;
  marker.style.height = `${100 / rows}%`;
}

function map(name, values, shade) {
  const tile = gridTile(values.length, 200);
  paint(tile, values, shade, `${name}: a grid of ${values.length} shades`);
  return element("figure", {}, element("figcaption", {}, name), tile);
}

function showSummands(layer, weights, inputs, products, sum) {
  const order = [...products.keys()].sort((i, j) => Math.abs(products[j]) - Math.abs(products[i])).slice(0, SUMMANDS_SHOWN);
  const from = (i) => (layer === 1 ? `row ${Math.floor(i / 28)}, column ${i % 28}` : `neuron ${i}`);
  const rows = order.map((i) => tableRow(from(i), number(weights[i]), number(inputs[i]), number(products[i])));
  const rest = products.length - order.length;
  if (rest > 0) {
    const shown = order.reduce((total, i) => total + products[i], 0);
    rows.push(tableRow(`the other ${rest}`, "", "", number(sum - shown)));
  }
  rows.push(tableRow("Σ w a", "", "", number(sum)));
  byId("summands").tBodies[0].replaceChildren(...rows);
}

// Learning from this example

choices("digits", "digit", [..."0123456789"], (digit) => {
  state.digit = digit;
  state.effect = null;
  showNet();
  inTurn(showCost);
});

async function showCost() {
  const shown = state.digit !== null && state.image !== null;
  byId("learning").hidden = byId("explained").hidden = !shown;
  byId("effect").textContent = state.effect ? effectText() : "";
  if (!shown) return;
  const { cost, targets, terms, deltas, norms } = await askNet("cost", { image: state.image, digit: state.digit });
  const outputs = state.layers.at(-1);
  const entropy = state.net.cost_function === "cross_entropy";
  byId("cost").replaceChildren(
    entropy ? "Cost of this example: C = −¹⁄₁₀ Σ y ln a + (1 − y) ln (1 − a) = " : "Cost of this example: C = ¹⁄₁₀ Σ (a − y)² = ",
    element("b", {}, precise(cost)),
  );
  const longest = largest(deltas);
  byId("terms").tBodies[0].replaceChildren(
    ...outputs.map((a, digit) => {
      const row = tableRow(`${digit}`, number(a), minus(`${+targets[digit].toFixed(3)}`), number(terms[digit]), number(deltas[digit]), smallBar(deltas[digit], -longest, longest));
      row.classList.toggle("right-answer", digit === state.digit);
      return row;
    }),
  );
  const steepest = largest(norms.map((norm) => norm.weights));
  byId("gradient").tBodies[0].replaceChildren(
    ...norms.map((norm, i) =>
      tableRow(
        layerName(i + 1),
        `${state.net.sizes[i + 1]} × ${state.net.sizes[i]}`,
        number(norm.weights),
        smallBar(norm.weights, 0, steepest),
        norm.biases === null ? "none" : number(norm.biases),
      ),
    ),
  );
}

function effectText() {
  const { before, after, eta } = state.effect;
  return (
    `The update with η = ${eta} took the cost of this example from ${precise(before.cost)} to ${precise(after.cost)}, and ` +
    `the activation of output ${state.digit} from ${precise(before.outputs[state.digit])} to ${precise(after.outputs[state.digit])}.`
  );
}

function smallBar(value, bottom, top) {
  const inner = element("b");
  setBar(inner, value, bottom, top);
  return element("div", { className: "track" }, inner);
}

byId("update").addEventListener("click", () =>
  inTurn(async () => {
    const eta = byId("eta").valueAsNumber;
    if (!(eta > 0)) throw new Error("Give a number above 0 for η.");
    const { before, after } = await askNet("update", { image: state.image, digit: state.digit, eta });
    state.effect = { before, after, eta };
    state.step = state.net.sizes.length - 1;
    await showAgain();
  }),
);

const undo = (all) => () =>
  inTurn(async () => {
    const { updates } = await askNet("undo", { all });
    Object.assign(state, { updates, effect: null });
    await showAgain();
    const text = updates ? "The weights are as they were before that update." : "The trained weights are restored.";
    byId("effect").textContent = text;
    announce(text);
    if (!updates) byId("update").focus();
  });

byId("undo").addEventListener("click", undo(false));
byId("undo-all").addEventListener("click", undo(true));

function showUpdates() {
  const n = state.updates;
  byId("undoing").hidden = n === 0;
  byId("updates").textContent = `${n} weight update${n === 1 ? "" : "s"} made`;
}

// Helpers

const within = (low, value, high) => Math.min(Math.max(value, low), high);

/** Format a number of any size, however small. */
function number(value) {
  const size = Math.abs(value);
  if (value === 0) return "0";
  return minus(size >= 1e6 ? value.toExponential(1) : size >= 100 ? value.toFixed(1) : size >= 0.001 ? value.toFixed(3) : value.toExponential(1));
}

const precise = (value) => minus(value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(3) : value.toPrecision(4));

/** Format a number for a column where values near 0 are shown as 0. */
const decimals = (value) => (Math.abs(value) < 0.001 ? minus(value.toFixed(3)).replace("−0.000", "0.000") : number(value));

const minus = (text) => text.replace(/-/g, "−");

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function tableRow(name, ...cells) {
  const heading = element("th", { scope: "row" }, name);
  return element("tr", {}, heading, ...cells.map((cell) => element("td", {}, cell)));
}

/** Fill a fieldset with radio buttons. The arrow keys move from one to the next. */
function choices(fieldset, name, labels, then) {
  const made = labels.map((label, i) => {
    const radio = element("input", { type: "radio", name, value: i });
    radio.addEventListener("change", () => then(i));
    return element("label", {}, radio, element("span", {}, label));
  });
  byId(fieldset).replaceChildren(byId(fieldset).querySelector("legend"), ...made);
}

function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

const fromBase64 = (text) => Array.from(atob(text), (character) => character.charCodeAt(0));

function announce(text) {
  byId("announcement").textContent = text;
}

let announcing;

/** Announce the guess only when no stroke follows, or a screen reader would read one per stroke. */
function announceGuess() {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    if (state.layers) announce(`Guess ${state.guess}, activation ${number(state.layers.at(-1)[state.guess])}`);
  }, 800);
}

// Start

byId("net").addEventListener("change", (event) =>
  inTurn(async () => {
    await openNet(event.target.value);
    await showAgain();
  }),
);

inTurn(async () => {
  const { nets, default: first } = await ask("nets");
  byId("net").replaceChildren(...nets.map((name) => element("option", { value: name }, name)));
  byId("net").value = first;
  await openNet(first);
  showNet();
});
