// The buttons below a player: play, one frame back and on, speed, and the line on which a frame is sought.

const element = (id) => document.getElementById(id);

// player: plays, pauses, steps and shows; `speed` is its own.
// count : frames that can be sought.
export function bindTransport(player, count) {
  const bind = (id, event, act) => element(id).addEventListener(event, () => act(element(id)));
  player.speed = Number(element("speed").value);
  element("seek").max = count - 1;
  bind("speed", "change", (select) => (player.speed = Number(select.value)));
  bind("play", "click", () => toggle(player));
  bind("back", "click", () => player.step(-1));
  bind("forward", "click", () => player.step(1));
  bind("seek", "input", (range) => {
    player.pause();
    player.show(Number(range.value));
  });
}

// Say which frame is shown, and what the button does next.
export function tellTransport(player, words) {
  element("time").textContent = words;
  element("seek").value = player.index;
  element("seek").ariaValueText = words;
  element("play").textContent = player.playing ? "❚❚" : "▶";
  element("play").ariaLabel = player.playing ? "Pause" : "Play";
}

// What a key does, other keys of the page first; space belongs to a button that is in focus.
export function pressed(event, player, own = {}) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, a, summary, .scroll")) return;
  const keys = { ArrowLeft: () => player.step(-1), ArrowRight: () => player.step(1), ...own };
  if (!event.target.closest("button")) keys[" "] = () => toggle(player);
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function toggle(player) {
  if (player.playing) player.pause();
  else player.play();
}
