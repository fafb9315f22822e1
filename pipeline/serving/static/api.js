/** Requests to the server, and the queue that loses no change. */

import { unpack } from "./packed.js";

/** This tab's name: messages about its own changes are not news to it. */
export const TAB = crypto.randomUUID();

/** The server refused: `status` and what it said. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function request(path, options) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  if (answer.ok) return answer;
  let said = answer.statusText;
  try {
    const text = await answer.text();
    said = text.startsWith("{") ? JSON.parse(text).error : text.trim();
  } catch { /* the status must do */ }
  throw new Refused(answer.status, said);
}

export async function getJson(path, signal) {
  return (await request(path, { signal })).json();
}

export async function getPacked(path, signal) {
  return unpack(await (await request(path, { signal })).arrayBuffer());
}

export async function getBlob(path, signal) {
  return (await request(path, { signal })).blob();
}

export async function postJson(path, value) {
  const headers = { "content-type": "application/json" };
  return (await request(path, { method: "POST", headers, body: JSON.stringify(value) })).json();
}

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Only the last of several requests for the same thing matters: it ends those before it. */
export class Latest {
  #controller = null;

  /** Run `ask(signal)`; returns null where a later request took over. */
  async run(ask, delay = 0) {
    this.#controller?.abort();
    const own = this.#controller = new AbortController();
    try {
      if (delay) await wait(delay);
      if (own.signal.aborted) return null;
      const found = await ask(own.signal);
      return own.signal.aborted ? null : found;
    } catch (error) {
      if (own.signal.aborted) return null;
      throw error;
    }
  }

  cancel() {
    this.#controller?.abort();
  }
}

const RETRY = 1000;

/**
 * Changes on their way to the server, one after the other. What gets no answer is sent again under
 * the same id, which the server counts once; what waits survives a closed tab.
 */
export class Outbox {
  #waiting = [];
  #sending = false;
  #after = new Map();

  /**
   * @param {string} key where waiting changes are kept in the browser
   * @param {(state: {waiting: number, offline: boolean}) => void} tell
   * @param {(error: Refused, entry: Object) => void} refused
   */
  constructor(key, tell, refused) {
    this.key = key;
    this.tell = tell;
    this.refused = refused;
    try {
      this.#waiting = JSON.parse(localStorage.getItem(key) ?? "[]");
    } catch { /* nothing was kept */ }
    this.#send();
  }

  get size() {
    return this.#waiting.length;
  }

  /** Send `body` (which has an id) to `path`; `after(answer)` is called once it has arrived. */
  add(path, body, after = null) {
    this.#waiting.push({ path, body });
    if (after) this.#after.set(body.id, after);
    this.#keep();
    this.#send();
  }

  /** Say whether changes to an address wait. */
  waitsFor(path) {
    return this.#waiting.some((each) => each.path === path);
  }

  #keep() {
    try {
      if (this.#waiting.length) localStorage.setItem(this.key, JSON.stringify(this.#waiting));
      else localStorage.removeItem(this.key);
    } catch { /* too much for the browser's store: memory must do */ }
  }

  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#waiting.length) {
      const entry = this.#waiting[0];
      this.tell({ waiting: this.#waiting.length, offline: false });
      try {
        const answer = await postJson(entry.path, entry.body);
        this.#shift(entry, answer);
      } catch (error) {
        if (error instanceof Refused && error.status < 500) {
          this.#shift(entry, null);
          this.refused(error, entry);
        } else {
          this.tell({ waiting: this.#waiting.length, offline: true });
          await wait(RETRY);
        }
      }
    }
    this.#sending = false;
    this.tell({ waiting: 0, offline: false });
  }

  #shift(entry, answer) {
    this.#waiting.shift();
    this.#keep();
    const after = this.#after.get(entry.body.id);
    this.#after.delete(entry.body.id);
    if (answer) after?.(answer);
  }
}
