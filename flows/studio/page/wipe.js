// Before and after in one picture: what stands left of a line is before, what stands right of it is after.

// Draw `after` over what is drawn already, from x on; everything in pixels of the canvas.
export function drawAfter(context, x, pane, draw) {
  context.save();
  context.beginPath();
  context.rect(x, pane.y ?? 0, (pane.x ?? 0) + pane.width - x, pane.height);
  context.clip();
  draw();
  context.restore();
}

// The line at x between top and bottom, with a handle, and what stands on both sides of it.
export function drawWipeLine(context, { x, top, bottom, ratio, titles }) {
  context.fillStyle = "#fff";
  context.fillRect(x - ratio, top, 2 * ratio, bottom - top);
  context.beginPath();
  context.arc(x, (top + bottom) / 2, 15 * ratio, 0, 7);
  context.fill();
  context.fillStyle = "#223";
  context.font = `${16 * ratio}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText("⇔", x, (top + bottom) / 2);
  drawTitle(context, titles[0], x - 12 * ratio, top + 10 * ratio, "right", ratio);
  drawTitle(context, titles[1], x + 12 * ratio, top + 10 * ratio, "left", ratio);
}

export function drawTitle(context, text, x, y, align, ratio) {
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  const width = context.measureText(text).width + 16 * ratio;
  const left = align === "right" ? x - width : x;
  context.fillStyle = "#111a";
  context.beginPath();
  context.roundRect(left, y, width, 24 * ratio, 5 * ratio);
  context.fill();
  context.fillStyle = "#fff";
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(text, left + 8 * ratio, y + 12.5 * ratio);
}
