// Before and after on one canvas: what is outside the hole is drawn once, so that both can never drift apart.

import { drawAfter, drawTitle, drawWipeLine } from "wipe.js";

const AHEAD = 6; // frames that are decoded before they are shown
const CALM = 8; // frames on either side over which the view that follows a hole is averaged
const AROUND = 1.5; // times the largest hole
const COARSE = 3; // pixels of the screen for one of the video: from here on they are shown as squares

export class Player {
  constructor(canvas, film, size, rate, titles) {
    Object.assign(this, { canvas, film, size, rate, titles });
    this.context = canvas.getContext("2d");
    this.index = 0;
    this.range = [0, film.count - 1];
    this.speed = 1;
    this.mode = "wipe";
    this.overlay = "";
    this.outline = this.zoom = this.playing = false;
    this.wipe = 0.5;
    this.listeners = [];
    new ResizeObserver(() => this.fit()).observe(canvas.parentElement);
    this.listen();
    this.fit();
  }

  onChange(listener) {
    this.listeners.push(listener);
    listener();
  }

  set(changes) {
    Object.assign(this, changes);
    if (this.index < this.range[0] || this.index > this.range[1]) this.index = this.range[0];
    this.show(this.index);
  }

  // Show a frame as soon as it is decoded; the one asked for last wins.
  async show(index) {
    this.index = Math.min(Math.max(index, this.range[0]), this.range[1]);
    const wanted = this.index;
    await this.film.load(wanted);
    for (let i = 1; this.playing && i <= AHEAD; i += 1) this.film.load(this.after(wanted, i));
    if (wanted !== this.index) return;
    this.draw();
    this.listeners.forEach((listener) => listener());
  }

  after(index, steps) {
    const [first, last] = this.range;
    const count = last - first + 1;
    return first + ((((index - first + steps) % count) + count) % count);
  }

  step(count) {
    this.pause();
    return this.show(this.after(this.index, count));
  }

  pause() {
    this.playing = false;
    this.listeners.forEach((listener) => listener());
  }

  play() {
    if (this.playing) return;
    playFrames(this);
    this.listeners.forEach((listener) => listener());
  }

  fit() {
    const width = this.canvas.parentElement.clientWidth;
    const { width: w, height: h } = this.size;
    const height = Math.min((width * h) / w, Math.max(innerHeight * 0.72, 240));
    this.ratio = devicePixelRatio || 1;
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    if (this.film.at(this.index)) this.draw();
  }

  // What part of the video is seen, in its pixels: all of it, or what is around the hole.
  view() {
    const { width, height } = this.size;
    const shape = this.canvas.width / this.canvas.height;
    let [w, h] = [Math.max(width, height * shape), Math.max(height, width / shape)];
    let [x, y] = [width / 2, height / 2];
    const boxes = this.zoom ? this.near() : [];
    if (boxes.length) {
      const share = Math.min(1, (AROUND * Math.max(...boxes.map((b) => Math.max(b[2] / w, b[3] / h)))) || 1);
      [w, h] = [w * Math.max(share, 0.08), h * Math.max(share, 0.08)];
      x = mean(boxes.map((b) => b[0] + b[2] / 2));
      y = mean(boxes.map((b) => b[1] + b[3] / 2));
      x = w >= width ? width / 2 : Math.min(Math.max(x, w / 2), width - w / 2);
      y = h >= height ? height / 2 : Math.min(Math.max(y, h / 2), height - h / 2);
    }
    return { x: x - w / 2, y: y - h / 2, scale: this.canvas.width / w };
  }

  // The boxes around the holes of the frames near this one, as far as they belong to the same stretch.
  near() {
    const [first, last] = this.range;
    const all = this.film.pictures.slice(Math.max(first, this.index - CALM), Math.min(last, this.index + CALM) + 1);
    return all.map((picture) => picture.box).filter((box) => box[2]);
  }

  draw() {
    const bitmaps = this.film.at(this.index);
    const { context, canvas } = this;
    const view = this.view();
    context.clearRect(0, 0, canvas.width, canvas.height);
    this.inVideo(view, () => context.drawImage(bitmaps.before, 0, 0, this.size.width, this.size.height));
    const wipeX = this.wipe * canvas.width;
    if (this.mode === "after") this.drawFilled(view, bitmaps);
    if (this.mode === "wipe") drawAfter(context, wipeX, canvas, () => this.drawFilled(view, bitmaps));
    if (this.outline) this.inVideo(view, () => this.drawOutline(view));
    if (this.mode === "wipe") {
      drawWipeLine(context, { x: wipeX, top: 0, bottom: canvas.height, ratio: this.ratio, titles: this.titles });
    } else {
      const title = this.titles[this.mode === "after" ? 1 : 0];
      drawTitle(context, title, 10 * this.ratio, 10 * this.ratio, "left", this.ratio);
    }
  }

  drawFilled(view, bitmaps) {
    if (!bitmaps.after) return;
    const { box } = this.film.pictures[this.index];
    this.inVideo(view, () => {
      this.context.drawImage(bitmaps.after, ...box);
      this.context.imageSmoothingEnabled = false;
      if (this.overlay) this.context.drawImage(bitmaps[this.overlay], ...box);
    });
  }

  drawOutline(view) {
    const path = new Path2D();
    for (const line of this.film.pictures[this.index].outline) {
      for (let i = 0; i < line.length; i += 2) path[i ? "lineTo" : "moveTo"](line[i] + 0.5, line[i + 1] + 0.5);
      path.closePath();
    }
    for (const [colour, width] of [["#000a", 3.5], ["#fff", 1.5]]) {
      this.context.strokeStyle = colour;
      this.context.lineWidth = (width * this.ratio) / view.scale;
      this.context.stroke(path);
    }
  }

  inVideo(view, draw) {
    const { context } = this;
    context.save();
    context.setTransform(view.scale, 0, 0, view.scale, -view.x * view.scale, -view.y * view.scale);
    context.imageSmoothingEnabled = view.scale < COARSE * this.ratio;
    context.imageSmoothingQuality = "high";
    draw();
    context.restore();
  }

  listen() {
    const { canvas } = this;
    let held = false;
    const move = (event) => {
      const box = canvas.getBoundingClientRect();
      this.set({ wipe: Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) });
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (this.mode !== "wipe") return;
      held = true;
      canvas.setPointerCapture(event.pointerId);
      move(event);
    });
    canvas.addEventListener("pointermove", (event) => held && move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (held = false));
  }
}

// Show one frame after the other, as fast as they are due and can be decoded, until `playing` is taken back.
export function playFrames(player) {
  player.playing = true;
  let due = performance.now();
  const tick = async (now) => {
    if (!player.playing) return;
    if (now >= due) {
      await player.show(player.after(player.index, 1));
      due = Math.max(due + 1000 / (player.rate * player.speed), now - 100);
    }
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
