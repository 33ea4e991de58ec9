// Talks to the studio's server. One edit at a time, each made on the revision that the one before has left.

export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export const isAway = { value: false, listeners: [] };

function setAway(value) {
  if (isAway.value !== value) {
    isAway.value = value;
    isAway.listeners.forEach((tell) => tell(value));
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    setAway(true);
    throw new Refused("The studio does not answer. Start it again in the terminal; nothing is lost.", 0);
  }
  setAway(false);
  if (!response.ok) {
    const answer = await response.json().catch(() => ({}));
    throw new Refused(tellOf(answer, response.status), response.status);
  }
  return response;
}

function tellOf(answer, status) {
  if (typeof answer.error === "string") return answer.error;
  return `The studio could not do that (${status}).`;
}

export function address(path, values) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== null) query.set(key, value);
  }
  return `${path}?${query}`;
}

export async function get(path, values = {}, options = {}) {
  return (await ask(address(path, values), options)).json();
}

export async function getBitmap(path, values, options = {}) {
  const content = await (await ask(address(path, values), options)).blob();
  return createImageBitmap(content);
}

export async function post(path, values, body) {
  const isBlob = body instanceof Blob;
  const options = {
    method: "POST",
    body: isBlob ? body : JSON.stringify(body ?? {}),
    headers: { "content-type": isBlob ? "image/png" : "application/json" },
  };
  return (await ask(address(path, values), options)).json();
}
