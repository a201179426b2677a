// The field where one types a user id: a combobox with suggestions, by keyboard and by touch.
import { get } from "./api.js";
import { avatar, byId, el } from "./dom.js";

export function search(choose) {
  const form = byId("search"), input = byId("q"), list = byId("suggestions");
  let timer, waiting, active = -1;

  const options = () => [...list.children];
  const close = () => { list.hidden = true; active = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const take = (id) => { clearTimeout(timer); waiting?.abort(); input.value = id; close(); input.blur(); choose(id); };

  function mark(index) {
    const all = options();
    if (!all.length) return;
    active = (index + all.length) % all.length;
    all.forEach((option, n) => option.setAttribute("aria-selected", n === active));
    all[active].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", all[active].id);
  }

  async function suggest() {
    waiting?.abort();
    const text = input.value.trim();
    if (!text) return close();
    waiting = new AbortController();
    let users;
    try {
      users = (await get("/v1/search", { q: text, n: 8, label: "User" }, waiting.signal)).results;
    } catch { return close(); } // suggestions are a convenience: what one typed can still be sent
    const chosen = options()[active]?.dataset.id; // stays chosen when the list changes under somebody's fingers
    list.replaceChildren(...users.map((one, n) => el("li", {
      role: "option", id: `option-${n}`, "aria-selected": "false", "data-id": one.id,
      onpointerdown: (event) => { event.preventDefault(); take(one.id); },
    }, avatar(one.id, 24, one.name), one.name, one.name === one.id ? null : el("small", {}, one.id))));
    active = -1;
    if (users.some((one) => one.id === chosen)) mark(users.findIndex((one) => one.id === chosen));
    list.hidden = !users.length || document.activeElement !== input;
    input.setAttribute("aria-expanded", String(!list.hidden));
  }

  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(suggest, 120); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return close();
    if (list.hidden || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    mark(event.key === "ArrowDown" ? active + 1 : active < 0 ? -1 : active - 1);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const id = active >= 0 && !list.hidden ? options()[active].dataset.id : input.value.trim().replace(/^users\//, "");
    if (id) take(id);
  });
}
