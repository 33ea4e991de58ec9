// Curves over the frames of a video, as SVG: a reading under the pointer, a click jumps there.

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [520, 170, 44, 20, 6];

// figure : element to draw into, with its caption.
// frames : number of each frame, ascending.
// series : name, colour and values of each curve; null where nothing is known.
// stacked: whether they lie on one another as areas.
export function drawChart(figure, { frames, series, stacked = false, highest, cuts = [], shape, onPick }) {
  const [first, last] = [frames[0], frames[frames.length - 1]];
  const x = (frame) => LEFT + ((frame - first) / Math.max(last - first, 1)) * (WIDTH - LEFT);
  const layers = stacked ? pile(series) : series.map((each) => ({ ...each, low: null, high: each.values }));
  const most = highest ?? Math.max(...layers.flatMap((each) => each.high), 1);
  const y = (value) => TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM);
  const svg = add(figure, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  svg.setAttribute("aria-label", figure.querySelector("figcaption").textContent);
  for (const share of [0, 0.5, 1]) {
    add(svg, "line", { x1: LEFT, x2: WIDTH, y1: y(share * most), y2: y(share * most), class: "grid" });
    label(svg, shape(share * most), LEFT - 6, y(share * most) + 4, "end");
  }
  for (const [frame, anchor] of [[first, "start"], [Math.round((first + last) / 2), "middle"], [last, "end"]]) {
    label(svg, frame, x(frame), HEIGHT - 4, anchor);
  }
  for (const each of layers) {
    const kind = stacked ? { d: area(frames, each, x, y), fill: each.colour } : { d: line(frames, each.high, x, y) };
    const path = add(svg, "path", { ...kind, ...(stacked ? {} : { class: "series" }) });
    if (!stacked && each.colour) path.style.setProperty("--colour", each.colour);
  }
  for (const cut of cuts) add(svg, "line", { x1: x(cut), x2: x(cut), y1: TOP, y2: HEIGHT - BOTTOM, class: "cut" });
  const cursor = add(svg, "line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor" });
  const reading = document.createElement("p");
  reading.className = "reading";
  figure.append(reading);
  const show = (frame) => {
    const i = nearest(frames, frame);
    cursor.setAttribute("x1", x(frames[i]));
    cursor.setAttribute("x2", x(frames[i]));
    const values = series.filter((each) => each.values[i] || !stacked);
    reading.textContent = [`Frame ${frames[i]}`, ...values.map((each) => `${each.name}: ${each.values[i] === null ? "–" : shape(each.values[i])}`)].join(" · ");
  };
  const under = (event) => {
    const box = svg.getBoundingClientRect();
    const share = (((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT);
    return Math.round(first + Math.min(Math.max(share, 0), 1) * (last - first));
  };
  svg.addEventListener("pointermove", (event) => show(under(event)));
  svg.addEventListener("click", (event) => onPick?.(under(event)));
  show(first);
  return show;
}

// Points with a name each, which is read under the pointer: seconds to the right, quality up.
export function drawScatter(figure, points, shape) {
  const [right, low, high] = [Math.max(...points.map((p) => p.x)) * 1.05 || 1, ...bounds(points.map((p) => p.y))];
  const x = (value) => LEFT + 8 + (value / right) * (WIDTH - LEFT - 16);
  const y = (value) => TOP + (1 - (value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const svg = add(figure, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  svg.setAttribute("aria-label", figure.querySelector("figcaption").textContent);
  for (const share of [0, 0.5, 1]) {
    const value = low + share * (high - low);
    add(svg, "line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: "grid" });
    label(svg, shape(value), LEFT - 6, y(value) + 4, "end");
    label(svg, `${(share * right).toPrecision(3)} s`, x(share * right), HEIGHT - 4, ["start", "middle", "end"][2 * share]);
  }
  const reading = document.createElement("p");
  reading.className = "reading";
  for (const point of points) {
    const dot = add(svg, "circle", { cx: x(point.x), cy: y(point.y), r: 5, class: "dot" });
    add(dot, "title", {}).textContent = point.name;
    dot.addEventListener("pointerenter", () => (reading.textContent = `${point.name}: ${shape(point.y)}, ${point.x.toFixed(1)} s`));
  }
  figure.append(reading);
}

// A little less and a little more than all values, so that none lies on the edge.
function bounds(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * 0.15 || 1;
  return [low >= 0 ? Math.max(low - room, 0) : low - room, high + room];
}

function pile(series) {
  let low = series[0].values.map(() => 0);
  return series.map((each) => {
    const high = each.values.map((value, i) => low[i] + value);
    const layer = { ...each, low, high };
    low = high;
    return layer;
  });
}

function area(frames, { low, high }, x, y) {
  const there = frames.map((frame, i) => `${x(frame).toFixed(1)} ${y(high[i]).toFixed(1)}`);
  const back = frames.map((frame, i) => `${x(frame).toFixed(1)} ${y(low[i]).toFixed(1)}`).reverse();
  return `M${[...there, ...back].join("L")}Z`;
}

function line(frames, values, x, y) {
  let drawn = "";
  frames.forEach((frame, i) => {
    if (values[i] === null) return;
    const begins = i === 0 || values[i - 1] === null;
    drawn += `${begins ? "M" : "L"}${x(frame).toFixed(1)} ${y(values[i]).toFixed(1)}`;
    if (begins && (i + 1 === values.length || values[i + 1] === null)) drawn += "h.1"; // a single frame is a dot
  });
  return drawn;
}

function nearest(frames, frame) {
  let best = 0;
  frames.forEach((each, i) => {
    if (Math.abs(each - frame) < Math.abs(frames[best] - frame)) best = i;
  });
  return best;
}

function add(parent, name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

function label(svg, text, x, y, anchor) {
  add(svg, "text", { x, y, "text-anchor": anchor }).textContent = text;
}
