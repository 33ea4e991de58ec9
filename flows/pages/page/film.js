// The pictures of a report, decoded when they are needed and kept while they are near.

const KEPT = 48; // frames
const KINDS = { before: "image/jpeg", after: "image/jpeg", origins: "image/png", sure: "image/png" };

export class Film {
  // pictures: of each frame its pictures in base64, by name, and what else is known of it.
  // kinds: of which pictures there are, by name.
  constructor(pictures, kinds = KINDS) {
    this.pictures = pictures;
    this.kinds = kinds;
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
      Object.entries(this.kinds).map(async ([part, type]) => {
        if (picture[part]) bitmaps[part] = await createImageBitmap(new Blob([bytes(picture[part])], { type }));
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
