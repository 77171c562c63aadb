// The page's state in its address, such as #net=version_3-best&panel=update, so that a link reproduces it.

let values = new URLSearchParams(location.hash.slice(1));

/** A value of the address, or `otherwise`. */
export const fromAddress = (name, otherwise = null) => values.get(name) ?? otherwise;

/** Set values of the address; null removes one. */
export function toAddress(changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) values.delete(name);
    else values.set(name, value);
  }
  const hash = `#${values}`;
  if (hash !== location.hash && (hash !== "#" || location.hash)) history.replaceState(null, "", hash);
}

/** Call a function when the user changes the address. */
export function onAddress(then) {
  addEventListener("hashchange", () => {
    values = new URLSearchParams(location.hash.slice(1));
    then();
  });
}
