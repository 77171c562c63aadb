// The paper: drawing by mouse, finger, pen or keyboard, and showing a digit on it.

import { announce, byId, within } from "./dom.js";

const PEN_WIDTH = 22; // of 280 pixels; MNIST's digits have about that share of ink
const KEY_STEP = 14;
const FINE_KEY_STEP = 4;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const canvas = byId("drawing");
const paper = canvas.getContext("2d", { willReadFrequently: true });
export const SIDE = canvas.width;

/** The drawing: SIDE x SIDE bytes from 0 (paper) to 255 (ink). */
export function ink() {
  const { data } = paper.getImageData(0, 0, SIDE, SIDE);
  const bytes = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < bytes.length; i++) bytes[i] = data[4 * i + 3];
  return bytes;
}

export function clearPaper() {
  paper.clearRect(0, 0, SIDE, SIDE);
  byId("invitation").hidden = false;
}

/** Show an image in MNIST's form on the paper. */
export function showImage(image) {
  const small = new OffscreenCanvas(28, 28);
  const context = small.getContext("2d");
  const pixels = context.createImageData(28, 28);
  image.forEach((byte, i) => (pixels.data[4 * i + 3] = byte));
  context.putImageData(pixels, 0, 0);
  clearPaper();
  paper.imageSmoothingEnabled = true;
  paper.drawImage(small, 0, 0, SIDE, SIDE);
  byId("invitation").hidden = true;
}

/** Call `changed(time)` after each change by the user, and `cleared()` when a key clears the paper. */
export function startDrawing(changed, cleared) {
  const pointers = new Map(); // the last position of each pointer that is down

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    const point = pointIn(event);
    pointers.set(event.pointerId, point);
    line(point, point);
    changed(event.timeStamp);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      const point = pointIn(one);
      line(pointers.get(event.pointerId), point);
      pointers.set(event.pointerId, point);
    }
    changed(event.timeStamp);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }

  const pen = { x: SIDE / 2, y: SIDE / 4, down: false };
  const showPen = () => {
    const shown = byId("pen");
    shown.hidden = !canvas.matches(":focus-visible");
    shown.classList.toggle("down", pen.down);
    shown.style.left = `${(100 * pen.x) / SIDE}%`;
    shown.style.top = `${(100 * pen.y) / SIDE}%`;
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const from = { ...pen };
    const moves = event.key in ARROWS;
    if (moves) {
      const step = event.shiftKey ? FINE_KEY_STEP : KEY_STEP;
      pen.x = within(0, pen.x + ARROWS[event.key][0] * step, SIDE);
      pen.y = within(0, pen.y + ARROWS[event.key][1] * step, SIDE);
    } else if (event.key === " ") {
      if (event.repeat) return event.preventDefault();
      pen.down = !pen.down;
      announce(pen.down ? "Pen down" : "Pen up");
    } else if (event.key === "Delete" || event.key === "Backspace") {
      cleared();
    } else if (event.key === "Escape") {
      pen.down = false;
    } else {
      return;
    }
    if (pen.down && (moves || event.key === " ")) {
      line(from, pen);
      changed(event.timeStamp);
    }
    event.preventDefault();
    showPen();
  });
  canvas.addEventListener("focus", showPen);
  canvas.addEventListener("blur", () => {
    pen.down = false;
    showPen();
  });
}

function pointIn(event) {
  const box = canvas.getBoundingClientRect();
  return { x: ((event.clientX - box.left) / box.width) * SIDE, y: ((event.clientY - box.top) / box.height) * SIDE };
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
  byId("invitation").hidden = true;
}
