// The steps at the side: mark, try, remove, keep.

import { address } from "./api.js";
import { colourOf } from "./colours.js";
import { about, button, bytes, icon, make, say } from "./dom.js";

const WORDS = {
  fast: ["Quick look", "rough, within moments"],
  default: ["Standard", "what fits nearly always"],
  quality: ["Finest", "takes longest"],
};

const STAGES = {
  decode: "reading the video",
  find_shots: "finding the shots",
  grow_holes: "finding shadows and soft edges",
  estimate_flow: "seeing how things move",
  complete_flow: "working out what moves behind",
  propagate: "fetching colours from other frames",
  merge: "choosing the best colours",
  register_frames: "looking at distant frames",
  fill_key_frames: "inventing what no frame shows",
  deflicker: "calming flicker",
  encode: "writing the video",
  index_frames: "looking through the video",
  outline_object: "finding its outline",
  follow_object: "following it",
};

const FINDS = [
  ["logo", "Logos", "that stand still over a moving picture"],
  ["captions", "Captions", "lines of text that come and go"],
  ["moving", "What moves", "before a camera that stands still"],
];

const isMarked = (each) => Boolean(each.boxes.length || each.paintings.length || each.track);

export const presetName = (preset) => WORDS[preset]?.[0] ?? preset;

export class Panel {
  constructor(app) {
    this.app = app;
    this.trying = new Set(["fast", "default"]);
    this.mark = this.step(1, "Mark what shall go");
    this.try = this.step(2, "Try it on a few frames");
    this.remove = this.step(3, "Remove it");
    this.keep = this.step(4, "Look and keep");
    this.element = make("aside", { class: "panel", "aria-label": "Steps" }, this.mark.element, this.try.element, this.remove.element, this.keep.element);
  }

  step(number, title) {
    const body = make("div", { class: "body" });
    const sign = make("span", { class: "number" }, String(number));
    const element = make("section", { class: "step" }, make("h2", {}, sign, title), body);
    return { element, body, sign, number };
  }

  update() {
    const { document, job, result } = this.app.state;
    const isAny = document.objects.some(isMarked);
    const isWorking = ["waiting", "working"].includes(job?.status);
    this.show(this.mark, this.markBody(document, job, isWorking), isAny, true);
    this.show(this.try, this.tryBody(document, job, isAny, isWorking), job?.kind === "preview" && job.status === "done", isAny);
    this.show(this.remove, this.removeBody(document, job, isAny, isWorking), Boolean(result), isAny);
    this.show(this.keep, this.keepBody(result, isAny), false, isAny);
  }

  // What did not change stays as it is, so that a field keeps its cursor.
  show(step, { key, build }, isDone, isOpen) {
    step.element.classList.toggle("done", isDone);
    step.element.classList.toggle("later", !isOpen);
    step.sign.replaceChildren(isDone ? icon("check") : String(step.number));
    const text = JSON.stringify(key);
    if (step.key === text) return;
    const held = step.body.contains(window.document.activeElement) ? window.document.activeElement.id : "";
    step.key = text;
    step.body.replaceChildren(...build().flat().filter(Boolean));
    if (held) window.document.getElementById(held)?.focus();
  }

  // ---- 1 -------------------------------------------------------------------------------------------------------

  markBody(document, job, isWorking) {
    const { active, shots, t } = this.app;
    const shot = shots?.find(([first, stop]) => first <= t && t < stop);
    const mine = ["track", "find"].includes(job?.kind) ? job : null;
    const told = mine && this.jobKey(mine);
    const key = [document.objects, document.dilation, active, shots?.length > 1 ? shot : null, isWorking, told];
    return { key, build: () => this.buildMarks(document, shot, mine, isWorking) };
  }

  buildMarks(document, shot, job, isWorking) {
    if (job && isWorking) return this.working(job);
    return [...this.buildObjects(document, shot, isWorking), this.missed(job), this.finding(document, isWorking)];
  }

  // What to say of a search or of following that came to nothing.
  missed(job) {
    const [step] = job?.steps ?? [];
    if (step?.status === "failed") return make("p", { class: "bad" }, step.error || "It did not work.");
    return step?.status === "stopped" ? make("p", { class: "faint" }, "Stopped.") : null;
  }

  finding(document, isWorking) {
    if (document.objects.length >= 7) return null;
    const start = (what) => this.app.run("find", { what });
    const ways = FINDS.map(([what, name, title]) => button(name, () => start(what), { class: "link", title, disabled: isWorking }));
    return make("p", { class: "finding" }, make("span", { class: "faint" }, "Or look for: "), ways);
  }

  buildObjects(document, shot, isWorking) {
    const { app } = this;
    if (!document.objects.length) {
      return [
        make("p", {}, "Draw a box around it in the picture, with the mouse or a finger."),
        make("p", { class: "faint" }, "For odd shapes take the brush. It may be a little too large, but nothing of it should stick out."),
      ];
    }
    const list = make("ul", { class: "objects" }, document.objects.map((each) => this.objectItem(each, shot, isWorking)));
    const another = button("Another thing", () => app.edit({ kind: "add_object" }, true), { icon: "plus", class: "quiet" });
    return [list, document.objects.length < 7 ? another : null];
  }

