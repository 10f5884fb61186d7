// Who is logged in. The pair of tokens is shared by all tabs: a refresh token is good once, so it is
// used by one tab at a time, and the others take what that one got.

const KEY = "touchline.log-in";
const LOCK = "touchline.refresh";
const TIMEOUT_MS = 15_000;
// So long before its end an access token is renewed: clocks differ, and answers take their time.
const EARLY_MS = 20_000;

/** An answer that is a problem document; `code` is from the catalogue. */
export class Refused extends Error {
  constructor(problem, status) {
    const fields = (problem.errors ?? []).map(({ field, message }) => `${field} ${message}`);
    super(fields.length ? fields.join("; ") : (problem.detail ?? `the server answered ${status}`));
    this.code = problem.code ?? "";
    this.status = status;
    this.problem = problem;
  }
}

let pair = null; // Where storage is switched off, for this page alone.

function held() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return pair;
  }
}

function hold(next) {
  pair = next;
  try {
    if (next) localStorage.setItem(KEY, JSON.stringify(next));
    else localStorage.removeItem(KEY);
  } catch {
    return;
  }
}

async function put(path, { method = "GET", body, token, headers = {} } = {}) {
  const answer = await fetch(path, {
    method,
    headers: {
      Accept: "application/json",
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Refused(await answer.json().catch(() => ({})), answer.status);
  return answer.status === 204 ? null : answer.json();
}

function take(tokens) {
  hold({
    access: tokens.accessToken,
    refresh: tokens.refreshToken,
    until: Date.now() + tokens.expiresIn * 1000 - EARLY_MS,
  });
}

/** Says whether somebody is logged in, as far as this browser knows. */
export const isLoggedIn = () => held() !== null;

/** Logs in ("login"), signs up ("register") or confirms ("verify"). False: a mail says the rest. */
export async function enter(how, body) {
  const answer = await put(`/auth/${how}`, { method: "POST", body });
  if (!answer.accessToken) return false;
  take(answer);
  return true;
}

/** Ends the log-in, here and at the server. */
export async function leave() {
  const last = held();
  hold(null);
  if (last) await put("/auth/logout", { method: "POST", body: { refreshToken: last.refresh } });
}

async function renewed(used) {
  const work = async () => {
    const now = held();
    if (!now) throw new Refused({ code: "logged_out", detail: "You are logged out." }, 401);
    // Another tab was first.
    if (now.refresh !== used.refresh) return now;
    try {
      take(await put("/auth/refresh", { method: "POST", body: { refreshToken: now.refresh } }));
    } catch (error) {
      if (error.status === 401) hold(null);
      throw error;
    }
    return held();
  };
  return navigator.locks ? navigator.locks.request(LOCK, work) : work();
}

/** Returns an access token that is good for a while, for sockets; throws as `ask` does. */
export async function token() {
  const now = held();
  if (!now) throw new Refused({ code: "logged_out", detail: "You are logged out." }, 401);
  return (Date.now() >= now.until ? await renewed(now) : now).access;
}

/** Asks as whoever is logged in; throws Refused, with status 401 when nobody is any more. */
export async function ask(path, options = {}) {
  let now = held();
  if (!now) throw new Refused({ code: "logged_out", detail: "You are logged out." }, 401);
  if (Date.now() >= now.until) now = await renewed(now);
  try {
    return await put(path, { ...options, token: now.access });
  } catch (error) {
    // A changed tier or role ends tokens early, but not the log-in.
    if (error.status !== 401) throw error;
    return put(path, { ...options, token: (await renewed(now)).access });
  }
}
