// The canvas: shows a frame and what is marked in it, or the frame before and after; zooms, and draws marks.

import { get, getBitmap, post } from "./api.js";
import { colourOf } from "./colours.js";
import { sayError } from "./dom.js";
import { drawAfter, drawTitle, drawWipeLine } from "./wipe.js";

const HANDLE = 7; // pixels of the screen
const LEAST_BOX = 3; // pixels of the video
const SHADE = 0.5;

export class View {
  constructor(canvas, app) {
    this.canvas = canvas;
    this.app = app;
    this.scale = 1;
    this.left = 0;
    this.top = 0;
    this.wipe = 0.5;
    this.shown = { t: -1, bitmaps: [] };
    this.marks = [];
    this.marksOf = "";
    this.paint = new Map();
    this.gesture = null;
    this.pointers = new Map();
    this.cursor = null;
    this.layer = null;
    this.isDirty = false;
    this.isFitted = true;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => this.cancel(event));
    canvas.addEventListener("pointerleave", () => {
      this.cursor = null;
      this.draw();
    });
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // ---- what is shown -------------------------------------------------------------------------------------------

  // Once the canvas is in the page.
  begin() {
    this.resize();
    new ResizeObserver(() => this.resize()).observe(this.canvas.parentElement);
  }

  get clip() {
    return this.app.clip;
  }

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(box.width * ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * ratio));
    this.ratio = ratio;
    if (this.isFitted) this.fit();
    this.load();
  }

  get panes() {
    const { sources, isSideBySide } = this.app.looking;
    const count = isSideBySide ? sources.length : 1;
    const columns = this.columnsFor(count);
    const rows = Math.ceil(count / columns);
    const width = this.canvas.width / columns;
    const height = this.canvas.height / rows;
    return Array.from({ length: count }, (_, i) => ({
      x: (i % columns) * width,
      y: Math.floor(i / columns) * height,
      width,
      height,
    }));
  }

  // As many side by side as makes the pictures largest.
  columnsFor(count) {
    const size = (columns) => {
      const rows = Math.ceil(count / columns);
      return Math.min(this.canvas.width / columns / this.clip.width, this.canvas.height / rows / this.clip.height);
    };
    const choices = Array.from({ length: count }, (_, i) => i + 1);
    return choices.reduce((best, each) => (size(each) > size(best) * 1.01 ? each : best), 1);
  }

  fit() {
    const { width, height } = this.panes[0];
    const margin = 12 * this.ratio;
    this.scale = Math.min((width - 2 * margin) / this.clip.width, (height - 2 * margin) / this.clip.height);
    this.scale = Math.max(this.scale, 0.01);
    this.left = (width - this.scale * this.clip.width) / 2;
    this.top = (height - this.scale * this.clip.height) / 2;
    this.isFitted = true;
    this.draw();
  }

  zoom(factor, x = this.panes[0].width / 2, y = this.panes[0].height / 2) {
    const most = 32 * this.ratio;
    const scale = Math.min(most, Math.max(0.02, this.scale * factor));
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.isFitted = false;
    this.draw();
    this.app.onZoom();
    clearTimeout(this.sharpen);
    this.sharpen = setTimeout(() => this.load(), 150);
  }

  // Fetch what is shown at the present frame. Of several calls only the last one counts.
  async load() {
    const { t, frames, looking } = this.app;
    const pixels = this.scale * this.clip.width;
    const call = (this.call = (this.call ?? 0) + 1);
    if (this.isLoading) {
      this.isWanted = true;
      return;
    }
    this.isLoading = true;
    try {
      const sources = looking.sources.map((source) => (t < source.first || t > source.last ? null : source));
      const wanted = sources.map((source) => (source ? frames.get(source, t, pixels) : null));
      const [bitmaps] = await Promise.all([Promise.all(wanted), looking.isLooking ? null : this.loadMarks(t)]);
      if (!this.app.isClosed) this.shown = { t, bitmaps, sources: looking.sources };
      if (this.layer && this.layer.t !== t && !this.gesture) this.layer = null;
      this.draw();
      this.app.onShown(t);
    } catch (error) {
      sayError(error);
    } finally {
      this.isLoading = false;
      if (this.isWanted) {
        this.isWanted = false;
        this.load();
      } else if (call !== this.call) {
        this.load();
      }
    }
  }

  async loadMarks(t) {
    const key = `${this.app.state.revision}:${t}`;
    if (this.marksOf === key) return;
    const marks = await get("/api/marks", { video: this.app.video, t });
    await Promise.all(marks.flatMap((each) => each.images.map((file) => this.loadPaint(file))));
    this.marks = marks;
    this.marksOf = key;
    if (this.layer?.isSaved) this.layer = null;
  }

  async loadPaint(file) {
    if (this.paint.has(file)) return;
    const bitmap = await getBitmap("/api/painting", { video: this.app.video, file });
    this.paint.set(file, bitmap);
    if (this.paint.size > 24) this.paint.delete(this.paint.keys().next().value);
  }

  // ---- drawing -------------------------------------------------------------------------------------------------

  draw() {
    if (this.isDirty) return;
    this.isDirty = true;
    requestAnimationFrame(() => {
      this.isDirty = false;
      this.drawNow();
    });
  }

  drawNow() {
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const panes = this.panes;
    const { isSideBySide, isLooking, sources } = this.app.looking;
    if (isSideBySide) {
      panes.forEach((pane, i) => this.drawPane(context, pane, this.shown.bitmaps[i], sources[i].title));
      return;
    }
    if (!isLooking) {
      this.drawPane(context, panes[0], this.shown.bitmaps[0]);
      this.inPane(context, panes[0], () => this.drawMarks(context));
      return;
    }
    this.drawWipe(context, panes[0], sources);
  }

  drawPane(context, pane, bitmap, title) {
    this.inPane(context, pane, () => this.drawFrame(context, bitmap));
    if (!title) return;
    const bottom = Math.min(pane.height, this.top + this.clip.height * this.scale);
    drawTitle(context, title, pane.x + Math.max(0, this.left) + 8 * this.ratio, pane.y + bottom - 32 * this.ratio, "left", this.ratio);
  }

  inPane(context, pane, draw) {
    context.save();
    context.beginPath();
    context.rect(pane.x, pane.y, pane.width, pane.height);
    context.clip();
    context.translate(pane.x + this.left, pane.y + this.top);
    context.scale(this.scale, this.scale);
    draw();
    context.restore();
  }

  drawFrame(context, bitmap) {
    context.imageSmoothingEnabled = this.scale < 3 * this.ratio;
    context.imageSmoothingQuality = "high";
    if (bitmap?.width) {
      context.drawImage(bitmap, 0, 0, this.clip.width, this.clip.height);
    } else {
      context.fillStyle = "#8884";
      context.fillRect(0, 0, this.clip.width, this.clip.height);
    }
  }

  drawWipe(context, pane, sources) {
    const [before, after] = this.shown.bitmaps;
    const x = this.left + this.wipe * this.clip.width * this.scale;
    this.inPane(context, pane, () => this.drawFrame(context, before));
    drawAfter(context, x, pane, () => this.inPane(context, pane, () => this.drawFrame(context, after)));
    const top = Math.max(0, this.top);
    const bottom = Math.min(pane.height, this.top + this.clip.height * this.scale);
    drawWipeLine(context, { x, top, bottom, ratio: this.ratio, titles: sources.map((source) => source.title) });
    if (!after) {
      const words = "not in this frame: only some were tried";
      drawTitle(context, words, x + 12 * this.ratio, top + 44 * this.ratio, "left", this.ratio);
    }
  }

  drawMarks(context) {
    for (const each of this.marks) {
      const isHeld = this.layer?.number === each.number;
      if (!isHeld) this.drawPaint(context, each);
      const hidden = isHeld && this.layer.holdsBoxes;
      if (!hidden) each.boxes.forEach((box, index) => this.drawBox(context, each.number, this.dragged(each, index, box)));
    }
    if (this.layer) this.drawLayer(context);
    if (this.gesture?.kind === "box") this.drawBox(context, this.app.numberToDraw(), this.gesture.box, true);
    this.drawCursor(context);
  }

  dragged(each, index, box) {
    const { gesture } = this;
    const isIt = gesture?.kind === "drag" && gesture.number === each.number && gesture.index === index;
    return isIt ? gesture.box : box;
  }

  drawPaint(context, each) {
    for (const file of each.images) {
      const bitmap = this.paint.get(file);
      if (bitmap) this.drawTinted(context, bitmap, colourOf(each.number));
    }
  }

  drawLayer(context) {
    this.drawTinted(context, this.layer.canvas, colourOf(this.layer.number));
  }

  drawTinted(context, image, colour) {
    this.tint ??= document.createElement("canvas");
    const { tint } = this;
    if (tint.width !== this.clip.width || tint.height !== this.clip.height) {
      tint.width = this.clip.width;
      tint.height = this.clip.height;
    }
    const to = tint.getContext("2d");
    to.globalCompositeOperation = "copy";
    to.drawImage(image, 0, 0);
    to.globalCompositeOperation = "source-in";
    to.fillStyle = colour;
    to.fillRect(0, 0, tint.width, tint.height);
    context.save();
    context.globalAlpha = SHADE;
    context.drawImage(tint, 0, 0);
    context.restore();
  }

  drawBox(context, number, [x, y, width, height], isNew = false) {
    const line = this.ratio / this.scale;
    const isActive = number === this.app.active;
    context.save();
    context.fillStyle = colourOf(number);
    context.globalAlpha = 0.28;
    context.fillRect(x, y, width, height);
    context.globalAlpha = 1;
    context.lineWidth = 3.5 * line;
    context.strokeStyle = "#000a";
    context.strokeRect(x, y, width, height);
    context.lineWidth = 2 * line;
    context.strokeStyle = colourOf(number);
    context.strokeRect(x, y, width, height);
    if (isActive && !isNew && this.app.tool === "box") {
      for (const [cx, cy] of corners([x, y, width, height])) {
        const side = HANDLE * line;
        context.fillStyle = "#fff";
        context.fillRect(cx - side / 2, cy - side / 2, side, side);
        context.lineWidth = line;
        context.strokeStyle = "#000";
        context.strokeRect(cx - side / 2, cy - side / 2, side, side);
      }
    }
    context.restore();
  }

  drawCursor(context) {
    if (!this.cursor || !["brush", "eraser"].includes(this.app.tool)) return;
    const line = this.ratio / this.scale;
    context.beginPath();
    context.arc(this.cursor[0], this.cursor[1], this.app.brush / 2, 0, 7);
    context.lineWidth = 3 * line;
    context.strokeStyle = "#000b";
    context.stroke();
    context.lineWidth = 1.5 * line;
    context.strokeStyle = "#fff";
    context.stroke();
  }

  // ---- the hand on it ------------------------------------------------------------------------------------------

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) * this.ratio;
    const y = (event.clientY - box.top) * this.ratio;
    const pane = this.panes.find((each) => x < each.x + each.width && y < each.y + each.height) ?? this.panes[0];
    const inPane = [x - pane.x, y - pane.y];
    return { inPane, at: [(inPane[0] - this.left) / this.scale, (inPane[1] - this.top) / this.scale] };
  }

  down(event) {
    if (event.button > 1 || !this.app.clip) return;
    this.canvas.setPointerCapture(event.pointerId);
    const { inPane, at } = this.place(event);
    this.pointers.set(event.pointerId, inPane);
    if (this.pointers.size === 2) {
      this.beginPinch();
      return;
    }
    this.app.pause();
    const { isLooking, isSideBySide } = this.app.looking;
    if (event.button === 1 || this.app.tool === "hand" || isSideBySide) this.beginPan(inPane);
    else if (isLooking) this.beginWipe(at, inPane);
    else if (this.app.tool === "box") this.beginBox(at);
    else this.beginStroke(at);
    this.draw();
  }

  beginPinch() {
    if (this.gesture?.kind === "stroke") this.layer = null;
    const [a, b] = [...this.pointers.values()];
    this.gesture = { kind: "pinch", span: Math.hypot(a[0] - b[0], a[1] - b[1]), middle: middleOf(a, b) };
  }

  beginPan(inPane) {
    this.gesture = { kind: "pan", x: inPane[0], y: inPane[1], left: this.left, top: this.top };
  }

  beginWipe(at, inPane) {
    this.gesture = { kind: "wipe" };
    this.wipe = clamp(at[0] / this.clip.width, 0, 1);
    void inPane;
  }

  beginBox(at) {
    const held = this.boxAt(at);
    if (held) {
      this.app.select(held.number);
      this.gesture = { kind: "drag", ...held, start: at, from: held.box };
    } else {
      this.gesture = { kind: "box", start: at, box: [Math.round(at[0]), Math.round(at[1]), 0, 0] };
    }
  }

  // The box under the pointer: a corner of the active one, or the inside of any.
  boxAt([x, y]) {
    const near = (HANDLE * 1.6 * this.ratio) / this.scale;
    const marks = [...this.marks].sort((a, b) => (b.number === this.app.active) - (a.number === this.app.active));
    for (const each of marks) {
      for (const [index, box] of each.boxes.entries()) {
        const corner = corners(box).findIndex(([cx, cy]) => Math.hypot(cx - x, cy - y) < near);
        if (corner >= 0 && each.number === this.app.active) return { number: each.number, index, box, corner };
        const isIn = x >= box[0] && y >= box[1] && x <= box[0] + box[2] && y <= box[1] + box[3];
        if (isIn) return { number: each.number, index, box, corner: -1 };
      }
    }
    return null;
  }

  beginStroke(at) {
    const isEraser = this.app.tool === "eraser";
    const number = this.app.numberToDraw();
    const marked = this.marks.find((each) => each.number === number);
    if (isEraser && !marked && this.layer?.number !== number) return;
    if (this.layer?.number !== number || this.layer.t !== this.app.t) this.layer = this.newLayer(number, marked);
    if (isEraser && marked?.boxes.length && !this.layer.holdsBoxes) {
      const context = this.layer.canvas.getContext("2d");
      context.fillStyle = "#fff";
      marked.boxes.forEach((box) => context.fillRect(...box));
      this.layer.holdsBoxes = true;
    }
    this.layer.isSaved = false;
    this.gesture = { kind: "stroke", isEraser, last: at };
    this.stroke(at, at);
  }

  newLayer(number, marked) {
    const canvas = document.createElement("canvas");
    canvas.width = this.clip.width;
    canvas.height = this.clip.height;
    const context = canvas.getContext("2d");
    for (const file of marked?.images ?? []) {
      const bitmap = this.paint.get(file);
      if (bitmap) context.drawImage(bitmap, 0, 0);
    }
    return { number, t: this.app.t, canvas, holdsBoxes: false, isSaved: false };
  }

  stroke(from, to) {
    const context = this.layer.canvas.getContext("2d");
    context.globalCompositeOperation = this.gesture.isEraser ? "destination-out" : "source-over";
    context.strokeStyle = context.fillStyle = "#fff";
    context.lineWidth = this.app.brush;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 0.01, to[1]);
    context.stroke();
  }

  move(event) {
    const { inPane, at } = this.place(event);
    if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, inPane);
    this.cursor = event.pointerType === "touch" ? null : at;
    const { gesture } = this;
    if (gesture?.kind === "pan") {
      this.left = gesture.left + inPane[0] - gesture.x;
      this.top = gesture.top + inPane[1] - gesture.y;
      this.isFitted = false;
    } else if (gesture?.kind === "pinch" && this.pointers.size === 2) {
      this.pinch();
    } else if (gesture?.kind === "wipe") {
      this.wipe = clamp(at[0] / this.clip.width, 0, 1);
    } else if (gesture?.kind === "box") {
      gesture.box = boxOf(gesture.start, at);
    } else if (gesture?.kind === "drag") {
      gesture.box = draggedBox(gesture, at);
      gesture.hasMoved = true;
    } else if (gesture?.kind === "stroke") {
      for (const each of event.getCoalescedEvents?.() ?? [event]) {
        const next = this.place(each).at;
        this.stroke(gesture.last, next);
        gesture.last = next;
      }
    } else {
      this.showCursor(at);
    }
    this.draw();
  }

  pinch() {
    const { gesture } = this;
    const [a, b] = [...this.pointers.values()];
    const span = Math.hypot(a[0] - b[0], a[1] - b[1]);
    const middle = middleOf(a, b);
    this.left += middle[0] - gesture.middle[0];
    this.top += middle[1] - gesture.middle[1];
    gesture.middle = middle;
    if (gesture.span > 0) this.zoom(span / gesture.span, ...middle);
    gesture.span = span;
  }

  showCursor(at) {
    const { tool, looking } = this.app;
    let shape = "crosshair";
    if (tool === "hand" || looking.isSideBySide) shape = "grab";
    else if (looking.isLooking) shape = "ew-resize";
    else if (tool === "box") {
      const held = this.boxAt(at);
      if (held) shape = held.corner < 0 ? "move" : held.corner % 3 === 0 ? "nwse-resize" : "nesw-resize";
    } else shape = "none";
    this.canvas.style.cursor = shape;
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    const { gesture } = this;
    if (gesture?.kind === "pinch" && this.pointers.size) return;
    this.gesture = null;
    if (gesture?.kind === "box" && gesture.box[2] >= LEAST_BOX && gesture.box[3] >= LEAST_BOX) {
      this.put({ kind: "put_box", number: this.app.numberToDraw(), box: gesture.box });
    } else if (gesture?.kind === "drag" && gesture.hasMoved) {
      this.marks.find((each) => each.number === gesture.number).boxes[gesture.index] = gesture.box;
      this.put({ kind: "put_box", number: gesture.number, box: gesture.box, replaces: gesture.index });
    } else if (gesture?.kind === "stroke") {
      this.saveStroke();
    }
    this.draw();
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    if (this.gesture?.kind === "stroke") this.layer = null;
    this.gesture = null;
    this.draw();
  }

  put(edit) {
    const frame = this.app.t;
    this.app.select(edit.number);
    this.app.change((revision) =>
      post("/api/edit", { video: this.app.video }, { revision, edit: { frame, ...edit } }),
    );
  }

  saveStroke() {
    const { layer } = this;
    const { video } = this.app;
    this.app.select(layer.number);
    this.app.change(async (revision) => {
      const content = await new Promise((resolve) => layer.canvas.toBlob(resolve, "image/png"));
      const values = { video, number: layer.number, frame: layer.t, revision, holds_boxes: layer.holdsBoxes };
      const state = await post("/api/painting", values, content);
      layer.isSaved = !this.gesture;
      return state;
    });
  }

  dropLayer() {
    this.layer = null;
  }

  wheel(event) {
    event.preventDefault();
    const { inPane } = this.place(event);
    this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), ...inPane);
  }
}

function corners([x, y, width, height]) {
  return [
    [x, y],
    [x + width, y],
    [x, y + height],
    [x + width, y + height],
  ];
}

function boxOf(a, b) {
  const [x0, x1] = [a[0], b[0]].sort((p, q) => p - q);
  const [y0, y1] = [a[1], b[1]].sort((p, q) => p - q);
  const [left, top] = [Math.floor(x0), Math.floor(y0)];
  return [left, top, Math.ceil(x1) - left, Math.ceil(y1) - top];
}

function draggedBox({ from, corner, start }, at) {
  const dx = Math.round(at[0] - start[0]);
  const dy = Math.round(at[1] - start[1]);
  const [x, y, width, height] = from;
  if (corner < 0) return [x + dx, y + dy, width, height];
  const fixed = corners(from)[3 - corner];
  const moving = corners(from)[corner];
  const box = boxOf(fixed, [moving[0] + dx, moving[1] + dy]);
  return [box[0], box[1], Math.max(1, box[2]), Math.max(1, box[3])];
}

function middleOf(a, b) {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

function clamp(value, least, most) {
  return Math.min(most, Math.max(least, value));
}
