// Which matches have a socket: those somebody can see, bounded.

import { Follower } from "./live.js";

// A board shows about twenty rows at once; a browser and a server take this many easily.
export const SOCKETS_MAX = 24;
// When the server says there are too many, we do with fewer and ask for more after a while.
const CROWDED_MS = 60_000;
const TOO_MANY = 4429;

/** Keeps a bounded set of followers in step with what is wanted. */
export class Follows {
  #followers = new Map();
  #max = SOCKETS_MAX;
  #states = new Map();

  constructor({ onState, onConnection }) {
    this.onState = onState;
    this.onConnection = onConnection;
  }

  /** Returns what is known of a match, undefined before its first frame. */
  stateOf(id) {
    return this.#states.get(id);
  }

  /** Returns how each socket stands. */
  connections() {
    return [...this.#followers.values()].map(({ connection }) => connection);
  }

  /** Returns when a frame last came on any socket, 0 when none is open. */
  heardAt() {
    return Math.max(0, ...[...this.#followers.values()].map(({ heardAt }) => heardAt));
  }

  /** Follows the first of `ids` there is room for; what is left over goes to those that `mayStay`. */
  want(ids, mayStay) {
    const staying = [...this.#followers.keys()].filter(mayStay);
    const wanted = new Set([...new Set([...ids, ...staying])].slice(0, this.#max));
    for (const id of [...this.#followers.keys()]) if (!wanted.has(id)) this.#drop(id);
    for (const id of wanted) if (!this.#followers.has(id)) this.#follow(id);
  }

  /** Forgets what is known of matches that are not shown any more. */
  keep(ids) {
    for (const id of [...this.#states.keys()]) {
      if (!ids.has(id) && !this.#followers.has(id)) this.#states.delete(id);
    }
  }

  #follow(id) {
    const follower = new Follower(id, {
      onState: (state, frame) => {
        this.#states.set(id, state);
        this.onState(id, state, frame);
      },
      onConnection: (word, code) => {
        if (code === TOO_MANY) this.#crowded(id);
        this.onConnection(id, word);
      },
    });
    this.#followers.set(id, follower);
  }

  #crowded(id) {
    const live = this.connections().filter((word) => word === "live").length;
    this.#max = Math.max(1, live);
    setTimeout(() => {
      this.#max = SOCKETS_MAX;
    }, CROWDED_MS);
    this.#drop(id);
  }

  #drop(id) {
    this.#followers.get(id)?.stop();
    this.#followers.delete(id);
  }
}
