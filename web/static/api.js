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
  try {
    const response = await fetch(query.size ? `${path}?${query}` : path, { signal, headers: { accept: "application/json" } });
    const body = await response.json();
    signal?.throwIfAborted();
    if (!response.ok) throw new Problem(body);
    return body;
  } catch (error) {
    if (signal?.aborted || error instanceof Problem) throw error;
    throw new Problem(OFFLINE); // no answer, or one cut short
  }
}

// Ids are encoded as a whole: a slash in one is no part of the address. With the prefix, an id such as ".." is no step up.
export const userPath = (id) => `/v1/users/${encodeURIComponent(`users/${id}`)}`;

export const contentPath = (id) => `/v1/contents/${encodeURIComponent(id)}`;
