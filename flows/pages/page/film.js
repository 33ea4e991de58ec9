// The pictures of a report, decoded when they are needed and kept while they are near.

const KEPT = 48; // frames
const PARTS = ["before", "after", "origins", "sure"];
const KINDS = { before: "image/jpeg", after: "image/jpeg", origins: "image/png", sure: "image/png" };

export class Film {
  // pictures: of each frame its number, its pictures in base64, and the box that all but the first of them show.
  constructor(pictures) {
    this.pictures = pictures;
    this.kept = new Map();
  }

  get count() {
    return this.pictures.length;
  }

  // The bitmaps of a frame if they are decoded already.
  at(index) {
    return this.kept.get(index)?.bitmaps;
  }

  // Decode a frame, unless it is there; resolves when it is.
  load(index) {
    const known = this.kept.get(index);
    if (known) {
      this.kept.delete(index);
      this.kept.set(index, known);
      return known.done;
    }
    const entry = { bitmaps: undefined, done: undefined };
    entry.done = this.decode(this.pictures[index]).then((bitmaps) => (entry.bitmaps = bitmaps));
    this.kept.set(index, entry);
    this.forget();
    return entry.done;
  }

  async decode(picture) {
    const bitmaps = {};
    await Promise.all(
      PARTS.filter((part) => picture[part]).map(async (part) => {
        bitmaps[part] = await createImageBitmap(new Blob([bytes(picture[part])], { type: KINDS[part] }));
      }),
    );
    return bitmaps;
  }

  forget() {
    for (const [index, entry] of this.kept) {
      if (this.kept.size <= KEPT) return;
      this.kept.delete(index);
      entry.done.then((bitmaps) => Object.values(bitmaps).forEach((bitmap) => bitmap.close()));
    }
  }
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