  objectItem(each, shot, isWorking) {
    const { app } = this;
    const isActive = each.number === app.active;
    const swatch = make("span", { class: "swatch" });
    swatch.style.background = colourOf(each.number);
    const name = make("input", {
      id: `name-${each.number}`,
      class: "name",
      value: each.name,
      maxLength: 60,
      "aria-label": "Name",
      onfocus: () => app.select(each.number),
      onchange: (event) => app.edit({ kind: "change_object", number: each.number, name: event.target.value }),
    });
    const bin = button("", () => app.edit({ kind: "remove_object", number: each.number }), {
      icon: "bin",
      class: "quiet",
      title: "Do not remove this",
      "aria-label": `Forget ${each.name}`,
    });
    const item = make("li", { class: isActive ? "active" : "", onclick: () => app.select(each.number) }, make("div", { class: "line" }, swatch, name, bin));
    if (isActive) item.append(...[this.movement(each), this.following(each, isWorking), this.range(each, shot), this.hint(each)].filter(Boolean));
    return item;
  }

  following(each, isWorking) {
    if (!each.boxes.length && !each.paintings.length) return null;
    const title = "Finds it in the other frames of the shot, both ways, from the frames in which you marked it";
    const start = () => this.app.run("track", { number: each.number });
    return button(each.track ? "Follow it again" : "Follow it", start, { icon: "play", title, disabled: isWorking });
  }

  movement(each) {
    const choice = (moves, text) =>
      button(text, () => this.app.edit({ kind: "change_object", number: each.number, moves }), {
        "aria-pressed": String(each.moves === moves),
      });
    return make("div", { class: "choice", role: "group", "aria-label": "Movement" }, choice(false, "Stands still"), choice(true, "Moves"));
  }

  range(each, shot) {
    const { app } = this;
    const last = app.clip.frames - 1;
    const isWhole = each.first === 0 && each.last === last;
    const set = (first, end) => () => app.edit({ kind: "change_object", number: each.number, first, last: end });
    const links = [
      button("from here", () => set(app.t, Math.max(app.t, each.last))(), { class: "link" }),
      button("until here", () => set(Math.min(each.first, app.t), app.t)(), { class: "link" }),
      shot && app.shots.length > 1 ? button("this shot", set(shot[0], shot[1] - 1), { class: "link" }) : null,
      isWhole ? null : button("whole video", set(0, last), { class: "link" }),
    ];
    const text = isWhole ? "In the whole video." : `In frames ${each.first} to ${each.last}.`;
    return make("p", { class: "range" }, text, " ", make("span", { class: "faint" }, "Only "), links);
  }

  hint(each) {
    const keys = new Set([...each.boxes, ...each.paintings].map((key) => key.frame)).size;
    const hint = !keys && each.track
      ? "Found by looking through the video. Play it; erase what shall stay."
      : !keys
      ? "Nothing is marked of it yet."
      : !each.moves
        ? null
        : each.track
          ? "Play it. Where it is wrong, mark it again, and follow it again."
          : keys < 2
            ? "Follow it, or go to another frame and mark where it is then: in between, the box glides along."
            : `Marked in ${keys} frames. Play it, and mark it again wherever it gets out of its box.`;
    return hint ? make("p", { class: "faint" }, hint) : "";
  }

  // ---- 2 -------------------------------------------------------------------------------------------------------

  tryBody(document, job, isMarked, isWorking) {
    const mine = job?.kind === "preview" ? job : null;
    const key = [isMarked, isWorking, mine && this.jobKey(mine), [...this.trying], this.app.looking.name, this.app.isOld(mine)];
    return { key, build: () => this.buildTry(mine, isMarked, isWorking) };
  }

  buildTry(job, isMarked, isWorking) {
    const { app } = this;
    const choices = app.presets.map((preset) => {
      const box = make("input", {
        type: "checkbox",
        checked: this.trying.has(preset),
        onchange: (event) => {
          this.trying[event.target.checked ? "add" : "delete"](preset);
          app.update();
        },
      });
      return make("label", { class: "check" }, box, presetName(preset), make("span", { class: "faint" }, ` ${WORDS[preset]?.[1] ?? ""}`));
    });
    const start = button("Try around this frame", () => app.run("preview", { presets: [...this.trying] }), {
      disabled: !isMarked || isWorking || !this.trying.size,
    });
    if (job && isWorking) return this.working(job);
    return [make("div", { class: "checks" }, choices), start, job ? this.tried(job) : null];
  }

