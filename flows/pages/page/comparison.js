import { drawChart } from "charts.js";
import { Film } from "film.js";
import { Player } from "player.js";
import { bindTransport, pressed, tellTransport } from "transport.js";

const BLINK = 450; // milliseconds that each of two clips is shown
const KINDS = { before: "image/jpeg", after: "image/jpeg", difference: "image/jpeg" };
const KEYS = { w: "wipe", l: "before", r: "after", b: "blink", d: "difference" };
const COLOURS = ["var(--accent)", "var(--bad)"];

const { titles, size, rate, pictures, clips, digits } = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const buttons = [...document.querySelectorAll("[data-mode]")];
const player = new Player(document.querySelector(".stage canvas"), filmOf(0, 1), size, rate, [titles[0], titles[1]]);
const charts = [...document.querySelectorAll("[data-chart]")].map(makeChart);
let blinking = 0;
let shownTitles = player.titles;

function filmOf(i, j) {
  const box = [0, 0, size.width, size.height];
  const shown = pictures.map(({ frame, images, differences }) => ({
    frame, box, outline: [], before: images[i], after: images[j], difference: differences[`${i}-${j}`],
  }));
  return new Film(shown, KINDS);
}

function choosePair(text) {
  const [i, j] = text.split("-").map(Number);
  player.film = filmOf(i, j);
  shownTitles = [titles[i], titles[j]];
  player.set({ titles: titlesIn(player.overlay) });
}

function titlesIn(overlay) {
  return overlay ? [shownTitles[0], "difference"] : shownTitles;
}

function choose(mode) {
  clearInterval(blinking);
  buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.mode === mode));
  if (mode === "blink") blinking = setInterval(() => player.set({ mode: player.mode === "after" ? "before" : "after" }), BLINK);
  const overlay = mode === "difference" ? "difference" : "";
  player.set({ overlay, titles: titlesIn(overlay), mode: overlay || mode === "blink" ? "after" : mode });
}

function jump(frame) {
  const far = (i) => Math.abs(pictures[i].frame - frame);
  player.pause();
  player.show(pictures.reduce((best, _, i) => (far(i) < far(best) ? i : best), 0));
}

function makeChart(figure) {
  const name = figure.dataset.chart;
  const series = clips.map((clip, i) => ({ name: titles[i + 1], colour: COLOURS[i], values: clip.frames.map((row) => row[name]) }));
  const values = series.flatMap((each) => each.values).filter((value) => value !== null);
  const highest = name.endsWith("ssim") || name === "detail" ? 1 : Math.max(...values, 1e-6);
  return drawChart(figure, { frames: clips[0].frames.map((row) => row.frame), series, highest, shape: (value) => value.toFixed(digits[name]), onPick: jump });
}

buttons.forEach((button) => button.addEventListener("click", () => choose(button.dataset.mode)));
document.querySelectorAll("[data-frame]").forEach((button) => button.addEventListener("click", () => jump(Number(button.dataset.frame))));
element("pair")?.addEventListener("change", () => choosePair(element("pair").value));
bindTransport(player, pictures.length);
const keys = Object.fromEntries(Object.entries(KEYS).map(([key, mode]) => [key, () => choose(mode)]));
document.addEventListener("keydown", (event) => pressed(event, player, keys));
player.onChange(() => {
  const { frame } = pictures[player.index];
  tellTransport(player, `frame ${frame}`);
  charts.forEach((show) => show(frame));
});
if (element("pair")) choosePair(element("pair").value);
player.show(0);
globalThis.player = player; // for who looks at the page in the browser's console
