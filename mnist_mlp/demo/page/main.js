// The page of `python -m mnist_mlp.demo`: connects its parts. It computes everything by itself and sends nothing.

import { fromAddress, onAddress, toAddress } from "./address.js";
import { guessOf } from "./averages.js";
import { hideCard, showCard, startCard } from "./card.js";
import { readDigits, readNets } from "./data.js";
import { announce, byId, element, showProblem, within } from "./dom.js";
import { clearPaper, ink, showImage, SIDE, startDrawing } from "./drawing.js";
import { mnistForm } from "./form.js";
import { number } from "./format.js";
import { startLab, wakeLab } from "./lab.js";
import { LAB_PREPROCESSING } from "./lab_training.js";
import { buildLayers, showLayers, sureness } from "./layers.js";
import { buildLearning, showEffect, showLearning, startLearning } from "./learning.js";
import { compute, guessed, lastLayer, outputs, state } from "./state.js";
import { buildStages, showStages, stageName, stageNet, startStages } from "./stages.js";
import { buildSteps, showSteps, startSteps } from "./steps.js";
import { startTabs, tabOf, selectTab } from "./tabs.js";

const LAB = "lab"; // the id of the net that is trained on this page

const { nets, sure, margin } = readNets();
Object.assign(state, { sure, margin });
let digits; // the test images

// Showing

let work = 0; // the parts of the page that are not up to date

/** Mark the page as busy until the work is done. */
async function busy(doing) {
  work++;
  document.querySelector("main").ariaBusy = "true";
  try {
    await doing;
  } catch (error) {
    showProblem(`${error.message}`);
  } finally {
    work--;
    document.querySelector("main").ariaBusy = `${work > 0}`;
  }
}

/** Show the net at once, and the open panel after the browser has painted it. */
function show() {
  compute();
  showLayers();
  busy(afterPaint().then(showPanel));
}

let details = 0;

async function showPanel() {
  const mine = ++details;
  if (tabOf() === "steps") showSteps();
  if (tabOf() === "update") showLearning();
  if (tabOf() === "stages") await showStages();
  if (tabOf() === "update" && mine === details) await showEffect(digits);
}

const afterPaint = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

// The nets

let opened = 0;

async function openNet(description, stage = description.shown) {
  const mine = ++opened;
  const net = description.id === LAB ? description.net : await stageNet(description, stage);
  if (mine !== opened) return; // another one was selected meanwhile
  const other = state.description !== description;
  Object.assign(state, { description, stage, net, history: [], effect: null });
  if (other) {
    Object.assign(state, { step: lastLayer(), neuron: null });
    byId("net").value = description.id;
    byId("eta").value = description.eta;
    buildLayers(chooseNeuron);
    buildSteps();
    buildLearning();
    buildStages();
  }
  const { sizes, activation, outputActivation, error } = description;
  const functions = [...new Set(sizes.length > 2 ? [activation, outputActivation] : [outputActivation])].join(" and ");
  const measured = error === undefined ? "" : `, error on all test images ${(100 * error).toFixed(2)}%`;
  byId("description").textContent = `${sizes.join(" → ")} neurons, ${functions}${measured}`;
  byId("origin").hidden = description.classes.join("") !== "0123456789";
  if (other || description.id !== LAB) hideCard(); // the net that trains on this page reports ten times a second
  toAddress({ net: description.id, epoch: stage === description.shown ? null : description.stages[stage].epoch });
}

/** The net that is trained on this page joins the list of nets. It is shown while it learns, if it is selected. */
function labNet(net) {
  let description = nets.find(({ id }) => id === LAB);
  const sizes = [net.layers[0].n, ...net.layers.map(({ m }) => m)];
  const { activation, outputActivation, cost, targets } = net;
  if (description === undefined) {
    description = { id: LAB, name: "Trained on this page", eta: 1, shown: 0, stages: [], classes: nets[0].classes };
    description.preprocessing = LAB_PREPROCESSING;
    nets.push(description);
    byId("net").append(element("option", { value: LAB }, description.name));
  }
  const same = `${description.sizes}` === `${sizes}` && description.activation === activation;
  const selected = byId("net").value === LAB;
  if (!same) state.description = selected ? null : state.description;
  Object.assign(description, { sizes, activation, outputActivation, cost, targets, bias: net.layers[0].b !== null, net });
  if (!selected) return;
  busy(openNet(description).then(show));
}

// The image

function setImage(image, digit = null) {
  const label = digit === null ? (state.digit === null ? state.label : null) : digits.labels[digit];
  Object.assign(state, { image, digit, label, effect: null });
  toAddress({ digit });
  hideCard();
}

let firstUnshown = null; // time of the first stroke that is not yet shown in the net

/** Show the drawing in the next frame, with all strokes until then. */
function drawn(time) {
  if (firstUnshown !== null) return;
  firstUnshown = time;
  document.querySelector("main").ariaBusy = "true";
  requestAnimationFrame(() => {
    firstUnshown = null;
    showDrawing();
    soon(() => measure(time)); // after the browser has painted the frame
  });
}

