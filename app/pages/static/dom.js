// The few things we do to a page.

// As long as a change stays marked; the fade back is the style sheet's.
const FLASH_MS = 1_400;
const flashes = new WeakMap();

/** Returns a new element with attributes and children; text is always text, never markup. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Writes text into a node when it differs, so that nothing is painted for nothing. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Makes `nodes` the children of `parent`, in order, moving only what is out of place. */
export function arrange(parent, nodes) {
  const kept = new Set(nodes);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  nodes.forEach((node, place) => {
    const at = parent.children[place];
    if (at !== node) parent.insertBefore(node, at ?? null);
  });
}

/** Marks a node as just changed: "up", "down" or "score". */
export function flash(node, how) {
  node.dataset.flash = how;
  clearTimeout(flashes.get(node));
  flashes.set(node, setTimeout(() => delete node.dataset.flash, FLASH_MS));
}

/** Returns a function that calls `draw` once in the next frame, however often it is called. */
export function onceAFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

const CONNECTION_WORDS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  stale: "Stale",
  closed: "Not connected",
};

/** Shows how the connection stands; `detail` says more to who points at it. */
export function showConnection(word, detail = "") {
  const node = document.getElementById("connection");
  node.dataset.state = word;
  node.title = detail;
  put(node.querySelector(".connection-text"), CONNECTION_WORDS[word]);
}

/** Shows a sentence above everything, or takes it away. */
export function showNotice(text) {
  const node = document.getElementById("notice");
  node.hidden = !text;
  put(node, text ?? "");
}
