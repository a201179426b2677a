// The radio: a list that goes on, and audio where a track has a preview that the page may load.
import { get } from "./api.js";
import { byId, el } from "./dom.js";

const player = byId("player");
const REFUSED = 3; // previews in a row that could not be heard: then playing stops, and the list stays
const INSTEAD = { artist: "same artist", title: "same title", popular: "popular" }; // where the model has nothing near
let seed = null, cursor = null, queue = [], waiting = false, refused = 0;
let walk = 0; // counts the walks: an answer that belongs to an earlier one is dropped

byId("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  history.pushState(null, "", `?${new URLSearchParams({ seed: byId("seed").value })}`);
  begin(byId("seed").value);
});
byId("more").addEventListener("click", () => more());
player.addEventListener("ended", next);
player.addEventListener("playing", () => { refused = 0; });
player.addEventListener("error", () => {
  if (!player.getAttribute("src")) return;
  refused += 1;
  if (refused < REFUSED) return next();
  stop();
  tell("The previews cannot be played here. The service's setting media_hosts names the hosts that may be heard.");
});

async function begin(text) {
  walk += 1;
  waiting = false;
  seed = text;
  cursor = null;
  queue = [];
  refused = 0;
  byId("list").replaceChildren();
  stop();
  if (await more()) next();
}

function stop() {
  player.hidden = true;
  player.removeAttribute("src");
  document.querySelectorAll("[aria-current]").forEach((line) => line.removeAttribute("aria-current"));
}

async function more() {
  if (waiting) return false;
  waiting = true;
  const own = walk;
  try {
    const answer = await get("/v1/radio", { seed, n: 10, cursor });
    if (own !== walk) return false;
    cursor = answer.next_cursor;
    byId("more").hidden = !cursor;
    byId("status").hidden = true;
    for (const item of answer.items) {
      const line = el("li", item.skipped ? { class: "skipped" } : {}, el("span", {}, item.title ?? item.content_id), el("small", {}, about(item)));
      byId("list").append(line);
      if (item.preview && !item.skipped) queue.push({ item, line });
    }
    return true;
  } catch (problem) {
    if (own === walk) tell(problem.message);
    return false;
  } finally {
    if (own === walk) waiting = false;
  }
}

function about(item) {
  const of = item.skipped ? "no preview, skipped" : item.artist ?? item.content_id;
  return item.why in INSTEAD ? `${of} · ${INSTEAD[item.why]}` : of;
}

async function next() {
  if (queue.length < 3 && cursor) await more();
  while (!queue.length && cursor) { // an answer may have skipped tracks alone
    if (!(await more())) break;
  }
  const step = queue.shift();
  if (!step) return;
  document.querySelectorAll("[aria-current]").forEach((line) => line.removeAttribute("aria-current"));
  step.line.setAttribute("aria-current", "true");
  step.line.scrollIntoView({ block: "nearest" });
  player.hidden = false;
  player.src = step.item.preview;
  player.play().catch(() => {}); // a browser may want a click first; the controls are there
}

function tell(text) {
  byId("status").textContent = text;
  byId("status").hidden = false;
}

const asked = new URLSearchParams(location.search).get("seed");
if (asked) {
  byId("seed").value = asked;
  begin(asked);
}
