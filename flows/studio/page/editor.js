// The editor of one video: what is shown and chosen now, and every edit on its way to the server.

import { get, post } from "./api.js";
import { button, icon, make, say, sayError } from "./dom.js";
import { Frames } from "./frames.js";
import { Panel, presetName } from "./panel.js";
import { Timeline } from "./timeline.js";
import { View } from "./view.js";

const TOOLS = [
  ["box", "Box", "b", "Draw a box"],
  ["brush", "Brush", "p", "Paint with the brush"],
  ["eraser", "Eraser", "e", "Erase what is marked"],
  ["hand", "Move", "h", "Move the picture"],
];

export class Editor {
  static async open(place, video) {
    const found = await get("/api/project", { video });
    const editor = new Editor(video, found);
    editor.build(place);
    window.studio = editor;
    return editor;
  }

  constructor(video, found) {
    this.video = video;
    this.take(found);
    this.presets = found.presets;
    this.frames = new Frames(video, this.clip);
    this.tool = "box";
    this.brush = Math.max(6, Math.round(Math.min(this.clip.width, this.clip.height) / 18));
    this.source = { of: "", version: this.clip.version, first: 0, last: this.clip.frames - 1, title: "Before" };
    this.looking = { name: "", isLooking: false, isSideBySide: false, sources: [this.source] };
    const kept = JSON.parse(localStorage.getItem(this.memory) ?? "{}");
    this.t = Math.min(this.clip.frames - 1, Math.max(0, kept.t ?? 0));
    this.active = kept.active ?? 1;
    this.edits = Promise.resolve();
    this.pending = 0;
    this.shots = null;
  }

  get memory() {
    return `studio:${this.video}`;
  }

  take(found) {
    this.clip ??= found.clip;
    this.state = found;
  }

  build(place) {
    document.title = `${this.clip.name} – DFVI studio`;
    const canvas = make("canvas", { "aria-label": "The picture: draw what shall go", tabIndex: 0 });
    this.view = new View(canvas, this);
    this.timeline = new Timeline(this);
    this.panel = new Panel(this);
    this.undoButton = button("", () => this.undo("undo"), { icon: "undo", class: "quiet", "aria-label": "Undo", title: "Undo (Ctrl+Z)" });
    this.redoButton = button("", () => this.undo("redo"), { icon: "redo", class: "quiet", "aria-label": "Redo", title: "Redo (Ctrl+Y)" });
    this.hintLine = make("p", { class: "hint" });
    this.modes = make("div", { class: "modes" });
    const facts = `${this.clip.width}×${this.clip.height}`;
    place.replaceChildren(
      make(
        "header",
        { class: "bar" },
        make("a", { class: "brand", href: "/" }, icon("folder"), make("span", {}, "DFVI studio")),
        make("span", { class: "title" }, make("b", {}, this.clip.name), make("span", { class: "faint wide" }, facts)),
        this.undoButton,
        this.redoButton,
      ),
      make(
        "div",
        { class: "editor" },
        this.buildTools(),
        make("main", { class: "stage" }, canvas, this.modes, this.hintLine),
        this.timeline.element,
        this.panel.element,
      ),
    );
    for (const warning of this.clip.warnings) say(warning);
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("visibilitychange", () => document.hidden || this.poll());
    this.view.begin();
    this.timeline.fill();
    this.update();
    this.poll();
  }

