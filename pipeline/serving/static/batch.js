/** The batch: all images with the page's settings; its progress survives a reload. */

import { postJson } from "./api.js";
import { $, icon, make, toast } from "./dom.js";

export class Batch {
  constructor(app) {
    this.app = app;
    this.dialog = $("batch");
    $("batch-open").addEventListener("click", () => this.open());
    this.update(app.session.batch);
  }

  open() {
    this.#show();
    this.dialog.showModal();
  }

  /** Take over how the batch stands. */
  update(state) {
    const before = this.state?.state;
    this.state = state;
    const running = state.state === "running";
    const button = $("batch-open");
    button.classList.toggle("running", running);
    $("batch-label").textContent = running
      ? state.total ? `${state.done} / ${state.total}` : "Starting …"
      : "Segment all";
    button.style.setProperty("--done", state.total ? `${100 * state.done / state.total}%` : "0%");
    if (before === "running" && state.state === "done") toast("The batch is done; its report is ready.");
    if (before === "running" && state.state === "failed") toast("The batch ended with errors.", "bad");
    this.#show();
  }

  #show() {
    const { state, app } = this;
    const running = state.state === "running";
    const words = {
      none: `Makes superpixels of all ${app.session.n_items} images with the settings of this page, measures them and writes a report.`,
      running: state.total ? `${state.done} of ${state.total} images${state.words ? `, ${state.words}` : ""}` : state.words,
      done: `Done in ${state.words}.`,
      stopped: "Stopped. What is done stays; starting again goes on from there.",
      failed: "Ended with errors; what it said is below.",
    }[state.state];
    const bar = make("progress", { max: Math.max(1, state.total), "aria-label": "Images done" });
    if (state.total || !running) bar.value = state.done;
    const counts = make("input", { type: "text", id: "batch-counts", value: this.counts ?? String(app.k), inputMode: "numeric", oninput: (event) => { this.counts = event.target.value; } });
    const nested = make("select", { id: "batch-method", onchange: (event) => { this.nested = event.target.value === "nested"; } },
      make("option", { value: "run", selected: !this.nested }, app.session.method),
      app.session.method !== "spam-nested" && make("option", { value: "nested", selected: Boolean(this.nested) }, "nested, every K at once"));
    const actions = [];
    if (running) {
      actions.push(make("button", { type: "button", id: "batch-stop", onclick: () => postJson("/api/batch/stop", {}).catch((error) => toast(error.message, "bad")) }, "Stop"));
    } else {
      actions.push(make("button", { type: "button", id: "batch-start", class: "primary", onclick: () => this.#start(counts.value) }, "Start"));
    }
    if (state.state === "done") {
      actions.push(make("a", { class: "button", id: "batch-report", href: "/report", target: "_blank", rel: "noopener" }, icon("report"), "Open the report"));
    }
    $("batch-body").replaceChildren(
      make("p", {}, words),
      ...(running || state.state === "done" || state.state === "stopped" ? [bar] : []),
      ...(running ? [] : [make("label", { class: "field" }, make("span", {}, "Numbers of superpixels"), counts),
        make("label", { class: "field" }, make("span", {}, "Method"), nested)]),
      ...(state.command ? [make("p", { class: "note" }, "The same from a terminal:"), make("pre", {}, state.command)] : []),
      ...(state.state === "failed" ? [make("pre", { class: "bad" }, state.lines.join("\n"))] : []),
      make("div", { class: "row end" }, ...actions),
    );
  }

  async #start(text) {
    const counts = text.split(/[\s,]+/).filter(Boolean).map(Number);
    if (!counts.length || counts.some((each) => !Number.isInteger(each) || each < 1)) {
      toast("Write whole numbers separated by commas, such as 100, 400.", "bad");
      return;
    }
    const body = { counts, nested: Boolean(this.nested) };
    if (this.app.compactness !== null) body.compactness = this.app.compactness;
    try {
      this.update(await postJson("/api/batch", body));
    } catch (error) {
      toast(error.message, "bad");
    }
  }
}
