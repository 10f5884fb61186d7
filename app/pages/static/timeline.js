// What happened in a match, newest first.

import { arrange, el, put } from "./dom.js";
import { incidentWords } from "./words.js";

// Basketball has hundreds; these are shown until one asks for all.
const SHOWN_FIRST = 24;

/** Draws the incidents of a match into the page's list. */
export class Timeline {
  #all = false;
  #items = new Map();
  #incidents = [];

  constructor(names) {
    this.names = names; // { home, away }
    this.list = document.getElementById("timeline");
    this.none = document.getElementById("no-incidents");
    this.more = document.getElementById("more");
    this.more.addEventListener("click", () => {
      this.#all = true;
      this.show(this.#incidents);
    });
  }

  /** Shows incidents; what is new comes in at the top, what was withdrawn is struck through. */
  show(incidents) {
    this.#incidents = incidents;
    const newest = [...incidents].reverse();
    const shown = this.#all ? newest : newest.slice(0, SHOWN_FIRST);
    arrange(this.list, shown.map((incident) => this.#item(incident)));
    this.none.hidden = incidents.length > 0;
    this.more.hidden = shown.length === incidents.length;
    put(this.more, `Show all ${incidents.length}`);
  }

  #item(incident) {
    const told = JSON.stringify(incident);
    const known = this.#items.get(incident.id);
    if (known?.told === told) return known.node;
    const node = drawn(incident, this.names[incident.side]);
    this.#items.set(incident.id, { told, node });
    return node;
  }
}

function drawn(incident, team) {
  const { mark, title, more, score } = incidentWords(incident);
  const [sign, colour] = mark.split(" ");
  const words = el("span", { class: "words" }, el("span", { class: "title" }, title));
  const rest = [team, more, incident.withdrawn && "withdrawn"].filter(Boolean).join(" · ");
  if (rest) words.append(el("span", { class: "more-words" }, rest));
  const body = el(incident.withdrawn ? "s" : "span", { class: "told" }, words);
  return el(
    "li",
    {
      class: "incident",
      "data-incident": incident.id,
      "data-type": incident.type,
      "data-side": incident.side ?? "none",
      "data-withdrawn": incident.withdrawn ? "true" : null,
    },
    el("span", { class: "at" }, incident.clock ?? ""),
    el("span", {
      class: "sign",
      "data-sign": sign,
      "data-colour": colour ?? null,
      "aria-hidden": "true",
    }),
    body,
    el("span", { class: "after" }, score),
  );
}
