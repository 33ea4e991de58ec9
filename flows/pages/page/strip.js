// The strip under the player: of every frame that is shown, how much of its hole came from where.

export class Strip {
  // frames: rows of the report for the frames of the player; colours: by the names of origins.
  constructor(canvas, { frames, colours, cuts, onPick }) {
    Object.assign(this, { canvas, frames, colours, cuts });
    this.index = 0;
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      onPick(Math.min(Math.floor(((event.clientX - box.left) / box.width) * frames.length), frames.length - 1));
    });
  }

  show(index) {
    this.index = index;
    this.draw();
  }

  draw() {
    const { canvas, frames } = this;
    const box = canvas.parentElement;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(box.clientWidth * ratio);
    canvas.height = Math.round(box.clientHeight * ratio);
    const context = canvas.getContext("2d");
    const most = Math.max(...frames.map((row) => row?.hole ?? 0), 1);
    const each = canvas.width / frames.length;
    frames.forEach((row, i) => {
      let bottom = canvas.height;
      for (const [name, colour] of Object.entries(this.colours)) {
        const height = ((row?.origins[name] ?? 0) / most) * canvas.height * 0.94;
        context.fillStyle = colour;
        context.fillRect(i * each, bottom - height, Math.max(each - (each > 4 ? ratio : 0), 1), height);
        bottom -= height;
      }
    });
    const style = getComputedStyle(box);
    context.fillStyle = style.color;
    for (const cut of this.cuts) context.fillRect(cut * each - ratio, 0, 2 * ratio, canvas.height);
    context.fillRect((this.index + 0.5) * each - ratio, 0, 2 * ratio, canvas.height);
  }
}
