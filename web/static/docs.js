// "Try it": sends the form to the service and shows what comes back, headers that matter included.
import { el } from "./dom.js";

const HEADERS = ["x-request-id", "server-timing", "retry-after"];

for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = [...form.querySelectorAll("[data-in]")].filter((field) => field.value);
    let address = form.dataset.path;
    const query = new URLSearchParams();
    let body;
    for (const field of fields) {
      if (field.dataset.in === "path") address = address.replace(`{${field.name}}`, () => encodeURIComponent(field.value));
      else if (field.dataset.in === "body") body = field.value;
      else query.append(field.name, field.value);
    }
    if (query.size) address += `?${query}`;
    const output = form.querySelector("output");
    try {
      const response = await fetch(address, { method: form.dataset.method.toUpperCase(), body, headers: body ? { "content-type": "application/json" } : {} });
      const text = await response.text();
      const headers = HEADERS.filter((name) => response.headers.get(name)).map((name) => `${name}: ${response.headers.get(name)}`);
      output.replaceChildren(el("p", {}, el("strong", {}, String(response.status)), ` ${address}`, headers.map((line) => [el("br"), line])), el("pre", { tabindex: 0 }, pretty(text)));
    } catch {
      output.replaceChildren(el("p", {}, "The service does not answer."));
    }
  });
}

// A link to one operation opens it.
const open = () => { const target = document.getElementById(location.hash.slice(1)); if (target?.tagName === "DETAILS") target.open = true; };
addEventListener("hashchange", open);
open();

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}