  tried(job) {
    const failed = job.steps.find((step) => step.status === "failed");
    if (failed) return make("p", { class: "bad" }, failed.error || "It did not work.");
    if (job.status === "stopped") return make("p", { class: "faint" }, "Stopped.");
    const look = button(job.steps.length > 1 ? "Look at them side by side" : "Look at it", () => this.app.lookAtPreview(), { class: "primary" });
    const old = this.app.isOld(job) ? make("p", { class: "faint" }, "The marks have changed since.") : null;
    return make("div", {}, make("p", {}, `Tried on frames ${job.first} to ${job.last}.`), look, old);
  }

  // ---- 3 -------------------------------------------------------------------------------------------------------

  removeBody(document, job, isMarked, isWorking) {
    const mine = job?.kind === "run" ? job : null;
    const key = [isMarked, isWorking, mine && this.jobKey(mine), document.preset, document.dilation];
    return { key, build: () => this.buildRemove(document, mine, isMarked, isWorking) };
  }

  buildRemove(document, job, isMarked, isWorking) {
    const { app } = this;
    if (job && isWorking) return this.working(job);
    const choose = make(
      "select",
      { id: "preset", "aria-label": "Quality", onchange: (event) => app.edit({ kind: "choose", preset: event.target.value }) },
      app.presets.map((preset) => make("option", { value: preset, selected: preset === document.preset }, presetName(preset))),
    );
    const again = job?.status === "stopped" ? "Go on" : "Remove from the whole video";
    const start = button(again, () => app.run("run"), { class: "primary big", disabled: !isMarked || isWorking });
    const failed = job?.steps.find((step) => step.status === "failed");
    return [
      make("label", { class: "field" }, "Quality ", choose),
      start,
      failed ? make("p", { class: "bad" }, failed.error || "It did not work.") : null,
      job?.status === "stopped" ? make("p", { class: "faint" }, "It was stopped. What is finished is kept.") : null,
    ];
  }

  jobKey(job) {
    return [job.status, job.share, job.seconds_left, job.began, job.stages.at(-1), job.steps.map((step) => step.status)];
  }

  working(job) {
    const share = Math.round(100 * job.share);
    const stage = job.stages.at(-1)?.title.split(" #")[0];
    const step = job.steps.find((each) => each.status === "working") ?? job.steps[0];
    const words = [
      job.steps.length > 1 ? presetName(step.preset) : null,
      stage ? (STAGES[stage] ?? stage) : "getting ready",
    ];
    return [
      make("progress", { max: 100, value: share, "aria-label": "Progress" }),
      make("p", { class: "progress" }, make("b", {}, `${share} %`), " ", job.seconds_left === null ? "" : about(job.seconds_left)),
      make("p", { class: "faint" }, words.filter(Boolean).join(": "), "…"),
      make("p", { class: "faint" }, "You may close this page; it goes on."),
      button("Stop", () => this.app.stop()),
    ];
  }

  // ---- 4 -------------------------------------------------------------------------------------------------------

  keepBody(result, isMarked) {
    const { app } = this;
    const job = app.state.job?.kind === "run" ? app.state.job : null;
    const key = [result, isMarked, app.state.command, app.looking.name, app.isOld(job)];
    return { key, build: () => this.buildKeep(result, isMarked, job) };
  }

  buildKeep(result, isMarked, job) {
    const { app } = this;
    const link = (what, text, attributes = {}) =>
      make("a", { href: address("/api/download", { video: app.video, what }), class: "download", ...attributes }, icon("download"), text);
    const parts = [];
    if (result) {
      const look = button("Before and after", () => app.lookAtResult(), { class: "primary" });
      parts.push(make("div", { class: "pair" }, look, link("video", `Video (${bytes(result.bytes)})`)));
      const told = this.told(job);
      if (told) parts.push(make("p", { class: "faint" }, told));
      if (app.isOld(job)) parts.push(make("p", { class: "bad" }, "The marks have changed since this video was made."));
    } else {
      parts.push(make("p", { class: "faint" }, "The finished video appears here."));
    }
    if (isMarked) {
      parts.push(make("details", { id: "more" }, make("summary", {}, "Mask, settings, command line"), this.forLater(link)));
    }
    return parts;
  }

  told(job) {
    const summary = job?.steps[0]?.summary;
    if (!summary) return "";
    const found = Math.round(100 * summary.propagated);
    const rest = found === 100 ? "all of it was found in other frames" : `${found} % of it was found in other frames, the rest was made up`;
    return `${summary.frames} frames; ${rest}.`;
  }

  forLater(link) {
    const { app } = this;
    const copy = async () => {
      await navigator.clipboard.writeText(app.state.command);
      say("Copied.");
    };
    return make(
      "div",
      {},
      make("div", { class: "pair" }, link("mask", "Mask"), link("config", "Settings")),
      make("p", { class: "faint" }, "The same in a terminal:"),
      make("pre", { class: "command", tabIndex: 0 }, app.state.command),
      button("Copy", () => copy().catch(() => say("Select the text and copy it.", "error")), { icon: "copy", class: "quiet" }),
    );
  }
}
