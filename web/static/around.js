// The people and contents around a user, laid out by forces: links pull, nodes push, the user stays in the middle.
import { contentName, el, plural, svg } from "./dom.js";

const WIDTH = 400, HEIGHT = 380, MARGIN = 14, STEPS = 320, GRAVITY = 1.2;
const GROUP = { User: "user", Keak: "keak", Beat: "beat", Track: "track", Genre: "topic", Mood: "topic", Hashtag: "topic" };
const GROUP_NAMES = { user: ["person", "people"], keak: ["keak"], beat: ["beat"], track: ["track"], topic: ["topic"] };
const VERBS = { FOLLOWS: "follows", WATCHED: "watched", MADE: "made", USES: "uses", HAS_GENRE: "is", HAS_MOOD: "is", TAGGED: "is tagged", LISTENS_TO: "listens to", CREATES_IN: "creates in" };

// Who only shared, commented on or liked a content did not watch it.
const verbOf = ({ type, properties: did = {} }) => type === "WATCHED" && did.watch_count === 0
  ? (did.shared ? "shared" : did.commented ? "commented on" : did.liked ? "liked" : "knows")
  : VERBS[type] ?? type.toLowerCase();
const nameOf = (node) => ({ Keak: contentName, Beat: contentName, Track: contentName, Hashtag: (name) => `#${name.replace(/^#/, "")}` })[node.label]?.(node.name) ?? node.name;

export function draw(holder, subgraph, { showUser, showContent }) {
  const nodes = subgraph.nodes.map((node) => ({ ...node, group: GROUP[node.label] ?? "topic", name: nameOf(node), near: new Set() }));
  const byKey = new Map(nodes.map((node) => [node.id, node]));
  const links = subgraph.links.map((link) => ({ type: link.type, verb: verbOf(link), a: byKey.get(link.source), b: byKey.get(link.target) })).filter(({ a, b }) => a && b && a !== b);
  for (const { a, b } of links) { a.near.add(b); b.near.add(a); }
  arrange(nodes, links);

  const lines = links.map((link) => svg("line", { x1: link.a.x, y1: link.a.y, x2: link.b.x, y2: link.b.y, class: link.type.toLowerCase() }));
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "graph", role: "group", "aria-label": "Neighbourhood; arrow keys go from one to the next" }, svg("g", { class: "lines" }, lines));
  const caption = el("p", { class: "caption", "aria-live": "off" });
  const idle = "Choose somebody to see the world from there.";

  const sayLink = (node) => {
    const one = links.find(({ a, b }) => (a === node && b.depth < node.depth) || (b === node && a.depth < node.depth));
    return one ? `${one.a.depth === 0 ? "you" : one.a.name} ${one.a.depth === 0 && one.type === "FOLLOWS" ? "follow" : one.verb} ${one.b.depth === 0 ? "you" : one.b.name}` : "";
  };
  const open = (node) => (node.group === "user" ? showUser(node.id.replace(/^users\//, "")) : node.group === "topic" ? null : showContent(node.id));
  const spotlight = (node) => {
    picture.classList.toggle("lit", Boolean(node));
    nodes.forEach((other) => other.mark.classList.toggle("on", other === node || Boolean(node?.near.has(other))));
    links.forEach((link, n) => lines[n].classList.toggle("on", link.a === node || link.b === node));
    caption.replaceChildren(...(node ? [el("strong", {}, node.name), ` ${sayLink(node)}`] : [idle]));
  };

  for (const node of nodes) {
    const r = node.depth === 0 ? 13 : Math.max(node.depth === 1 ? 6.5 : 4.5, Math.min(10, 3.5 + Math.sqrt(node.near.size)));
    node.mark = svg("g", {
      class: `node ${node.group}${node.depth === 0 ? " me" : ""}`, role: node.group === "topic" ? "img" : "button", tabindex: node.depth === 0 ? 0 : -1,
      "data-id": node.id, "aria-label": node.depth === 0 ? `${node.name}, in the middle` : `${node.label} ${node.name}: ${sayLink(node)}`,
      onclick: () => open(node), onpointerenter: () => spotlight(node), onpointerleave: () => spotlight(null),
      onfocus: () => spotlight(node), onblur: () => spotlight(null),
      onkeydown: (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (step) {
          event.preventDefault();
          const next = nodes[(nodes.indexOf(node) + step + nodes.length) % nodes.length];
          node.mark.setAttribute("tabindex", -1);
          next.mark.setAttribute("tabindex", 0);
          next.mark.focus();
        } else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(node); }
      },
    }, svg("circle", { cx: node.x, cy: node.y, r: Math.max(r, 12), class: "touch" }), svg("circle", { cx: node.x, cy: node.y, r, class: "dot" }));
    if (node.depth === 0) node.mark.append(svg("text", { x: node.x, y: node.y + 26, "text-anchor": "middle" }, node.name));
  }
  picture.append(...[...nodes].sort((a, b) => b.depth - a.depth).map((node) => node.mark));

  const legend = el("ul", { class: "legend" }, Object.keys(GROUP_NAMES).map((group) => {
    const count = nodes.filter((node) => node.depth > 0 && node.group === group).length;
    return count ? el("li", { class: group }, plural(count, ...GROUP_NAMES[group])) : null;
  }));
  spotlight(null);
  holder.replaceChildren(picture, caption, legend);
  return `${plural(nodes.length - 1, "neighbour")}, ${plural(links.length, "link")}`;
}

// Fruchterman and Reingold, "Graph drawing by force-directed placement", 1991, from rings by depth, so that the same
// neighbourhood always looks the same; then stretched to the frame around the user. O(n²) a step: 100 nodes take 30 ms.
function arrange(nodes, links) {
  const ideal = 1; // of length, before the stretch
  nodes.forEach((node, n) => {
    const angle = n * 2.399963; // the golden angle spreads any number evenly
    node.x = 2 * node.depth * Math.cos(angle);
    node.y = 2 * node.depth * Math.sin(angle);
  });
  for (let step = 0; step < STEPS; step++) {
    const heat = 0.4 * (1 - step / STEPS) ** 2 + 0.002;
    for (const node of nodes) { node.dx = -node.x * GRAVITY; node.dy = -node.y * GRAVITY; }
    for (let i = 0; i < nodes.length; i++) {
      for (let j = i + 1; j < nodes.length; j++) {
        const a = nodes[i], b = nodes[j];
        const x = a.x - b.x || 0.01, y = a.y - b.y || 0.01;
        const push = (ideal * ideal) / (x * x + y * y);
        a.dx += x * push; a.dy += y * push; b.dx -= x * push; b.dy -= y * push;
      }
    }
    for (const { a, b } of links) {
      const x = a.x - b.x, y = a.y - b.y, pull = Math.hypot(x, y) / ideal;
      a.dx -= x * pull; a.dy -= y * pull; b.dx += x * pull; b.dy += y * pull;
    }
    for (const node of nodes.filter(({ depth }) => depth > 0)) {
      const length = Math.hypot(node.dx, node.dy) || 1;
      node.x += (node.dx / length) * Math.min(length, heat);
      node.y += (node.dy / length) * Math.min(length, heat);
    }
  }
  const reach = (axis) => Math.max(...nodes.map((node) => Math.abs(node[axis]))) || 1;
  const wide = (WIDTH / 2 - MARGIN) / reach("x"), high = (HEIGHT / 2 - MARGIN) / reach("y");
  for (const node of nodes) { node.x = WIDTH / 2 + node.x * wide; node.y = HEIGHT / 2 + node.y * high; }
}
