// One weight update: the right answer, the cost, its gradient, the update and what it changes.

import { averageOf } from "./averages.js";
import { announce, byId, check, choices, element, showProblem, tableRow } from "./dom.js";
import { minus, number, percent, precise } from "./format.js";
import { backPropagate, cost, costTerms, forward, gradient, scale, targetsOf, update } from "./net.js";
import { largestSize, smallBar } from "./shades.js";
import { layerName, outputs, state } from "./state.js";

const BYTES_OF_UPDATES = 64 * 2 ** 20; // for the weights that undo goes back to

/** Connect the panel's controls. `labelled(label)` sets the right answer; `changed()` shows the net again. */
export function startLearning(labelled, changed) {
  byId("update").addEventListener("click", () => {
    const eta = byId("eta").valueAsNumber;
    const sentence = makeUpdate(eta);
    showProblem(sentence);
    if (!sentence) changed();
  });
  const undo = (all) => () => {
    const before = all ? state.history[0] : state.history.at(-1);
    state.history.length = all ? 0 : state.history.length - 1;
    Object.assign(state, { net: before, effect: null });
    changed();
    announce(state.history.length ? "The weights are as they were before that update." : "The trained weights are restored.");
    if (!state.history.length) byId("update").focus();
  };
  byId("undo").addEventListener("click", undo(false));
  byId("undo-all").addEventListener("click", undo(true));
  startLearning.labelled = labelled;
}

/** Build the panel for the selected net. */
export function buildLearning() {
  const { classes, cost: costName, outputActivation } = state.description;
  choices(byId("digits"), "label", classes, (label) => startLearning.labelled(label));
  byId("term").textContent = costName === "cross_entropy" ? "share" : "(a − y)²";
  byId("flat").hidden = costName === "cross_entropy" || outputActivation !== "sigmoid";
}

/** Make one weight update on this example. Returns what is wrong, or "". */
function makeUpdate(eta) {
  if (!(eta > 0 && eta <= 1e6)) return "Give a number above 0, at most 1,000,000, for η.";
  const size = state.net.layers.reduce((sum, { W }) => sum + W.byteLength, 0);
  if (state.history.length >= Math.max(2, Math.floor(BYTES_OF_UPDATES / size))) {
    return `This page can undo ${state.history.length} updates of this net, not more; undo some first.`;
  }
  const { net, x, states, label } = state;
  const y = targetsOf(net, label);
  const next = update(net, gradient(net, x, states, y), eta);
  const after = forward(next, x).at(-1).a;
  if (![...after, cost(next, after, y)].every(Number.isFinite)) return `With η = ${eta} the weights would overflow; take a smaller η.`;
  state.history.push(net);
  state.net = next;
  state.effect = { before: net, eta, outputs: outputs(), cost: cost(net, outputs(), y) };
  return "";
}

export function showLearning() {
  const n = state.history.length;
  byId("undoing").hidden = n === 0;
  byId("updates").textContent = `${n} update${n === 1 ? "" : "s"}`;
  check(byId("digits"), state.label);
  const shown = state.label !== null && state.states !== null;
  byId("learning").hidden = byId("explained").hidden = !shown;
  byId("no-label").hidden = shown;
  if (!shown) return;
  const { net, states, label } = state;
  const a = outputs();
  const y = targetsOf(net, label);
  const terms = costTerms(net, a, y);
  const deltas = backPropagate(net, states, y);
  byId("cost").replaceChildren(
    net.cost === "cross_entropy" ? "C = −¹⁄₁₀ Σ y ln a + (1 − y) ln (1 − a) = " : "C = ¹⁄₁₀ Σ (a − y)² = ",
    element("b", {}, precise(cost(net, a, y))),
  );
  const slopes = deltas.at(-1).map((delta) => scale(net) * delta);
  const longest = largestSize(slopes);
  byId("terms").tBodies[0].replaceChildren(
    ...state.description.classes.map((name, i) => {
      const bar = smallBar(slopes[i], -longest, longest);
      const row = tableRow(name, number(a[i]), minus(`${+y[i].toFixed(3)}`), precise(terms[i]), precise(slopes[i]), bar);
      row.classList.toggle("right-answer", i === label);
      return row;
    }),
  );
  showGradient(gradient(net, state.x, states, y));
}

function showGradient(gradients) {
  const length = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const norms = gradients.map(({ dW, db }) => [length(dW), db === null ? null : length(db)]);
  const steepest = largestSize(norms.map(([ofWeights]) => ofWeights));
  byId("gradient").tBodies[0].replaceChildren(
    ...norms.map(([ofWeights, ofBiases], l) => {
      const { m, n } = state.net.layers[l];
      const bar = smallBar(ofWeights, 0, steepest);
      return tableRow(layerName(l + 1), `${m} × ${n}`, precise(ofWeights), bar, ofBiases === null ? "none" : precise(ofBiases));
    }),
  );
}

/** Show this example and the test images before and after the last update. Computing their averages takes a while. */
export async function showEffect(digits) {
  const { net, effect, label, description } = state;
  if (label === null || state.states === null) return;
  const name = description.classes[label];
  const isWanted = () => state.net === net && state.effect === effect;
  const y = targetsOf(net, label);
  const now = cost(net, outputs(), y);
  const row = (heading, before, after) => {
    const made = tableRow(heading, ...(effect ? [before, "→", after] : [after]));
    made.lastChild.classList.add("after");
    return made;
  };
  const rows = (before, after) =>
    byId("effect").tBodies[0].replaceChildren(
      row("cost of this example", effect && precise(effect.cost), precise(now)),
      row(`activation of output ${name}`, effect && number(effect.outputs[label]), number(outputs()[label])),
      row(`average cost of ${digits.counted} test images`, before ? precise(before.cost) : "…", after ? precise(after.cost) : "…"),
      row(`accuracy on the ${digits.counted} test images`, before ? percent(before.accuracy) : "…", after ? percent(after.accuracy) : "…"),
    );
  byId("effect").caption.textContent = effect ? `Before and after the update with η = ${effect.eta}` : "Now";
  rows(null, null);
  const before = effect && (await averageOf(effect.before, description, digits, isWanted));
  if (effect && before === null) return;
  const after = await averageOf(net, description, digits, isWanted);
  if (after !== null && isWanted()) rows(before, after);
}
