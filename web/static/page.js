// The first page: one user at a time, named in the address, so that back, forward and sharing work.
import { contentPath, get, Problem, userPath } from "./api.js";
import { draw } from "./around.js";
import { card, person, skeletons, sourceName } from "./cards.js";
import { avatar, byId, contentName, cover, el, plural, userName } from "./dom.js";
import { search } from "./search.js";

const RUNGS = {
  model: "Ranked by the model", graph: "Ranked from the graph; no model took part", friends: "From what the people around did",
  trending: "What is trending: too little is known yet", popular: "What is popular: too little is known yet",
};
const actions = { showUser, showContent };
let current = null, waiting = new AbortController(), cursor = null, shown = 0;

// The model is named by hand in the address, and stays.
const model = () => new URLSearchParams(location.search).get("model");

function address(parameters) {
  return `?${new URLSearchParams({ ...parameters, ...(model() && { model: model() }) })}`;
}

function showUser(id) {
  history.pushState(null, "", address({ user: id }));
  route();
}

function route() {
  const parameters = new URLSearchParams(location.search);
  const user = parameters.get("user");
  waiting.abort();
  waiting = new AbortController();
  byId("failure").hidden = true;
  byId("content").close();
  if (!user) return welcome();
  byId("q").value = user;
  return load(user, parameters.get("kind") ?? "");
}

async function welcome() {
  current = null;
  document.title = "Entourage";
  byId("q").value = "";
  byId("result").hidden = true;
  byId("welcome").hidden = false;
  if (matchMedia("(hover: hover)").matches) byId("q").focus();
  const holder = byId("examples"), signal = waiting.signal;
  try {
    const { user_ids: ids, display_names: names } = await get("/v1/examples", {}, signal);
    holder.replaceChildren(ids.length ? el("p", {}, "Or begin with one of these:") : el("p", {}, "Nobody is in the graph yet. Run ", el("code", {}, "entourage import"), " and ", el("code", {}, "entourage export"), " first."),
      el("ul", { class: "examples" }, ids.map((id) => el("li", {}, el("button", { type: "button", onclick: () => showUser(id) }, avatar(id, 32, userName(id, names)), userName(id, names))))));
  } catch (problem) {
    if (!signal.aborted) fail(problem, holder);
  }
}

async function load(user, kind) {
  const signal = waiting.signal, fresh = current !== user;
  current = user;
  byId("welcome").hidden = true;
  byId("degraded").hidden = true;
  byId("result").hidden = false;
  document.querySelectorAll(".kinds button").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.kind === kind)));
  byId("cards").replaceChildren(...skeletons());
  byId("more").hidden = true;
  byId("provenance").textContent = "";
  if (fresh) {
    introduce(user, user);
    byId("facts").textContent = " ";
    for (const id of ["graph", "persons", "around-count"]) byId(id).replaceChildren();
    scrollTo({ top: 0 });
  }
  const ok = await feed(user, kind, null, signal);
  if (!ok || !fresh) return;
  byId("name").focus({ preventScroll: true });
  part(signal, userPath(user), {}, "facts", (known) => { introduce(user, known.properties.name ?? user); byId("facts").textContent = facts(known); });
  part(signal, `${userPath(user)}/people`, { n: 6 }, "persons", ({ people }) => byId("persons").replaceChildren(...(people.length ? people.map((one) => person(one, actions)) : [el("li", { class: "empty" }, "Nobody to suggest yet.")])));
  part(signal, `${userPath(user)}/neighbourhood`, { depth: 2, limit: 60 }, "graph", (subgraph) => { byId("around-count").textContent = draw(byId("graph"), subgraph, actions); });
}

// The head of the page: the name where there is one.
function introduce(user, name) {
  byId("name").textContent = name;
  byId("face").replaceChildren(avatar(user, 64, name));
  document.title = `${name} · Entourage`;
  document.querySelectorAll(".whose").forEach((place) => { place.textContent = name; });
}

async function feed(user, kind, from, signal) {
  try {
    const answer = await get(`${userPath(user)}/recommendations`, { n: 12, kind, cursor: from, model: model() }, signal);
    if (!from) { shown = 0; byId("cards").replaceChildren(); }
    byId("cards").append(...answer.items.map((item) => card(item, ++shown, actions)));
    if (!shown) byId("cards").append(el("li", { class: "empty" }, "Nothing left to recommend: everything was seen, or there is nothing of this kind."));
    cursor = answer.next_cursor;
    byId("more").hidden = !cursor;
    byId("more").textContent = "Show more";
    byId("provenance").textContent = RUNGS[answer.rung] ?? answer.rung;
    byId("provenance").title = answer.model_version ?? "";
    byId("degraded").hidden = !answer.degraded;
    byId("degraded").textContent = missing(answer);
    byId("status").textContent = `${plural(shown, "recommendation")} for ${user}`;
    return true;
  } catch (problem) {
    if (signal.aborted) return false;
    if (from) { byId("more").textContent = `${problem.message} Try again`; return false; }
    byId("result").hidden = true;
    current = null;
    const box = byId("failure");
    box.replaceChildren(el("h2", {}, problem.title ?? "Something went wrong"), el("p", {}, problem.message),
      problem.status === 404 ? el("p", {}, "Check the id, or ", el("a", { href: "/" }, "begin with an example"), ".") : el("button", { type: "button", class: "retry", onclick: route }, "Try again"),
      problem.requestId && problem.status >= 500 ? el("p", { class: "small" }, `Request ${problem.requestId}`) : null);
    [...box.childNodes].forEach((node) => { if (node.nodeType === Node.TEXT_NODE) node.remove(); });
    box.hidden = false;
    return false;
  }
}

