// The settings of "Train it yourself": in the controls of lab.html, and in the page's address.

import { fromAddress, toAddress } from "./address.js";
import { byId } from "./dom.js";

// The first net of Nielsen, "Neural Networks and Deep Learning", chapter 1, with η 3. With a little more it reaches 90%
// in fewer epochs. Above 4, the net without a nonlinearity collapses.
const LAB_DEFAULTS = { h: 30, activation: "sigmoid", bias: true, eta: 4, batch: 10, seed: 0 };

export const labControls = () => Object.keys(LAB_DEFAULTS).map(labControl);
const labControl = (name) => byId(`lab-${name}`);

/** Return the settings of the controls. */
export function readSettings() {
  const number = (name) => Number(labControl(name).value);
  return {
    h: number("h"),
    activation: labControl("activation").value,
    bias: labControl("bias").checked,
    eta: number("eta"),
    batch: number("batch"),
    seed: number("seed"),
  };
}

/** Say which control has a value that cannot be; "" if none has. */
export function settingsProblem() {
  if (isWrong("h")) return "The number of hidden neurons is a whole number from 0 to 100.";
  if (isWrong("eta")) return "The learning rate η is a number above 0, up to 1,000,000.";
  if (isWrong("seed")) return "The seed is a whole number from 0 to 999999.";
  return "";
}

function isWrong(name) {
  const { value, validity } = labControl(name);
  return value === "" || !validity.valid || (name === "eta" && Number(value) <= 0);
}

/** Write the settings to the address, those that are not the defaults. */
export function settingsToAddress(settings) {
  for (const [name, value] of Object.entries(settings)) {
    toAddress({ [`lab-${name}`]: value === LAB_DEFAULTS[name] ? null : value });
  }
}

/** Set the controls to the settings of the address; where it has none, or one that cannot be, to the default. */
export function settingsFromAddress() {
  for (const [name, usual] of Object.entries(LAB_DEFAULTS)) {
    const control = labControl(name);
    if (name === "bias") {
      control.checked = fromAddress("lab-bias", "true") !== "false";
      continue;
    }
    control.value = fromAddress(`lab-${name}`, usual);
    if (isWrong(name)) control.value = usual;
  }
}
