// Several fillings of one stretch of a video side by side: every pane shows the same frame at the same moment.

import { Film } from "film.js";
import { playFrames } from "player.js";

export class Panes {
  constructor(root) {
    this.root = root;
    this.speed = 1;
    this.playing = false;
    this.listeners = [];
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  // loop: frames, rate, and panes, each with its title and a picture of every frame in base64.
  open(loop) {
    this.loop = loop;
    this.rate = loop.rate;
    this.index = loop.worst;
    const kinds = Object.fromEntries(loop.panes.map((_, i) => [i, "image/jpeg"]));
    this.film = new Film(loop.frames.map((_, t) => loop.panes.map((pane) => pane.pictures[t])), kinds);
    this.canvases = loop.panes.map((pane) => addPane(pane));
    this.root.replaceChildren(...this.canvases.map((canvas) => canvas.closest("figure")));
    return this.show(loop.worst);
  }

  async show(index) {
    const { film } = this;
    this.index = index;
    await film.load(index);
    if (index !== this.index || film !== this.film) return;
    const bitmaps = film.at(index);
    this.canvases.forEach((canvas, i) => {
      const { width, height } = bitmaps[i];
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      canvas.getContext("2d").drawImage(bitmaps[i], 0, 0);
    });
    this.tell();
  }

  after(index, steps) {
    const count = this.loop.frames.length;
    return (((index + steps) % count) + count) % count;
  }

  step(count) {
    this.pause();
    return this.show(this.after(this.index, count));
  }

  play() {
    if (!this.playing) playFrames(this);
    this.tell();
  }

  pause() {
    this.playing = false;
    this.tell();
  }

  tell() {
    this.listeners.forEach((listener) => listener());
  }
}

function addPane({ title, note }) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const canvas = document.createElement("canvas");
  canvas.role = "img";
  canvas.ariaLabel = title;
  caption.textContent = title;
  if (note) caption.append(Object.assign(document.createElement("span"), { textContent: note }));
  figure.append(canvas, caption);
  return canvas;
}
