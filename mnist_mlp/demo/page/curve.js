// A run's cost curve as SVG, with a line at the epoch that is shown.

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 200;
const MARGIN = { left: 46, right: 12, top: 10, bottom: 34 };

function draw(name, attributes, text = "") {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

/** The distance of the lines of an axis that ends at or above `most`: 1, 2 or 5 times a power of ten, at most 5 lines. */
function lineDistance(most) {
  const power = 10 ** Math.floor(Math.log10(most / 5));
  return [1, 2, 5, 10].map((digit) => digit * power).find((distance) => 5 * distance >= most);
}

/** Draw the curve {train, validation}, each [[epoch, average cost], ...]. `epoch` is marked; null marks none. */
export function costCurve({ train, validation }, epoch, width = 420) {
  const box = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: HEIGHT - MARGIN.bottom };
  const lastEpoch = Math.max(1, ...train.map(([at]) => at), epoch ?? 0);
  const most = Math.max(...[...train, ...validation].map(([, cost]) => cost)) || 1;
  const distance = lineDistance(most);
  const lines = Math.ceil(most / distance - 1e-9);
  const x = (at) => box.left + (at / lastEpoch) * (box.right - box.left);
  const y = (cost) => box.bottom - (cost / (lines * distance)) * (box.bottom - box.top);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, class: "curve", role: "img" });
  svg.setAttribute("aria-label", `Average cost after each of ${lastEpoch} epochs`);
  for (let i = 0; i <= lines; i++) {
    const cost = distance * i;
    svg.append(draw("line", { class: "grid", x1: box.left, x2: box.right, y1: y(cost), y2: y(cost) }));
    svg.append(draw("text", { x: box.left - 6, y: y(cost) + 4, "text-anchor": "end" }, `${Number(cost.toPrecision(3))}`));
  }
  const step = Math.max(1, Math.ceil(lastEpoch / (width < 500 ? 8 : 15)));
  for (let at = 0; at <= lastEpoch; at += step) {
    svg.append(draw("text", { x: x(at), y: box.bottom + 15, "text-anchor": "middle" }, `${at}`));
  }
  svg.append(draw("text", { x: (box.left + box.right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "epochs"));
  for (const [points, name] of [[train, "training"], [validation, "validation"]]) {
    const line = points.map(([at, cost]) => `${x(at).toFixed(1)},${y(cost).toFixed(1)}`).join(" ");
    svg.append(draw("polyline", { class: name, points: line }));
    if (points.length === 1) svg.append(draw("circle", { class: name, cx: x(points[0][0]), cy: y(points[0][1]), r: 3 }));
  }
  if (epoch !== null) svg.append(draw("line", { class: "shown", x1: x(epoch), x2: x(epoch), y1: box.top, y2: box.bottom }));
  return svg;
}
