// Drawing: elements of SVG, and the few shapes our charts are made of.

const NAMESPACE = "http://www.w3.org/2000/svg";

/** Returns a new SVG element with attributes and children; text is always text. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

/** Returns the `d` of a line through points [x, y]. */
export function lineThrough(points) {
  return points.map(([x, y], place) => `${place ? "L" : "M"}${round(x)} ${round(y)}`).join("");
}

/** Returns points that stay where they are until the next one begins. */
export function stepped(points) {
  return points.flatMap((point, place) =>
    place ? [[point[0], points[place - 1][1]], point] : [point],
  );
}

/** Returns a function from values to pixels. */
export function scale([low, high], [from, to]) {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

/** Takes everything out of a drawing and puts these in. */
export function redraw(drawing, ...children) {
  drawing.replaceChildren(...children);
}

const round = (value) => Math.round(value * 10) / 10;
