// Small things for making elements.

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else if (key in element && key !== "list") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SHAPES = {
  box: '<rect x="4" y="6" width="16" height="12" rx="1" stroke-dasharray="3.2 2"/>',
  brush: '<path d="M19.5 4.5 10 14"/><path d="M10 14c-2.5-.6-4.4 1-4.6 3.2C5.300 18.600 4.500 19.400 3.500 19.800c3 1.400 7.500.5 8-3.300C11.700 15.500 11 14.300 10 14Z"/>',
  eraser: '<path d="m13 5 6 6-8.500 8.500H7L3.500 16z"/><path d="m8.500 9.500 6 6M11 19.500h9"/>',
  hand: '<path d="M12 3v18M3 12h18M12 3 9.500 5.500M12 3l2.500 2.500M12 21l-2.500-2.500M12 21l2.500-2.500M3 12l2.500-2.500M3 12l2.500 2.500M21 12l-2.500-2.500M21 12l-2.500 2.500"/>',
  undo: '<path d="M9 6 4.500 10.500 9 15"/><path d="M5 10.500h9a5.500 5.500 0 0 1 0 9h-3"/>',
  redo: '<path d="m15 6 4.500 4.500L15 15"/><path d="M19 10.500h-9a5.500 5.500 0 0 0 0 9h3"/>',
  plus: '<path d="M12 5v14M5 12h14"/>',
  minus: '<path d="M5 12h14"/>',
  fit: '<path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/>',
  play: '<path d="M8 5v14l11-7z" fill="currentColor"/>',
  pause: '<path d="M8 5v14M16 5v14" stroke-width="3.500"/>',
  back: '<path d="M16 5 8 12l8 7zM6 5v14" fill="currentColor"/>',
  forward: '<path d="m8 5 8 7-8 7zM18 5v14" fill="currentColor"/>',
  bin: '<path d="M4 7h16M9 7V4h6v3M6.500 7l1 13h9l1-13M10 11v5.500M14 11v5.500"/>',
  folder: '<path d="M3 6.500h6l2 2.500h10v10H3z"/>',
  film: '<rect x="3" y="5" width="18" height="14" rx="1.500"/><path d="M7 5v14M17 5v14M3 9.500h4M3 14.500h4M17 9.500h4M17 14.500h4"/>',
  download: '<path d="M12 4v11M7 10.500l5 5 5-5M4.500 19.500h15"/>',
  copy: '<rect x="8" y="8" width="12" height="12" rx="1.500"/><path d="M16 8V4H4v12h4"/>',
  check: '<path d="m5 12.500 4.500 4.500L19 7.500"/>',
};

export function icon(name) {
  const holder = document.createElement("span");
  holder.className = "icon";
  holder.setAttribute("aria-hidden", "true");
  holder.innerHTML = `<svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.800" stroke-linecap="round" stroke-linejoin="round">${SHAPES[name]}</svg>`;
  return holder;
}

export function button(text, onclick, attributes = {}) {
  const { icon: name, ...rest } = attributes;
  return make("button", { type: "button", onclick, ...rest }, name ? icon(name) : null, text ? make("span", {}, text) : null);
}

let shown = 0;

export function say(text, kind = "info") {
  const place = document.getElementById("messages");
  const line = make("div", { class: `message ${kind}` }, text);
  const number = ++shown;
  place.replaceChildren(line);
  if (kind !== "stay") {
    setTimeout(() => shown === number && place.replaceChildren(), kind === "error" ? 9000 : 4000);
  }
}

export function sayError(error) {
  if (error.name !== "AbortError") say(error.message, "error");
}

export function clock(seconds) {
  const whole = Math.max(0, seconds);
  const minutes = Math.floor(whole / 60);
  const rest = (whole - 60 * minutes).toFixed(2).padStart(5, "0");
  return `${minutes}:${rest}`;
}

export function about(seconds) {
  if (seconds < 50) return `about ${Math.max(5, Math.round(seconds / 5) * 5)} seconds left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `about ${Math.max(1, minutes)} minute${minutes > 1 ? "s" : ""} left`;
  return `about ${Math.round(minutes / 60)} hours left`;
}

export function bytes(count) {
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}
