// Numbers as colours: grids of neurons and bars. Blue is positive and orange is negative, everywhere.

import { element, within } from "./dom.js";
import { number } from "./format.js";

const BLUE = [0, 114, 178]; // of Okabe and Ito, whose colours all readers can tell apart
const ORANGE = [213, 94, 0];

/** The largest size of a number among the values. */
export function largestSize(values) {
  let most = 1e-12;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

export function gridOf(size) {
  const columns = Math.ceil(Math.sqrt(size));
  return { columns, rows: Math.ceil(size / columns) };
}

/** A grid with one cell per neuron. `then` gets the number of the neuron that is clicked. */
export function gridTile(size, then) {
  const { columns, rows } = gridOf(size);
  const grid = element("canvas", { width: columns, height: rows });
  grid.setAttribute("role", "img");
  grid.style.width = `round(down, var(--tile), ${columns}px)`;
  grid.style.aspectRatio = `${columns} / ${rows}`;
  const tile = element("div", { className: "tile" }, grid, element("div", { className: "marker", hidden: true }));
  if (then) {
    tile.classList.add("neurons");
    grid.addEventListener("click", (event) => {
      const box = grid.getBoundingClientRect();
      const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
      const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
      then(within(0, row * columns + column, size - 1), event);
    });
  }
  return tile;
}

/** Put the marker around one neuron of a grid; null removes it. */
export function mark(tile, index, size) {
  const marker = tile.querySelector(".marker");
  marker.hidden = index === null;
  if (index === null) return;
  const { columns, rows } = gridOf(size);
  marker.style.left = `${(100 * (index % columns)) / columns}%`;
  marker.style.top = `${(100 * Math.floor(index / columns)) / rows}%`;
  marker.style.width = `${100 / columns}%`;
  marker.style.height = `${100 / rows}%`;
}

const painted = new WeakMap(); // each canvas with its context and its pixels, which are used again

/** Paint a grid. `full` is the value with full colour; `grey` paints ink on paper instead. null leaves it blank. */
export function paint(tile, values, full, label, grey = false) {
  const grid = tile.firstChild;
  let known = painted.get(grid);
  if (!known) {
    const context = grid.getContext("2d", { willReadFrequently: true });
    known = { context, pixels: context.createImageData(grid.width, grid.height) };
    painted.set(grid, known);
  }
  const { data } = known.pixels;
  data.fill(0);
  for (let i = 0, to = 0; values && i < values.length; i++, to += 4) {
    const share = Math.min(Math.abs(values[i]) / full, 1);
    const [red, green, blue] = grey ? [0, 0, 0] : values[i] < 0 ? ORANGE : BLUE;
    data[to] = 255 + (red - 255) * share;
    data[to + 1] = 255 + (green - 255) * share;
    data[to + 2] = 255 + (blue - 255) * share;
    data[to + 3] = 255;
  }
  known.context.putImageData(known.pixels, 0, 0);
  if (grid.getAttribute("aria-label") !== label) grid.setAttribute("aria-label", label);
}

/** A legend: the colours from -full to full, or from 0. */
export function legend(low, high) {
  return element("p", { className: "scale" }, low, element("i", { className: low === "0" ? "plain" : "signed" }), high);
}

export const legendOf = (full, signed) => legend(signed ? number(-full) : "0", number(full));

/** A bar from 0 to the value, on a scale from bottom to top. */
export function setBar(bar, value, bottom, top) {
  const from = within(bottom, Math.min(value, 0), top);
  const to = within(bottom, Math.max(value, 0), top);
  bar.style.left = `${(100 * (from - bottom)) / (top - bottom)}%`;
  bar.style.width = `${(100 * (to - from)) / (top - bottom)}%`;
  bar.classList.toggle("minus", value < 0);
}

export function smallBar(value, bottom, top) {
  const inner = element("b");
  setBar(inner, value, bottom, top);
  return element("div", { className: "track" }, inner);
}
