import { drawScatter } from "charts.js";
import { Panes } from "panes.js";
import { makeFilter, makeSortable, offerColumns } from "tables.js";

const { report, loops, thumbnails } = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);

document.querySelectorAll("table.sortable").forEach(makeSortable);
makeFilter(element("rows"), element("filter"), element("matching"));
offerColumns(element("rows"), element("columns"));
if (element("player")) watch();
if (element("scatter")) scatter();

function watch() {
  const panes = new Panes(element("panes"));
  const names = [...new Set(report.rows.map((row) => row.video))].filter((name) => name in loops);
  element("video").append(...names.map((name) => new Option(name, name)));
  const open = (name) => {
    element("video").value = name;
    element("seek").max = loops[name].frames.length - 1;
    return panes.open(loops[name]);
  };
  panes.onChange(() => {
    element("time").textContent = `frame ${panes.loop.frames[panes.index]}`;
    element("seek").value = panes.index;
    element("seek").ariaValueText = element("time").textContent;
    element("play").textContent = panes.playing ? "❚❚" : "▶";
    element("play").ariaLabel = panes.playing ? "Pause" : "Play";
  });
  panes.speed = Number(element("speed").value);
  const bind = (id, event, act) => element(id).addEventListener(event, () => act(element(id)));
  bind("video", "change", (select) => open(select.value));
  bind("speed", "change", (select) => (panes.speed = Number(select.value)));
  bind("play", "click", () => (panes.playing ? panes.pause() : panes.play()));
  bind("back", "click", () => panes.step(-1));
  bind("forward", "click", () => panes.step(1));
  bind("seek", "input", (range) => {
    panes.pause();
    panes.show(Number(range.value));
  });
  document.querySelectorAll("[data-video]").forEach((button) => {
    button.querySelector("img").src = thumbnails[button.dataset.video];
    button.addEventListener("click", () => {
      open(button.dataset.video);
      element("player").scrollIntoView({ block: "start", behavior: "smooth" });
    });
  });
  document.addEventListener("keydown", (event) => press(event, panes));
  open(names[0]);
}

function press(event, panes) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, a, summary, .scroll")) return;
  const keys = { ArrowLeft: () => panes.step(-1), ArrowRight: () => panes.step(1) };
  if (!event.target.closest("button")) keys[" "] = () => (panes.playing ? panes.pause() : panes.play());
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
}

function scatter() {
  const byTruth = report.variants.some((each) => each.hole_psnr !== null);
  const points = report.variants
    .filter((each) => each.done)
    .map((each) => ({
      x: each.full_seconds,
      y: byTruth ? each.hole_psnr : 100 * each.invented,
      name: report.keys.map((key) => `${key.split(".").pop()} ${each[key]}`).join(", "),
    }))
    .filter((point) => point.y !== null);
  const shape = (value) => value.toFixed(byTruth ? 2 : 1);
  if (points.length) drawScatter(element("scatter"), points, shape);
  else element("scatter").remove();
}
