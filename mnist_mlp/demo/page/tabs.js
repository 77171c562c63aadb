// The panels below the net, of which one is shown.

import { byId } from "./dom.js";

const tabs = [...document.querySelectorAll('[role="tab"]')];
let selectedTab = null;

/** The name of the shown panel. */
export const tabOf = () => selectedTab;

/** Connect the tabs. `selected(name)` is called after another panel is shown. */
export function startTabs(selected) {
  startTabs.selected = selected;
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => selectTab(tab.value));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(i + step + tabs.length) % tabs.length];
      selectTab(next.value);
      next.focus();
      event.preventDefault();
    });
  });
}

export function selectTab(name) {
  if (!tabs.some(({ value }) => value === name)) name = tabs[0].value;
  for (const tab of tabs) {
    const selected = tab.value === name;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
    byId(`panel-${tab.value}`).hidden = !selected;
  }
  if (name === selectedTab) return;
  selectedTab = name;
  startTabs.selected(name);
}
