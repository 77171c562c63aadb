// Through training: a run's net after different numbers of epochs, beside the run's cost curve.

import { costCurve } from "./curve.js";
import { netOf } from "./data.js";
import { byId, element, tableRow } from "./dom.js";
import { number, precise } from "./format.js";
import { forward, largestOf } from "./net.js";
import { state } from "./state.js";

const loaded = new WeakMap(); // the nets of a description's stages, as promises

/** The net of a description after the epochs of one stage. */
export function stageNet(description, stage) {
  if (!loaded.has(description)) loaded.set(description, []);
  return (loaded.get(description)[stage] ??= netOf(description, stage));
}

/** Connect the slider. `choose(stage)` selects a stage. */
export function startStages(choose) {
  byId("stage").addEventListener("input", (event) => choose(Number(event.target.value)));
  byId("stages").addEventListener("click", (event) => {
    const row = event.target.closest("tbody tr");
    if (row) choose(row.sectionRowIndex);
  });
}

export function stageName(epoch) {
  return epoch === null ? "trained" : epoch === 0 ? "before training" : `after ${epoch} epoch${epoch === 1 ? "" : "s"}`;
}

/** Build the panel for the selected net. */
export function buildStages() {
  const { stages } = state.description;
  const some = stages !== undefined && stages.length > 1;
  byId("some-stages").hidden = !some;
  byId("no-stages").hidden = some;
  if (some) byId("stage").max = stages.length - 1;
}

/** Show the slider, the curve, and what the net of each stage says of the image. */
export async function showStages() {
  const { description, stage, x } = state;
  const { stages, curve, classes } = description;
  if (byId("some-stages").hidden) return;
  const { epoch } = stages[stage];
  byId("stage").value = stage;
  byId("stage").setAttribute("aria-valuetext", stageName(epoch));
  byId("stage-name").textContent = stageName(epoch);
  const width = Math.min(Math.max(280, byId("curve").clientWidth), 900);
  byId("curve").replaceChildren(...(curve ? [costCurve(curve, epoch, width)] : ["This run has no cost curve."]));

  const nets = await Promise.all(stages.map((_, i) => stageNet(description, i)));
  if (state.description !== description || state.x !== x || state.stage !== stage) return;
  const costAt = (name, at) => curve?.[name].find(([known]) => known === at)?.[1];
  const rows = nets.map((net, i) => {
    const at = stages[i].epoch;
    const a = x && forward(net, x).at(-1).a;
    const guess = a && largestOf(a);
    const costs = ["train", "validation"].map((name) => costAt(name, at));
    const heading = element("button", { type: "button", className: "link" }, stageName(at));
    const row = tableRow(heading, ...costs.map((cost) => (cost === undefined ? "" : precise(cost))), a ? classes[guess] : "", a ? number(a[guess]) : "");
    row.classList.toggle("right-answer", i === stage);
    return row;
  });
  byId("stages").tBodies[0].replaceChildren(...rows);
}