function showDrawing() {
  setImage(mnistForm(ink(), SIDE));
  show();
  announceGuess();
}

/** Run a task before others that wait. A message or a timeout would come after further strokes. */
function soon(task) {
  if (window.scheduler?.postTask) scheduler.postTask(task, { priority: "user-blocking" });
  else setTimeout(task);
}

function measure(since) {
  const name = "stroke to picture";
  performance.clearMeasures(name);
  const { duration } = performance.measure(name, { start: since });
  byId("latency").textContent = `From stroke to picture: ${Math.round(duration)} ms.`;
}

function clear() {
  clearPaper();
  showProblem("");
  setImage(null);
  state.label = null;
  show();
  announce("Cleared");
}

function showDigit(n) {
  showImage(digits.images[n]);
  setImage(digits.images[n], n);
  show();
  announceGuess();
}

const anyOf = (list) => list[Math.floor(Math.random() * list.length)];

/** Show a test image that the net gets wrong: one of those that Python found, or the first one after a random one. */
function showMistake() {
  const { wrong = [] } = state.description;
  const isWrong = (n) => n !== state.digit && guessOf(state.net, state.description, digits, n) !== digits.labels[n];
  const count = digits.images.length;
  const start = Math.floor(Math.random() * count);
  const found = anyOf(wrong.filter(isWrong)) ?? Array.from({ length: count }, (_, i) => (start + i) % count).find(isWrong);
  if (found === undefined) announce("The net gets all digits of this page right.");
  else showDigit(found);
}

let announcing;

/** Announce the guess only when no stroke follows, or a screen reader would read one per stroke. */
function announceGuess() {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    if (!state.states) return;
    const { classes } = state.description;
    announce(`Guess ${classes[guessed()]}, activation ${number(outputs()[guessed()])}, ${sureness(outputs())}`);
  }, 800);
}

// The selected neuron

/** Select a neuron, null for the strongest, and show its weights beside the click, if there was one. */
function chooseNeuron(layer, index, event = null) {
  if (!state.states && layer > 0 && index !== null) return;
  const shown = !event || tabOf() === "steps";
  if (shown) {
    Object.assign(state, { step: layer, neuron: index });
    toAddress({ layer: layer === lastLayer() && index === null ? null : layer, neuron: index });
    showLayers();
    busy(afterPaint().then(showPanel));
  }
  if (event) showCard(layer, index, event);
}

// The address

async function fromAddressToPage() {
  const description = nets.find(({ id }) => id === fromAddress("net")) ?? nets[0];
  const epoch = fromAddress("epoch");
  const stage = description.stages.findIndex((known) => `${known.epoch}` === epoch);
  await openNet(description, stage === -1 ? description.shown : stage);
  const digit = Number(fromAddress("digit", -1));
  if (Number.isInteger(digit) && digit >= 0 && digit < digits.images.length) {
    showImage(digits.images[digit]);
    setImage(digits.images[digit], digit);
    const [layer, neuron] = ["layer", "neuron"].map((name) => Number(fromAddress(name, NaN)));
    if (layer <= lastLayer()) Object.assign(state, { step: layer, neuron: description.sizes[layer] > neuron ? neuron : null });
  }
  const eta = Number(fromAddress("eta", NaN));
  if (eta > 0) byId("eta").value = eta;
  selectTab(fromAddress("panel", "steps"));
}

// Start

function newWorker() {
  const source = `${byId("worker-source").textContent}\nrunLabWorker(self);`;
  return new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
}

async function start() {
  digits = await readDigits();
  byId("net").replaceChildren(...nets.map(({ id, name }) => element("option", { value: id }, name)));
  startCard();
  startDrawing(drawn, clear);
  startSteps(chooseNeuron);
  startStages((stage) => busy(openNet(state.description, stage).then(show)));
  startLearning((label) => {
    Object.assign(state, { label, effect: null });
    show();
  }, show);
  startTabs((name) => {
    toAddress({ panel: name === "steps" ? null : name });
    hideCard();
    if (name === "lab") wakeLab();
    if (state.description) busy(showPanel());
  });
  byId("clear").addEventListener("click", clear);
  byId("another").addEventListener("click", () => showDigit(Math.floor(Math.random() * digits.counted)));
  byId("mistake").addEventListener("click", showMistake);
  byId("eta").addEventListener("change", (event) => toAddress({ eta: event.target.value || null }));
  byId("net").addEventListener("change", (event) => {
    const description = nets.find(({ id }) => id === event.target.value);
    toAddress({ layer: null, neuron: null });
    busy(openNet(description).then(show));
  });
  onAddress(() => busy(fromAddressToPage().then(show)));
  startLab(newWorker, labNet);
  await fromAddressToPage();
  show();
  warmUp();
}

/** Run what a stroke needs some times: browsers compile what runs often, and the first stroke would wait for it. */
function warmUp() {
  const drawing = new Uint8Array(SIDE * SIDE).fill(255, 40 * SIDE, 240 * SIDE);
  for (let n = 0; n < 10; n++) {
    mnistForm(drawing, SIDE);
    guessOf(state.net, state.description, digits, n);
  }
}

busy(start());
