// Calls to the service. A problem document becomes an Error that carries it.
export class Problem extends Error {
  constructor(document) {
    super(document.detail || document.title);
    this.title = document.title;
    this.status = document.status;
    this.requestId = document.request_id;
  }
}

const OFFLINE = { status: 0, title: "The service does not answer", detail: "Is it still running? Check your connection, then try again." };

export async function get(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  let response;
  try {
    response = await fetch(query.size ? `${path}?${query}` : path, { signal, headers: { accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(OFFLINE);
  }
  const body = await response.json().catch(() => ({ status: response.status, title: "The answer cannot be read" }));
  if (!response.ok) throw new Problem(body);
  return body;
}

export const userPath = (id) => `/v1/users/${encodeURIComponent(id)}`;

export const contentPath = (id) => `/v1/contents/${id.split("/").map(encodeURIComponent).join("/")}`;
