// The page: shows the folder, or the editor of one video.

import { isAway } from "./api.js";
import { make, say } from "./dom.js";
import { Editor } from "./editor.js";
import { showLibrary } from "./library.js";

const place = document.getElementById("app");
const asked = new URLSearchParams(location.search);

isAway.listeners.push((away) =>
  say(away ? "The studio does not answer. Start it again in the terminal: this page goes on where it was." : "Connected again.", away ? "stay" : "info"),
);

try {
  if (asked.has("video")) await Editor.open(place, asked.get("video"));
  else await showLibrary(place, asked.get("folder") ?? "");
} catch (error) {
  place.replaceChildren(
    make("main", { class: "library" }, make("h1", {}, "This cannot be opened"), make("p", { class: "bad" }, error.message), make("p", {}, make("a", { href: "/" }, "Back to the folder"))),
  );
}
