// Frames of the video and of results, fetched when they are shown and kept for a while.

import { getBitmap } from "./api.js";

const MOST_PIXELS = 60e6; // of all pictures kept: 240 MB
const WIDTHS = [480, 960, 1440, 1920, 2880, 3840, 16384];

export class Frames {
  constructor(video, clip) {
    this.video = video;
    this.clip = clip;
    this.kept = new Map();
    this.coming = new Map();
  }

  // source: { of, version, first, last }; of is empty for the video itself.
  key(source, t, width) {
    return `${source.of}|${source.version}|${t}|${width}`;
  }

  widthFor(pixels) {
    const wanted = Math.min(pixels, this.clip.width);
    return WIDTHS.find((width) => width >= wanted) ?? WIDTHS.at(-1);
  }

  now(source, t, pixels) {
    return this.kept.get(this.key(source, t, this.widthFor(pixels)));
  }

  async get(source, t, pixels) {
    const width = this.widthFor(pixels);
    const key = this.key(source, t, width);
    if (this.kept.has(key)) {
      const bitmap = this.kept.get(key);
      this.kept.delete(key);
      this.kept.set(key, bitmap);
      return bitmap;
    }
    if (!this.coming.has(key)) {
      const values = { video: this.video, t: t - source.first, width, of: source.of || null, version: source.version };
      const bitmap = getBitmap("/api/frame", values).finally(() => this.coming.delete(key));
      this.coming.set(key, bitmap.then((made) => this.keep(key, made)));
    }
    return this.coming.get(key);
  }

  keep(key, bitmap) {
    this.kept.set(key, bitmap);
    let pixels = 0;
    for (const each of this.kept.values()) pixels += each.width * each.height;
    for (const [oldest, old] of this.kept) {
      if (pixels <= MOST_PIXELS || this.kept.size <= 4) break;
      this.kept.delete(oldest);
      pixels -= old.width * old.height;
      old.close();
    }
    return bitmap;
  }
}
