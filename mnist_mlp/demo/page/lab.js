// "Train it yourself": passes on to the worker what the user wants, and shows what it reports.

import { fromAddress, onAddress } from "./address.js";
import { readDigits, readTrainingDigits } from "./data.js";
import { announce, byId } from "./dom.js";
import { percent } from "./format.js";
import { labControls, readSettings, settingsFromAddress, settingsProblem, settingsToAddress } from "./lab_settings.js";
import { showCosts, showSettings, showWeights } from "./lab_views.js";

const LAB_NET = "lab"; // this net in the list of nets (main.js)
const AT_ONCE = ["eta", "batch"]; // a run goes on when these settings change; the others start it anew
const STUCK = 0.01; // a working output has a mean activation of about 0.1, because each digit is a tenth of all
const MOST_POINTS = 1000; // of a curve

const NO_WORKER = "This browser lets the page start no Web Worker, so no net can be trained here. Try another browser.";
const OVERFLOW = "A weight is too large a number for the computer: η is too large. Reset, and take a smaller one.";

const lab = {
  newWorker: null, // makes the worker
  onNet: null, // gets the net whenever its weights have changed
  worker: null, // a promise of the worker, from the moment when it is needed
  settings: null,
  run: 0, // the number of the run; reports on earlier ones are ignored
  training: false,
  joins: false, // whether the next report makes it the page's net
  broken: false, // because the worker does not start
  points: [], // of the curves
};

/** Start this part of the page. */
export function startLab(newWorker, onNet) {
  settingsFromAddress();
  Object.assign(lab, { newWorker, onNet, settings: readSettings() });
  showSettings(lab.settings);
  for (const control of labControls()) control.addEventListener("change", changeSettings);
  onAddress(() => {
    settingsFromAddress();
    changeSettings();
    joinIfInAddress();
  });
  byId("lab-start").addEventListener("click", () => {
    askWorker(lab.training ? { pause: true } : { train: Infinity });
    showTraining(!lab.training);
    lab.joins = lab.training;
  });
  byId("lab-step").addEventListener("click", () => {
    askWorker({ train: 1 });
    showTraining(false);
    lab.joins = true;
  });
  byId("lab-reset").addEventListener("click", () => {
    resetLab();
    announce("The weights are random again.");
  });
  joinIfInAddress();
}

/** If the address names this net as the page's net, make it so, with random weights. */
function joinIfInAddress() {
  lab.joins = fromAddress("net") === LAB_NET;
  if (lab.joins) wakeLab();
}

/** Start the worker with random weights, unless it runs. */
export function wakeLab() {
  if (lab.worker === null) resetLab();
}

function resetLab() {
  if (lab.broken) return;
  lab.worker ??= openWorker();
  if (settingsProblem()) settingsFromAddress();
  Object.assign(lab, { run: lab.run + 1, points: [] });
  showLabProblem("");
  showTraining(false);
  for (const id of ["lab-start", "lab-step"]) byId(id).disabled = false;
  askWorker({ reset: lab.settings, id: lab.run });
}

async function askWorker(message) {
  wakeLab();
  byId("lab").ariaBusy = "true";
  (await lab.worker)?.postMessage(message);
}

/** Return the worker, with the digits; null if the browser does not start one. */
async function openWorker() {
  try {
    const [train, test] = await Promise.all([readTrainingDigits(), readDigits()]);
    const worker = lab.newWorker();
    worker.onmessage = (event) => showReport(event.data);
    worker.onerror = noWorker;
    const [images, labels] = [test.images.slice(0, test.counted), test.labels.slice(0, test.counted)];
    worker.postMessage({ digits: { train, test: { images, labels } } });
    return worker;
  } catch {
    return noWorker();
  }
}

function noWorker() {
  lab.broken = true;
  showLabProblem(NO_WORKER);
  endTraining("lab-start", "lab-step", "lab-reset");
  return null;
}

function changeSettings() {
  const problem = settingsProblem();
  if (!lab.broken) showLabProblem(problem);
  if (problem) return;
  const before = lab.settings;
  lab.settings = readSettings();
  settingsToAddress(lab.settings);
  showSettings(lab.settings);
  const changed = Object.keys(before).filter((name) => before[name] !== lab.settings[name]);
  if (lab.worker === null || changed.length === 0) return;
  const { eta, batch } = lab.settings;
  if (changed.every((name) => AT_ONCE.includes(name))) askWorker({ change: { eta, batch } });
  else resetLab();
}

function showReport({ id, net, updates, epochs, points, idle }) {
  if (id !== lab.run) return;
  byId("lab").ariaBusy = `${!idle}`;
  const made = `${updates.toLocaleString("en")} weight update${updates === 1 ? "" : "s"}`;
  byId("lab-progress").textContent = `Epoch ${epochs.toFixed(2)}, ${made}`;
  if (net === null) {
    showLabProblem(OVERFLOW);
    endTraining("lab-start", "lab-step");
    return;
  }
  showWeights(net);
  lab.onNet(net);
  if (lab.joins) becomePagesNet();
  if (points.length === 0) return;
  lab.points.push(...points);
  if (lab.points.length > MOST_POINTS) lab.points = lab.points.filter((_, i) => i % 2 === 0 || i === MOST_POINTS);
  showCosts(lab.points);
  const { accuracy, outputs } = points.at(-1).test;
  showLabProblem(stuckSentence([...outputs.keys()].filter((i) => outputs[i] < STUCK || outputs[i] > 1 - STUCK)));
  if (idle && updates > 0) announce(`${made}. ${percent(accuracy)} of the test digits are right.`);
}

/** Select the net in the list of nets, so that it answers the drawing. */
function becomePagesNet() {
  lab.joins = false;
  const list = byId("net");
  if (list.value === LAB_NET) return;
  list.value = LAB_NET;
  list.dispatchEvent(new Event("change"));
}

function stuckSentence(outputs) {
  if (outputs.length === 0) return "";
  const some = `Output${outputs.length === 1 ? "" : "s"} ${outputs.join(", ")}`;
  return (
    `${outputs.length === 10 ? "All outputs" : some}: stuck near 0 or 1 for every digit. There the sigmoid is flat ` +
    "and the gradient nearly 0, so that hardly anything is learned. η is too large: reset, and take a smaller one."
  );
}

function showTraining(training) {
  lab.training = training;
  byId("lab-start").textContent = training ? "Pause" : "Start";
}

function endTraining(...buttons) {
  showTraining(false);
  for (const id of buttons) byId(id).disabled = true;
}

function showLabProblem(sentence) {
  byId("lab-problem").textContent = sentence;
  byId("lab-problem").hidden = !sentence;
}
