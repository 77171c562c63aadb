// Numbers as text, with a true minus sign. What is too small for its decimals is "≈ 0".

export const minus = (text) => text.replace(/-/g, "−");

/** A number with three decimals, fewer if it is large. */
export function number(value) {
  return decimals(value, Math.abs(value) >= 100 ? 1 : 3);
}

/** "= 0.123", or "≈ 0". */
export function equals(value) {
  const text = number(value);
  return text.startsWith("≈") ? text : `= ${text}`;
}

/** A cost, or another number that is compared with one a little smaller. */
export const precise = (value) => decimals(value, 5);

export const percent = (share) => `${(100 * share).toFixed(1)}%`;

function decimals(value, count) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : minus(`${value < 0 ? "-" : ""}∞`);
  if (Math.abs(value) >= 1e6) return minus(value.toExponential(1));
  const text = value.toFixed(count);
  return Number(text) === 0 ? "≈ 0" : minus(text);
}