  buildTools() {
    this.toolButtons = TOOLS.map(([name, text, key, title]) =>
      button(text, () => this.choose(name), { icon: name, "data-tool": name, title: `${title} (${key.toUpperCase()})` }),
    );
    this.sizer = make("input", {
      type: "range",
      min: 0,
      max: 100,
      "aria-label": "Size of the brush",
      oninput: (event) => {
        this.brush = Math.round(2 * Math.exp((event.target.value / 100) * Math.log(Math.max(this.clip.width, 300) / 6)));
        this.view.draw();
      },
    });
    this.sizer.value = (100 * Math.log(this.brush / 2)) / Math.log(Math.max(this.clip.width, 300) / 6);
    this.size = make("label", { class: "size", title: "Size of the brush ([ and ])" }, make("span", {}, "Size"), this.sizer);
    const zoom = (factor) => () => this.view.zoom(factor);
    return make(
      "nav",
      { class: "tools", "aria-label": "Tools" },
      make("div", { class: "group" }, this.toolButtons),
      this.size,
      make(
        "div",
        { class: "group zoom" },
        button("", zoom(1.5), { icon: "plus", class: "quiet", "aria-label": "Nearer", title: "Nearer (+, or the wheel)" }),
        button("", zoom(1 / 1.5), { icon: "minus", class: "quiet", "aria-label": "Farther", title: "Farther (−)" }),
        button("", () => this.view.fit(), { icon: "fit", class: "quiet", "aria-label": "Whole picture", title: "Whole picture (0)" }),
      ),
    );
  }

  // ---- showing -------------------------------------------------------------------------------------------------

  update() {
    const { document, can_undo: canUndo, can_redo: canRedo } = this.state;
    if (document.objects.length && !document.objects.some((each) => each.number === this.active)) {
      this.active = document.objects.at(-1).number;
    }
    this.undoButton.disabled = !canUndo;
    this.redoButton.disabled = !canRedo;
    for (const each of this.toolButtons) each.setAttribute("aria-pressed", String(each.dataset.tool === this.tool));
    this.size.classList.toggle("off", !["brush", "eraser"].includes(this.tool));
    this.timeline.showObjects(document.objects);
    this.timeline.update();
    this.panel.update();
    this.updateModes();
    this.updateHint();
    this.view.draw();
  }

  updateHint() {
    const { objects } = this.state.document;
    const isEmpty = !objects.some((each) => each.boxes.length || each.paintings.length || each.track);
    this.hintLine.textContent = isEmpty && !this.looking.isLooking ? "Draw a box around what shall go" : "";
  }

  updateModes() {
    const { job, result } = this.state;
    const hasPreview = job?.kind === "preview" && job.steps.some((step) => step.status === "done");
    const key = JSON.stringify([this.looking.name, hasPreview, result, job?.steps.map((step) => step.status), job?.began]);
    if (this.modesKey === key) return;
    this.modesKey = key;
    const parts = [];
    if (result || hasPreview) {
      const mode = (name, text, onclick) => button(text, onclick, { "aria-pressed": String(this.looking.name === name) });
      parts.push(mode("", "Marks", () => this.lookAtMarks()));
      if (hasPreview) {
        const done = job.steps.filter((step) => step.status === "done");
        for (const step of done) parts.push(mode(step.output, presetName(step.preset), () => this.lookAtStep(step)));
        if (done.length > 1) parts.push(mode("side", "Side by side", () => this.lookAtPreview()));
      }
      if (result) parts.push(mode("result", "Finished", () => this.lookAtResult()));
    }
    this.modes.replaceChildren(...parts);
  }

  lookAt(name, sources, isSideBySide = false) {
    this.looking = { name, sources, isSideBySide, isLooking: name !== "" };
    const shown = sources.at(-1);
    if (this.t < shown.first || this.t > shown.last) this.go(shown.first);
    if (this.view.isFitted) this.view.fit();
    this.view.load();
    this.update();
  }

  lookAtMarks() {
    this.lookAt("", [this.source]);
  }

  lookAtStep(step) {
    this.lookAt(step.output, [this.source, this.sourceOf(step)]);
  }

  lookAtPreview() {
    const done = this.state.job.steps.filter((step) => step.status === "done");
    if (done.length === 1) this.lookAtStep(done[0]);
    else this.lookAt("side", [this.source, ...done.map((step) => this.sourceOf(step))], true);
  }

