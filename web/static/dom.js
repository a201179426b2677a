// Elements from code: text is always text, never markup, so nothing in the data can become a script.
const SVG = "http://www.w3.org/2000/svg";

export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const KINDS = new Map([["keaks", "Keak"], ["beats", "Beat"], ["tracks", "Track"]]);

// The name of a content if it has one, else "Keak 123" for "keaks/123".
export function contentName(id, names = {}) {
  if (Object.hasOwn(names, id) && names[id]) return names[id];
  const [prefix, ...rest] = id.split("/");
  const kind = KINDS.get(prefix);
  return kind && rest.length ? `${kind} ${rest.join("/")}` : id;
}

// The name of somebody if there is one, else the id.
export const userName = (id, names = {}) => names[`users/${id}`] ?? id;

// The same number for the same text, 0..2^32-1: FNV-1a, then murmur3's finish, so that neighbouring ids look different.
export function hash(text) {
  let value = 2166136261;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 16777619);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

export function avatar(userId, size = 28, name = userId) {
  const hue = hash(userId) % 360;
  const words = name.split(/\s+/).map((word) => word.replace(/[^\p{L}\p{N}]/gu, "")).filter(Boolean);
  const initials = words.length > 1 ? [...words[0]][0] + [...words.at(-1)][0] : (words[0] ?? "").slice(-2);
  const letters = initials.toUpperCase() || "?";
  return svg("svg", { viewBox: "0 0 40 40", width: size, height: size, "aria-hidden": "true", class: "disc" },
    svg("circle", { cx: 20, cy: 20, r: 20, fill: `hsl(${hue} 62% 42%)` }),
    svg("text", { x: 20, y: 25.5, "text-anchor": "middle", fill: "#fff", "font-size": 15, "font-weight": 650 }, letters));
}

// A cover for content that brings no picture, drawn from its id, with a sign for its kind.
export function cover(contentId) {
  const seed = hash(contentId), hue = seed % 360, id = `cover-${seed}`;
  const draw = (n) => (hash(`${contentId}#${n}`) % 1000) / 1000;
  const ground = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "xMidYMid slice", class: "ground" },
    svg("defs", {}, svg("linearGradient", { id, x1: 0, y1: 0, x2: 1, y2: 1 },
      svg("stop", { offset: "0", "stop-color": `hsl(${hue} 62% 50%)` }),
      svg("stop", { offset: "1", "stop-color": `hsl(${(hue + 48) % 360} 66% 30%)` }))),
    svg("rect", { width: 100, height: 100, fill: `url(#${id})` }),
    [0, 1, 2, 3].map((n) => svg("circle", {
      cx: 100 * draw(n), cy: 100 * draw(n + 4), r: 12 + 26 * draw(n + 8), fill: `hsl(${(hue + 40 * n) % 360} 85% 72%)`, opacity: 0.28,
    })));
  const sign = contentId.startsWith("beats/")
    ? Array.from({ length: 9 }, (_, n) => {
        const height = 8 + 26 * draw(n + 20) * Math.sin((Math.PI * (n + 1)) / 10) + 4;
        return svg("rect", { x: 2.5 + n * 4.9, y: 24 - height / 2, width: 2.9, height, rx: 1.45 });
      })
    : [svg("path", { d: "M17 13.5v21c0 1.2 1.3 1.9 2.3 1.3l16.5-10.5c.9-.6.9-2 0-2.600L19.3 12.2c-1-.6-2.3.1-2.3 1.3Z" })];
  return el("span", { class: "cover", "aria-hidden": "true" }, ground, svg("svg", { viewBox: "0 0 48 48", class: "sign" }, sign));
}
