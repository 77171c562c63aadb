// Short forms of what all parts of the page do with its elements.

export const byId = (id) => document.getElementById(id);

export const within = (low, value, high) => Math.min(Math.max(value, low), high);

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function tableRow(name, ...cells) {
  const heading = element("th", { scope: "row" }, name);
  return element("tr", {}, heading, ...cells.map((cell) => element("td", {}, cell)));
}

/** Fill a fieldset with radio buttons. The arrow keys move from one to the next. */
export function choices(fieldset, name, labels, then) {
  const made = labels.map((label, i) => {
    const radio = element("input", { type: "radio", name, value: i });
    radio.addEventListener("change", () => then(i));
    return element("label", {}, radio, element("span", {}, label));
  });
  fieldset.replaceChildren(fieldset.querySelector("legend"), ...made);
}

/** Check the radio button with this value; null checks none. */
export function check(fieldset, value) {
  for (const radio of fieldset.querySelectorAll("input")) radio.checked = value !== null && Number(radio.value) === value;
}

/** Have a screen reader read a sentence. */
export function announce(text) {
  byId("announcement").textContent = text;
}

/** Show one sentence about what went wrong; "" removes it. */
export function showProblem(sentence) {
  byId("problem").textContent = sentence;
  byId("problem").hidden = !sentence;
}
