// One card a recommended content, and one line a person to follow.
import { avatar, contentName, cover, el, plural, userName } from "./dom.js";

// The names of sources are the service's own; what is not listed here is shown as it is, without underscores.
const SOURCES = {
  model: "Model", new_contents: "New", followed_activity: "People you follow", friends_of_friends: "Friends of friends",
  followed_makers: "Makers you follow", co_watch: "Watched together", same_beat: "Same beat", same_genre: "Same genre",
  same_hashtag: "Same hashtag", trending: "Trending", fresh: "Fresh", popular: "Popular", unwatched: "Unwatched",
  replays: "Watched before",
};
const ICONS = {
  friends: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm8 0a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 20c0-4 3-6 6-6s6 2 6 6M15 14c4-.5 7 2 7 6",
  trending: "M3 17l6-6 4 4 8-8M15 7h6v6", fresh: "M12 3v18M3 12h18M6 6l12 12M18 6 6 18",
  other: "M12 20s-8-5-8-11a4.5 4.5 0 0 1 8-2.800A4.5 4.5 0 0 1 20 9c0 6-8 11-8 11Z",
};

const icon = (kind) => {
  const box = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[kind === "maker" ? "friends" : kind] ?? ICONS.other);
  box.setAttribute("viewBox", "0 0 24 24");
  box.setAttribute("aria-hidden", "true");
  box.append(path);
  return box;
};

export const sourceName = (name) => SOURCES[name] ?? (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll("_", " ");

// The contents that a sentence names become buttons, under the names that people read.
function linked(text, contents, names, { showContent }) {
  const said = (id) => (names[id] ? `“${names[id]}”` : id); // the button takes the place of the quotes
  const [id] = contents.filter((one) => text.includes(said(one))).sort((a, b) => said(b).length - said(a).length);
  if (!id) return [text];
  const at = text.indexOf(said(id));
  return [linked(text.slice(0, at), contents, names, { showContent }),
    el("button", { type: "button", class: "plain link", onclick: () => showContent(id) }, contentName(id, names)),
    linked(text.slice(at + said(id).length), contents, names, { showContent })];
}

function reason(one, names, actions) {
  const faces = one.people.length
    ? el("span", { class: "faces" }, one.people.map((id) =>
        el("button", { type: "button", class: "face", title: userName(id, names), "aria-label": `Show ${userName(id, names)}`, onclick: () => actions.showUser(id) }, avatar(id, 24, userName(id, names)))))
    : null;
  return el("li", { "data-kind": one.kind }, icon(one.kind), el("span", {}, linked(one.text, one.contents, names, actions), faces));
}

export function card(item, rank, actions) {
  const score = item.score.toFixed(2), names = item.display_names, title = contentName(item.content_id, names);
  const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span"));
  bar.firstChild.style.width = `${Math.max(3, Math.min(1, item.score) * 100)}%`;
  return el("li", { class: "card", "data-content": item.content_id },
    el("button", { type: "button", class: "art", "aria-label": `About ${title}`, onclick: () => actions.showContent(item.content_id) },
      cover(item.content_id), el("span", { class: "rank", "aria-hidden": "true" }, String(rank))),
    el("div", { class: "body" },
      el("div", { class: "head" },
        el("h3", {}, el("button", { type: "button", class: "plain", onclick: () => actions.showContent(item.content_id) }, title)),
        el("span", { class: `kind ${item.kind}` }, item.kind)),
      item.made_by.length ? el("p", { class: "by" }, "by ", item.made_by.slice(0, 2).map((id, n) => [n ? ", " : "",
        el("button", { type: "button", class: "plain link", onclick: () => actions.showUser(id) }, userName(id, names))])) : null,
      el("p", { class: "score", title: "Comparable within this feed only" }, bar, el("span", {}, el("span", { class: "visually-hidden" }, "Score "), score)),
      el("ul", { class: "reasons", "aria-label": "Why" }, item.reasons.slice(0, 3).map((one) => reason(one, names, actions))),
      el("p", { class: "sources" }, el("span", { class: "visually-hidden" }, "Found by "), item.sources.map((name) => el("span", { class: "chip" }, sourceName(name)))),
      item.link ? el("a", { class: "open", href: safe(item.link), target: "_blank", rel: "noopener noreferrer" }, "Open") : null));
}

// A link from the data may only lead to the web.
function safe(link) {
  try {
    const url = new URL(link, location.href);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch { return null; }
}

export function person(one, { showUser }) {
  const why = one.reasons[0]?.text ?? (one.mutual_count ? `${plural(one.mutual_count, "person", "people")} you follow ${one.mutual_count === 1 ? "follows" : "follow"} them` : "");
  const name = userName(one.user_id, one.display_names);
  return el("li", {}, el("button", { type: "button", class: "person", onclick: () => showUser(one.user_id) },
    avatar(one.user_id, 40, name), el("span", {}, el("strong", {}, name), el("span", { class: "why" }, why))));
}

export function skeletons(count = 6) {
  return Array.from({ length: count }, () => el("li", { class: "card skeleton", "aria-hidden": "true" }, el("span", { class: "art" }), el("span", { class: "body" }, el("i"), el("i"), el("i"))));
}
