// Below the picture: play, step, a strip of small pictures to scrub on, and a bar for each object with its frames.

import { address } from "./api.js";
import { colourOf } from "./colours.js";
import { button, clock, make } from "./dom.js";

const THUMB = 72; // pixels of the screen, about

export class Timeline {
  constructor(app) {
    this.app = app;
    this.playButton = button("", () => app.toggle(), { icon: "play", class: "round", "aria-label": "Play", title: "Play (space)" });
    const step = (by, name, label, key) =>
      button("", () => app.go(app.t + by), { icon: name, class: "quiet", "aria-label": label, title: `${label} (${key})` });
    this.time = make("span", { class: "time" });
    this.strip = make("div", { class: "strip" });
    this.shots = make("div", { class: "shots" });
    this.head = make("div", { class: "head" });
    this.rows = make("div", { class: "rows" });
    this.track = make("div", {
      class: "track",
      tabIndex: 0,
      role: "slider",
      "aria-label": "Frame",
      "aria-valuemin": "0",
    });
    this.track.append(this.strip, this.shots, this.rows, this.head);
    this.element = make(
      "section",
      { class: "timeline", "aria-label": "Timeline" },
      make("div", { class: "transport" }, step(-1, "back", "One frame back", "←"), this.playButton, step(1, "forward", "One frame on", "→"), this.time),
      this.track,
    );
    this.track.addEventListener("pointerdown", (event) => this.down(event));
    this.track.addEventListener("pointermove", (event) => this.isHeld && this.scrub(event));
    for (const name of ["pointerup", "pointercancel"]) this.track.addEventListener(name, () => (this.isHeld = false));
    new ResizeObserver(() => this.fill()).observe(this.strip);
  }

  get count() {
    return this.app.clip.frames;
  }

  down(event) {
    if (event.target.closest(".grip")) return;
    this.track.setPointerCapture(event.pointerId);
    this.isHeld = true;
    this.app.pause();
    this.scrub(event);
  }

  frameAt(event) {
    const box = this.track.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    return Math.min(this.count - 1, Math.max(0, Math.floor(share * this.count)));
  }

  scrub(event) {
    this.app.go(this.frameAt(event));
  }

  // Small pictures along the strip; the browser fetches those that are seen.
  fill() {
    const width = this.strip.clientWidth;
    const { clip, video } = this.app;
    if (!clip || !width) return;
    const across = Math.max(THUMB, Math.round((48 * clip.width) / clip.height));
    const wanted = Math.min(clip.frames, Math.max(1, Math.ceil(width / across)));
    if (this.strip.childElementCount === wanted) return;
    this.strip.replaceChildren(
      ...Array.from({ length: wanted }, (_, i) => {
        const t = Math.floor(((i + 0.5) * clip.frames) / wanted);
        const src = address("/api/thumbnail", { video, t, width: 160, version: clip.version });
        return make("img", { src, alt: "", draggable: false, loading: "lazy" });
      }),
    );
  }

  update() {
    const { app } = this;
    const share = (app.t + 0.5) / this.count;
    this.head.style.left = `${100 * share}%`;
    this.track.setAttribute("aria-valuemax", this.count - 1);
    this.track.setAttribute("aria-valuenow", app.t);
    this.track.setAttribute("aria-valuetext", `frame ${app.t}`);
    this.time.replaceChildren(
      make("b", {}, clock(app.t / app.clip.rate)),
      make("span", { class: "faint" }, ` / ${clock(this.count / app.clip.rate)}`),
      make("span", { class: "faint wide" }, `frame ${app.t} of ${this.count}`),
    );
  }

  showPlaying(isPlaying) {
    const fresh = button("", () => this.app.toggle(), {
      icon: isPlaying ? "pause" : "play",
      class: "round",
      "aria-label": isPlaying ? "Pause" : "Play",
      title: "Play or pause (space)",
    });
    this.playButton.replaceWith(fresh);
    this.playButton = fresh;
  }

  showShots(shots) {
    const lines = shots.slice(1).map(([first]) => {
      const line = make("div", { class: "cut", title: `a new shot begins at frame ${first}` });
      line.style.left = `${(100 * first) / this.count}%`;
      return line;
    });
    this.shots.replaceChildren(...lines);
  }

  showObjects(objects) {
    this.rows.replaceChildren(...objects.map((each) => this.row(each)));
  }

  row(each) {
    const bar = make("div", { class: `span ${each.number === this.app.active ? "active" : ""}`, title: each.name });
    bar.style.setProperty("--colour", colourOf(each.number));
    this.place(bar, each.first, each.last);
    const keys = [...each.boxes, ...each.paintings].map((key) => key.frame);
    const row = make("div", { class: "row" }, bar);
    if (each.moves) {
      for (const frame of new Set(keys)) {
        const dot = make("div", { class: "key", title: `drawn in frame ${frame}` });
        dot.style.left = `${(100 * (frame + 0.5)) / this.count}%`;
        row.append(dot);
      }
    }
    bar.append(this.grip(each, bar, "first"), this.grip(each, bar, "last"));
    return row;
  }

  place(bar, first, last) {
    bar.style.left = `${(100 * first) / this.count}%`;
    bar.style.width = `${(100 * (last + 1 - first)) / this.count}%`;
  }

  grip(each, bar, end) {
    const grip = make("div", { class: `grip ${end}`, title: end === "first" ? "removed from here on" : "removed until here" });
    let value = null;
    grip.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      grip.setPointerCapture(event.pointerId);
      value = each[end];
      this.app.pause();
      this.app.select(each.number, false);
    });
    grip.addEventListener("pointermove", (event) => {
      if (value === null) return;
      const t = this.frameAt(event);
      value = end === "first" ? Math.min(t, each.last) : Math.max(t, each.first);
      this.place(bar, end === "first" ? value : each.first, end === "last" ? value : each.last);
      this.app.go(value);
    });
    grip.addEventListener("pointerup", () => {
      if (value !== null && value !== each[end]) {
        this.app.edit({ kind: "change_object", number: each.number, [end]: value });
      }
      value = null;
    });
    return grip;
  }
}
