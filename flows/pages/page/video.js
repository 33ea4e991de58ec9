import { drawChart } from "charts.js";
import { Film } from "film.js";
import { Player } from "player.js";
import { Strip } from "strip.js";
import { makeSortable } from "tables.js";
import { bindTransport, pressed, tellTransport } from "transport.js";

const { report, pictures, colours } = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const rows = new Map(report.frames.map((row) => [row.frame, row]));
const inPixels = (value) => (value >= 10000 ? `${Math.round(value / 1000)}k` : String(Math.round(value)));

document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll(".copy").forEach((button) =>
  button.addEventListener("click", async () => {
    const text = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text); // a page from a file may not be allowed to copy
      button.textContent = "Selected";
    }
  }),
);

const player = pictures.length ? makePlayer() : null;
const jump = (frame) => {
  if (!player) return;
  player.pause();
  player.show(indexOf(frame));
  element("player").scrollIntoView({ block: "center", behavior: "smooth" });
};
document.querySelectorAll("[data-frame]").forEach((button) =>
  button.addEventListener("click", () => jump(Number(button.dataset.frame))),
);
document.querySelectorAll(".slices img").forEach((image) =>
  image.addEventListener("click", (event) => {
    const share = event.offsetY / image.clientHeight;
    jump(report.frames[Math.min(Math.floor(share * report.frames.length), report.frames.length - 1)].frame);
  }),
);
const charts = report.frames.length > 1 ? makeCharts() : [];
player?.onChange(() => charts.forEach((show) => show(pictures[player.index].frame)));

// The picture of a frame, or of the one nearest to it that is shown.
function indexOf(frame) {
  const far = (i) => Math.abs(pictures[i].frame - frame);
  return pictures.reduce((best, _, i) => (far(i) < far(best) ? i : best), 0);
}

function makePlayer() {
  const player = new Player(document.querySelector(".stage canvas"), new Film(pictures), report, report.rate, ["Before", "After"]);
  const strip = new Strip(document.querySelector(".strip canvas"), {
    frames: pictures.map((picture) => rows.get(picture.frame)),
    colours,
    cuts: report.cuts.map((cut) => pictures.findIndex((picture) => picture.frame >= cut)).filter((i) => i > 0),
    onPick: (index) => {
      player.pause();
      player.show(index);
    },
  });
  const controls = bindControls(player);
  player.onChange(() => {
    const { frame } = pictures[player.index];
    const time = `frame ${frame} · ${clock(frame / report.rate)}`;
    tellTransport(player, time);
    document.querySelector(".stage canvas").ariaLabel = `${{ wipe: "Before and after", before: "Before", after: "After" }[player.mode]}, ${time}`;
    strip.show(player.index);
    controls();
  });
  if (pictures.length < report.count) {
    element("shown").textContent = `${pictures.length} of the ${report.count} frames are shown: those around the moments that are most in doubt, and some between.`;
  }
  player.show(0);
  globalThis.player = player; // for who looks at the page in the browser's console
  return player;
}

function bindControls(player) {
  const modes = [...document.querySelectorAll("[data-mode]")];
  const bind = (id, event, act) => element(id)?.addEventListener(event, () => act(element(id)));
  modes.forEach((button) => button.addEventListener("click", () => player.set({ mode: button.dataset.mode })));
  bind("overlay", "change", (select) => player.set({ overlay: select.value, mode: player.mode === "before" ? "after" : player.mode }));
  bind("outline", "change", (box) => player.set({ outline: box.checked }));
  bind("zoom", "change", (box) => player.set({ zoom: box.checked }));
  bindTransport(player, pictures.length);
  bind("shot", "change", (select) => player.set({ range: rangeOf(select.value) }));
  document.addEventListener("keydown", (event) => pressed(event, player, keysOf(player, event)));
  return () => {
    modes.forEach((button) => button.setAttribute("aria-pressed", button.dataset.mode === player.mode));
    element("outline").checked = player.outline;
    element("zoom").checked = player.zoom;
    showKey(player.overlay);
  };
}

// The pictures between two frames of the video.
function rangeOf(text) {
  if (!text) return [0, pictures.length - 1];
  const [first, last] = text.split(",").map(Number);
  const inside = pictures.map((picture, i) => i).filter((i) => pictures[i].frame >= first && pictures[i].frame <= last);
  return inside.length ? [inside[0], inside[inside.length - 1]] : [indexOf(first), indexOf(first)];
}

function showKey(overlay) {
  element("key").hidden = !overlay;
  for (const part of element("key").children) part.hidden = part.dataset.overlay !== overlay;
}

function keysOf(player, { shiftKey }) {
  const wipe = {
    ArrowLeft: () => player.set({ wipe: Math.max(player.wipe - 0.05, 0) }),
    ArrowRight: () => player.set({ wipe: Math.min(player.wipe + 0.05, 1) }),
  };
  return {
    ...(shiftKey ? wipe : {}),
    b: () => player.set({ mode: "before" }),
    a: () => player.set({ mode: "after" }),
    w: () => player.set({ mode: "wipe" }),
    h: () => player.set({ zoom: !player.zoom }),
    o: () => player.set({ outline: !player.outline }),
  };
}

function makeCharts() {
  const frames = report.frames.map((row) => row.frame);
  const shared = { frames, cuts: report.cuts, onPick: jump };
  const origins = Object.keys(colours)
    .filter((name) => report.shares[name])
    .map((name) => ({ name, colour: colours[name], values: report.frames.map((row) => row.origins[name]) }));
  const rounds = Math.max(...report.frames.map((row) => row.left.length));
  const left = Array.from({ length: rounds }, (_, i) => ({
    name: `after iteration ${i}`,
    colour: `color-mix(in oklab, var(--accent), var(--bad) ${rounds > 1 ? (100 * i) / (rounds - 1) : 0}%)`,
    values: report.frames.map((row) => row.left[i] ?? 0),
  }));
  const all = [];
  if (origins.length) all.push(drawChart(element("chart-origins"), { ...shared, series: origins, stacked: true, shape: inPixels }));
  const sure = [{ name: "mean", values: report.frames.map((row) => row.confidence) }];
  all.push(drawChart(element("chart-sure"), { ...shared, series: sure, highest: 1, shape: (value) => value.toFixed(2) }));
  if (left.length) all.push(drawChart(element("chart-left"), { ...shared, series: left, shape: inPixels }));
  else element("chart-left").remove();
  return all;
}

function clock(seconds) {
  const tenths = Math.floor(seconds * 10);
  return `${Math.floor(tenths / 600)}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}.${tenths % 10}`;
}
