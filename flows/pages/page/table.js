import { drawScatter } from "charts.js";
import { Panes } from "panes.js";
import { makeFilter, makeSortable, offerColumns } from "tables.js";
import { bindTransport, pressed, tellTransport } from "transport.js";

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
  panes.onChange(() => tellTransport(panes, `frame ${panes.loop.frames[panes.index]}`));
  bindTransport(panes, loops[names[0]].frames.length);
  element("video").addEventListener("change", () => open(element("video").value));
  document.querySelectorAll("[data-video]").forEach((button) => {
    button.querySelector("img").src = thumbnails[button.dataset.video];
    button.addEventListener("click", () => {
      open(button.dataset.video);
      element("player").scrollIntoView({ block: "start", behavior: "smooth" });
    });
  });
  document.addEventListener("keydown", (event) => pressed(event, panes));
  open(names[0]);
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
