// The Web Worker of "Train it yourself": it computes the weight updates, so that the page stays responsive.
//
// The page posts
//   {digits: {train, test}}   once: each {images, labels}, as data.js reads them
//   {reset: settings, id}     random weights; the settings are h, activation, bias, eta, batch, seed
//   {change: {eta, batch}}    from the next weight update on
//   {train: updates}          make this number of weight updates; Infinity: until the next message
//   {pause: true}             stop now
// and gets reports {id, net, updates, epochs, points, idle}: the net, or null if a weight is no longer a finite number;
// the new points of the curves; whether all that was asked for is done.

import { inputsOf } from "./inputs.js";
import { LAB_PREPROCESSING, isFiniteNet, measureRun, newRun, trainRun } from "./lab_training.js";

const SLICE = 30; // ms of training between two looks at the messages
const REPORT = 100; // ms between two reports

/** Run the worker. `scope` is its global object. */
export function runLabWorker(scope) {
  let data; // {train, test}, each a list of {x, label}
  let run;
  let id; // of the run
  let job = null; // a generator
  let timer = null;
  let reported = 0; // the time of the last report

  scope.onmessage = ({ data: message }) => {
    if (message.digits) {
      data = { train: examplesOf(message.digits.train), test: examplesOf(message.digits.test) };
    } else if (message.change) {
      Object.assign(run.settings, message.change);
      if (job === null) report();
    } else {
      if (message.reset) [run, id] = [newRun(message.reset), message.id];
      job = message.train ? trainRun(run, data, message.train) : measureRun(run, data);
      timer ??= setTimeout(slice);
    }
  };

  function slice() {
    timer = null;
    const end = performance.now() + SLICE;
    while (job !== null && performance.now() < end) if (job.next().done) job = null;
    if (job === null || performance.now() > reported + REPORT) report();
    if (job !== null) timer = setTimeout(slice);
  }

  function report() {
    const net = isFiniteNet(run.net) ? run.net : null;
    if (net === null) job = null;
    const points = run.points.splice(0);
    const epochs = run.digits / data.train.length;
    scope.postMessage({ id, net, updates: run.updates, epochs, points, idle: job === null });
    reported = performance.now();
  }
}

function examplesOf({ images, labels }) {
  return images.map((image, i) => ({ x: inputsOf(LAB_PREPROCESSING, image), label: labels[i] }));
}
