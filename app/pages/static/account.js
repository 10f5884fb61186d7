// The account: logging in, keys, what was used, what may be used.

import { el, onceAFrame, put, showNotice } from "./dom.js";
import { ask, enter, isLoggedIn, leave } from "./log_in.js";
import { byDay, dateText, drawUsage, numberText, told } from "./usage_chart.js";

const at = (id) => document.getElementById(id);
const LOOK_AGAIN_MS = 60_000;

let days = 30;
let usage = null;

/** Shows what went wrong; who is logged out is asked to log in. */
function complain(error) {
  if (error.status === 401 && !isLoggedIn()) showEntry();
  showNotice(error.status ? error.message : "The server is out of reach.");
}

/** Does something a button or form asks for, once at a time. */
function doing(button, work) {
  return async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    showNotice(null);
    try {
      await work(event);
    } catch (error) {
      complain(error);
    } finally {
      button.disabled = false;
    }
  };
}

function showEntry() {
  at("inside").hidden = true;
  at("entry").hidden = false;
  at("secret").hidden = true;
  at("email").focus();
}

async function showInside() {
  const [me] = await Promise.all([ask("/api/me"), showKeys(), showUsage()]);
  put(at("who"), me.email);
  put(at("since"), `${me.role}, here since ${dateText(me.createdAt)}`);
  at("entry").hidden = true;
  at("inside").hidden = false;
  drawAgain();
}

async function balanceText() {
  try {
    const { balances } = await ask("/wallet");
    return balances.map(({ available, currency }) => `${available} ${currency}`).join(", ") || "0";
  } catch {
    return "–";
  }
}

async function showUsage() {
  const to = new Date();
  const from = new Date(to - (days - 1) * 86_400_000);
  const [since, until] = [from, to].map((time) => time.toISOString().slice(0, 10));
  usage = await ask(`/api/me/usage?from=${since}&to=${until}`);
  showFigures(await balanceText());
  showEndpoints();
  drawAgain();
}

function figure(name, text, more, link = null) {
  const value = el("b", {}, text);
  return el("div", { class: "figure card" }, el("span", { class: "quiet" }, name), value,
    link ? el("a", { class: "quiet", href: link }, more) : el("span", { class: "quiet" }, more));
}

function showFigures(balance) {
  const { tier, limits, remaining } = usage;
  const minute = `${numberText(remaining.now)} left now`;
  const sockets = `${numberText(limits.sockets)} sockets, ${numberText(limits.subscriptionsPerSocket)} subscriptions each`;
  const figures = [
    figure("Tier", tier, sockets),
    figure("Units a minute", numberText(limits.requestsPerMinute), minute),
    figure("Wallet", balance, "the wallet's API", "/docs/api"),
  ];
  for (const [name, quota, left] of [
    ["Units a day", limits.unitsPerDay, remaining.day],
    ["Units a month", limits.unitsPerMonth, remaining.month],
  ]) {
    if (quota !== null) figures.push(figure(name, numberText(quota), `${numberText(left)} left`));
  }
  at("figures").replaceChildren(...figures);
}

function showEndpoints() {
  const sums = new Map();
  for (const { endpoint, requests, units, refused } of usage.items) {
    const sum = sums.get(endpoint) ?? [0, 0, 0];
    sums.set(endpoint, [sum[0] + requests, sum[1] + units, sum[2] + refused]);
  }
  const rows = [...sums].sort(([, one], [, other]) => other[1] - one[1]);
  at("endpoints").replaceChildren(
    ...rows.map(([endpoint, numbers]) =>
      el("tr", {}, el("th", { scope: "row" }, endpoint),
        ...numbers.map((number) => el("td", {}, numberText(number)))),
    ),
  );
  put(at("units"), numberText(rows.reduce((sum, [, numbers]) => sum + numbers[1], 0)));
  put(at("days"), String(days));
}

const drawAgain = onceAFrame(() => {
  if (!usage || at("inside").hidden) return;
  drawUsage(at("chart"), byDay(usage), (day) => put(at("told"), told(day)));
});

async function showKeys() {
  const { items } = await ask("/api/me/keys");
  at("no-keys").hidden = items.length > 0;
  at("keys").replaceChildren(...items.map(keyRow));
}

function keyRow({ id, name, prefix, scopes, expiresAt, lastUsedAt }) {
  const end = el("button", { type: "button", class: "button", "aria-label": `Revoke ${name}` }, "Revoke");
  end.addEventListener("click", doing(end, async () => {
    if (!confirm(`Revoke ${name}? Programs that show it are refused within a second.`)) return;
    await ask(`/api/me/keys/${id}`, { method: "DELETE" });
    at("secret").hidden = true;
    await showKeys();
  }));
  const ends = expiresAt ? `ends ${dateText(expiresAt)}` : "has no end";
  const used = lastUsedAt ? `last used ${dateText(lastUsedAt)}` : "not used yet";
  return el("li", { class: "api-key" },
    el("div", {}, el("b", {}, name), " ", el("code", {}, `${prefix}…`),
      el("p", { class: "quiet" }, `${scopes.join(", ")} · ${ends} · ${used}`)),
    end);
}

async function makeKey() {
  const form = new FormData(at("make"));
  const days = form.get("expiresInDays");
  const body = {
    name: form.get("name"),
    scopes: form.getAll("scopes"),
    expiresInDays: days ? Number(days) : null,
  };
  const { key } = await ask("/api/me/keys", { method: "POST", body });
  put(at("secret-text"), key);
  at("secret").hidden = false;
  at("name").value = "";
  await showKeys();
}

function submits(id, work) {
  const form = at(id);
  form.addEventListener("submit", (event) =>
    doing(event.submitter ?? form.querySelector("button"), work)(event));
}

async function logIn(event) {
  const how = event.submitter?.value ?? "login";
  const { email, password } = Object.fromEntries(new FormData(at("log-in")));
  if (await enter(how, { email, password })) await entered();
  else at("verify").hidden = false;
}

async function verify() {
  const token = at("code").value.trim();
  await enter("verify", { token, password: at("password").value });
  await entered();
}

async function entered() {
  for (const id of ["log-in", "verify"]) at(id).reset();
  at("verify").hidden = true;
  await showInside();
}

function choose(event) {
  const chip = event.target.closest("[data-days]");
  if (!chip) return;
  days = Number(chip.dataset.days);
  for (const one of chip.parentElement.children) one.setAttribute("aria-pressed", String(one === chip));
  showUsage().catch(complain);
}

submits("log-in", logIn);
submits("verify", verify);
submits("make", makeKey);
at("log-out").addEventListener("click", doing(at("log-out"), async () => {
  showEntry();
  await leave();
}));
at("copy").addEventListener("click", () => navigator.clipboard?.writeText(at("secret-text").textContent));
document.querySelector(".spans").addEventListener("click", choose);
new ResizeObserver(drawAgain).observe(at("chart"));
// Another tab logged in or out.
addEventListener("storage", () => (isLoggedIn() ? showInside().catch(complain) : showEntry()));
setInterval(() => {
  if (!document.hidden && !at("inside").hidden) showUsage().catch(complain);
}, LOOK_AGAIN_MS);

if (isLoggedIn()) showInside().catch(complain);
else showEntry();