  lookAtResult() {
    const { result } = this.state;
    this.lookAt("result", [this.source, { ...this.source, of: result.name, version: result.changed, title: "After" }]);
  }

  sourceOf(step) {
    const { job } = this.state;
    return { of: step.output, version: job.began, first: job.first, last: job.last, title: presetName(step.preset) };
  }

  // Whether what a job made is of other marks than there are now.
  isOld(job) {
    return Boolean(job) && job.fingerprint !== this.state.fingerprint;
  }

  // ---- moving --------------------------------------------------------------------------------------------------

  go(t) {
    const next = Math.min(this.clip.frames - 1, Math.max(0, Math.round(t)));
    if (next === this.t) return;
    this.t = next;
    this.timeline.update();
    this.view.load();
    this.remember();
  }

  onShown(t) {
    this.timeline.update();
    this.shownAt = t;
  }

  onZoom() {}

  remember() {
    clearTimeout(this.remembering);
    this.remembering = setTimeout(
      () => localStorage.setItem(this.memory, JSON.stringify({ t: this.t, active: this.active })),
      300,
    );
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  async play() {
    this.isPlaying = true;
    this.timeline.showPlaying(true);
    const [lowest, highest] = this.playRange();
    if (this.t >= highest || this.t < lowest) this.go(lowest);
    let began = performance.now();
    let first = this.t;
    while (this.isPlaying && this.t < highest) {
      await new Promise(requestAnimationFrame);
      if (this.view.isLoading) {
        began = performance.now();
        first = this.t;
        continue;
      }
      const due = first + Math.floor(((performance.now() - began) / 1000) * this.clip.rate);
      if (due > this.t) {
        this.go(Math.min(highest, this.t + 1));
        if (due > this.t + 2) {
          began = performance.now();
          first = this.t;
        }
      }
    }
    this.pause();
  }

  playRange() {
    const { sources } = this.looking;
    return [Math.max(...sources.map((each) => each.first)), Math.min(...sources.map((each) => each.last))];
  }

  pause() {
    if (!this.isPlaying) return;
    this.isPlaying = false;
    this.timeline.showPlaying(false);
  }

  // ---- editing -------------------------------------------------------------------------------------------------

  choose(tool) {
    this.tool = tool;
    if (this.looking.isLooking && tool !== "hand") this.lookAtMarks();
    this.update();
  }

  select(number, redraws = true) {
    if (this.active === number) return;
    this.active = number;
    this.remember();
    if (redraws) this.update();
  }

  // The object that what is drawn belongs to; the first begins by drawing.
  numberToDraw() {
    const { objects } = this.state.document;
    return objects.some((each) => each.number === this.active) ? this.active : (objects.at(-1)?.number ?? 1);
  }

  // Do something on the newest revision once all edits before are done; `send` answers with the new state.
  change(send) {
    this.pending += 1;
    this.edits = this.edits
      .then(() => send(this.state.revision))
      .then((state) => this.arrive(state))
      .catch((error) => this.refused(error))
      .finally(() => (this.pending -= 1));
    return this.edits;
  }

  edit(edit, selectsLast = false) {
    return this.change((revision) => post("/api/edit", { video: this.video }, { revision, edit })).then(() => {
      if (selectsLast) this.select(this.state.document.objects.at(-1).number);
    });
  }

  undo(which) {
    this.view.dropLayer();
    return this.change((revision) => post(`/api/${which}`, { video: this.video }, { revision }));
  }

  arrive(state) {
    const isNew = state.revision !== this.state.revision;
    const before = this.state.job;
    this.state = state;
    if (isNew) this.view.load();
    this.update();
    this.tellOfJob(before, state.job);
  }

  async refused(error) {
    sayError(error);
    this.view.dropLayer();
    if (error.status === 0) return;
    this.arrive(await get("/api/state", { video: this.video }));
    this.view.marksOf = "";
    this.view.load();
  }

  // ---- working -------------------------------------------------------------------------------------------------

  run(kind, asked = {}) {
    return this.change(() => post("/api/run", { video: this.video }, { kind, frame: this.t, ...asked })).then(() => this.poll());
  }

  stop() {
    return this.change(() => post("/api/stop", { video: this.video }));
  }

  tellOfJob(before, job) {
    if (!job || !before || before.began !== job.began || before.status === job.status) return;
    if (["waiting", "working"].includes(job.status)) return;
    if (["track", "find"].includes(job.kind)) this.tellOfMarks(job);
    else if (job.status === "done") {
      if (job.kind === "run") this.lookAtResult();
      else this.lookAtPreview();
      say(job.kind === "run" ? "It is gone. Compare before and after with the handle." : "Compare what was tried.");
    }
  }

  // Following and finding make marks: they are shown, and what nothing was found for is dropped.
  tellOfMarks(job) {
    this.view.marksOf = "";
    this.lookAtMarks();
    const summary = job.steps[0].summary;
    const isNothing = job.kind === "find" && (job.status !== "done" || summary.mask === null || summary.logos?.length === 0);
    if (isNothing) this.edit({ kind: "remove_object", number: job.number });
    else this.select(job.number);
    if (job.status !== "done") return;
    const words = job.kind === "track" ? "It was followed. Play it, and look where it is wrong." : "Found. Play it, and look whether that is it.";
    say(isNothing ? "Nothing of that kind was found." : words);
  }

  async findShots() {
    this.shots = await get("/api/shots", { video: this.video });
    if (!this.shots) return;
    this.timeline.showShots(this.shots);
    this.update();
  }

  async poll() {
    clearTimeout(this.polling);
    const isWorking = ["waiting", "working"].includes(this.state.job?.status);
    try {
      if (!document.hidden && !this.pending) {
        const state = await get("/api/state", { video: this.video });
        if (!this.pending) this.arrive(state);
        if (!this.shots) await this.findShots();
      }
    } catch (error) {
      if (error.status) sayError(error);
    }
    clearTimeout(this.polling);
    this.polling = setTimeout(() => this.poll(), isWorking ? 700 : 2500);
  }

  // ---- keys ----------------------------------------------------------------------------------------------------

  key(event) {
    if (event.target.matches("input:not([type=range]):not([type=checkbox]), textarea, select")) return;
    const isControl = event.ctrlKey || event.metaKey;
    const name = event.key.toLowerCase();
    if (isControl && name === "z") this.undo(event.shiftKey ? "redo" : "undo");
    else if (isControl && name === "y") this.undo("redo");
    else if (isControl || event.altKey) return;
    else if (name === " " && !event.target.matches("button, a, summary")) this.toggle();
    else if (name === "arrowleft" && !event.target.matches("input")) this.go(this.t - (event.shiftKey ? 10 : 1));
    else if (name === "arrowright" && !event.target.matches("input")) this.go(this.t + (event.shiftKey ? 10 : 1));
    else if (name === "home") this.go(0);
    else if (name === "end") this.go(this.clip.frames - 1);
    else if (name === "+" || name === "=") this.view.zoom(1.25);
    else if (name === "-") this.view.zoom(1 / 1.25);
    else if (name === "0") this.view.fit();
    else if (name === "[" || name === "]") this.resizeBrush(name === "[" ? -6 : 6);
    else if (name === "delete" || name === "backspace") this.clear();
    else if (TOOLS.some((tool) => tool[2] === name)) this.choose(TOOLS.find((tool) => tool[2] === name)[0]);
    else return;
    event.preventDefault();
  }

  resizeBrush(by) {
    this.sizer.value = Number(this.sizer.value) + by;
    this.sizer.dispatchEvent(new Event("input"));
  }

  clear() {
    const each = this.state.document.objects.find((one) => one.number === this.active);
    if (each && !this.looking.isLooking) this.edit({ kind: "clear_frame", number: each.number, frame: this.t });
  }
}
