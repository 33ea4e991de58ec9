// The folder: which video to open.

import { address, get } from "./api.js";
import { bytes, icon, make } from "./dom.js";

export async function showLibrary(place, folder) {
  const found = await get("/api/files", { folder });
  document.title = "DFVI studio";
  const up = folder.includes("/") ? folder.slice(0, folder.lastIndexOf("/")) : "";
  const items = found.entries.map((entry) => item(entry));
  if (folder) items.unshift(card(address("/", { folder: up }), icon("folder"), "..", "one folder up"));
  const name = found.place.split("/").filter(Boolean).at(-1) ?? found.place;
  place.replaceChildren(
    make("header", { class: "bar" }, make("span", { class: "brand" }, "DFVI studio")),
    make(
      "main",
      { class: "library" },
      make("h1", {}, "Which video?"),
      make("p", { class: "faint" }, `In ${folder ? `${name}/${folder}` : name}. Nothing leaves this computer, and your video is never changed.`),
      items.length ? make("ul", { class: "cards" }, items) : make("p", { class: "empty" }, "There is no video in this folder. Put one there, then reload this page."),
    ),
  );
}

function item(entry) {
  if (entry.kind === "folder") return card(address("/", { folder: entry.path }), icon("folder"), entry.name, "folder");
  const picture = make("img", {
    src: address("/api/thumbnail", { video: entry.path, t: 0, width: 320, version: entry.bytes }),
    alt: "",
    loading: "lazy",
    onerror: (event) => event.target.replaceWith(icon("film")),
  });
  const facts = entry.kind === "images" ? "folder of images" : bytes(entry.bytes);
  return card(address("/", { video: entry.path }), picture, entry.name, entry.has_project ? `${facts} · begun` : facts);
}

function card(href, picture, title, facts) {
  const words = make("span", { class: "words" }, make("b", { title }, title), make("span", { class: "faint" }, facts));
  return make("li", {}, make("a", { class: "card", href }, make("span", { class: "picture" }, picture), words));
}