// What a degraded feed lacks, as the answer says it: nothing else is claimed.
const STAGES = { graph: "the graph database, so that the feed comes from the last snapshot", filters: "what may be shown, which is as of the last snapshot", reasons: "the newest reasons", restrictions: "the newest blocks" };

function missing({ graph_down: down, late, failed }) {
  const named = (names) => names.map((name) => STAGES[name] ?? `“${sourceName(name)}”`).join(", ");
  return [
    down && "The graph database does not answer. This feed comes from the last snapshot, so what happened since is missing.",
    late.length && `Too late for this feed: ${named(late)}. Ask again for a complete one.`,
    failed.length && `Left out of this feed after an error: ${named(failed)}.`,
  ].filter(Boolean).join(" ");
}

// A part of the page that may fail alone: the feed stays.
async function part(signal, path, parameters, id, show) {
  try {
    show(await get(path, parameters, signal));
  } catch (problem) {
    if (!signal.aborted) fail(problem, byId(id), () => part(signal, path, parameters, id, show));
  }
}

function fail(problem, holder, again = null) {
  if (!(problem instanceof Problem)) throw problem; // a bug of this page
  holder.replaceChildren(el(holder.tagName === "UL" ? "li" : "div", { class: "notice bad" }, problem.message, again && el("button", { type: "button", class: "retry", onclick: again }, "Try again")));
}

function facts(known) {
  const said = [["follows", "follows %"], ["followers", "% followers"], ["watched", "% watched"], ["made", "% made"]];
  const counts = said.filter(([key]) => Number.isFinite(known[key])).map(([key, text]) => text.replace("%", known[key].toLocaleString("en")));
  return [...(known.properties.name ? [`id ${known.user_id}`] : []), ...counts].join(" · "); // the search and the API take the id
}

async function showContent(id) {
  const dialog = byId("content");
  const close = el("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => dialog.close() }, "✕");
  const body = el("div", {}, el("p", {}, "…")), title = el("h2", { id: "content-title" }, contentName(id));
  dialog.replaceChildren(el("div", { class: "banner" }, cover(id), close), title, body);
  dialog.showModal();
  try {
    const known = await get(contentPath(id));
    title.textContent = contentName(id, known.display_names);
    body.replaceChildren(details(known));
  } catch (problem) { fail(problem, body); }
}

// Ids said in the title already, and what only the ranking needs.
const HIDDEN = new Set(["title", "keak_id", "beat_id", "track_id", "audience", "trend", "link"]);

function details(known) {
  const rows = Object.entries(known).filter(([key, value]) => !["properties", "display_names"].includes(key) && value !== null && value !== "" && !(Array.isArray(value) && !value.length));
  const names = known.display_names;
  const said = { made_by: (ids) => ids.map((id) => userName(id, names)).join(", "), uses: (ids) => ids.map((id) => contentName(id, names)).join(", ") };
  const show = (value) => (Array.isArray(value) ? value.join(", ") : typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: 2 }) : String(value));
  const extra = Object.entries(known.properties).filter(([key, value]) => !(key in known) && !HIDDEN.has(key) && typeof value !== "object");
  return el("dl", {}, [...rows, ...extra].flatMap(([key, value]) => [el("dt", {}, words(key)), el("dd", {}, said[key]?.(value) ?? show(value))]));
}

const words = (key) => key.replaceAll("_", " ");

document.querySelectorAll(".kinds button").forEach((button) => button.addEventListener("click", () => {
  history.pushState(null, "", address({ user: current, ...(button.dataset.kind && { kind: button.dataset.kind }) }));
  route();
}));
byId("more").addEventListener("click", async () => {
  byId("more").disabled = true;
  await feed(current, document.querySelector(".kinds [aria-pressed=true]").dataset.kind, cursor, waiting.signal);
  byId("more").disabled = false;
});
byId("content").addEventListener("click", (event) => { if (event.target === event.currentTarget) event.currentTarget.close(); });
// The side column is taller than most windows: it scrolls along until its end is in sight, and stays then.
const side = document.querySelector("aside");
new ResizeObserver(() => { side.style.top = `${Math.min(84, innerHeight - side.offsetHeight - 20)}px`; }).observe(side);
addEventListener("popstate", route);
search(showUser);
route();
