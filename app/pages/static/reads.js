// REST reads that stay within the limit of an anonymous caller and wait when told to.

const RETRY_AFTER_S = 5;
const RETRY_AFTER_MAX_S = 120;
const TIMEOUT_MS = 10_000;

/** A read that was answered with a problem; `retryAfterMs` is when asking again makes sense. */
export class ReadFailed extends Error {
  constructor(status, retryAfterMs) {
    super(`the server answered ${status}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Returns the JSON of an address; throws ReadFailed, or TypeError when the server is out of reach. */
export async function read(path, parameters = {}) {
  const address = new URL(path, location.href);
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  const answer = await fetch(address, {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (answer.ok) return answer.json();
  const told = Number(answer.headers.get("Retry-After"));
  const seconds = Number.isFinite(told) && told > 0 ? told : RETRY_AFTER_S;
  throw new ReadFailed(answer.status, Math.min(seconds, RETRY_AFTER_MAX_S) * 1000);
}

/**
 * Calls `ask` every `everyMs`, never twice at once, later when it fails, and not while nobody
 * looks at the page. Returns a function that ends it.
 */
export function repeat(ask, everyMs) {
  let timer = 0;
  let ended = false;
  let busy = false;
  const again = (ms) => {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(run, ms);
  };
  async function run() {
    if (document.hidden || busy) return;
    busy = true;
    try {
      await ask();
      again(everyMs);
    } catch (problem) {
      if (!(problem instanceof ReadFailed) && !isOutOfReach(problem)) throw problem;
      again(Math.max(everyMs, problem.retryAfterMs ?? 0));
    } finally {
      busy = false;
    }
  }
  const seen = () => document.hidden || again(0);
  document.addEventListener("visibilitychange", seen);
  run();
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}

/** Says whether the server could not be reached in time, or something else answered for it. */
export function isOutOfReach(problem) {
  return (
    problem instanceof TypeError || problem instanceof SyntaxError || problem.name === "TimeoutError"
  );
}
