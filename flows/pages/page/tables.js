// Tables that are sorted by a click on a heading: ascending, descending, as they came.

export function makeSortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: "" }[heading.ariaSort ?? ""] ?? "ascending";
      headings.forEach((each) => each.removeAttribute("aria-sort"));
      if (next) heading.setAttribute("aria-sort", next);
      const sign = next === "descending" ? -1 : 1;
      body.append(...(next ? [...original].sort((a, b) => sign * compare(a.cells[column], b.cells[column], sign)) : original));
    });
  });
}

// What is not known comes last, whichever way.
function compare(a, b, sign) {
  const [one, other] = [valueOf(a), valueOf(b)];
  if (one === "" || other === "") return sign * ((one === "") - (other === ""));
  const [left, right] = [Number(one), Number(other)];
  return Number.isNaN(left) || Number.isNaN(right) ? one.localeCompare(other) : left - right;
}

function valueOf(cell) {
  return cell.dataset.value ?? cell.textContent.trim();
}

// Show only the rows that hold every word that is typed, and say how many these are.
export function makeFilter(table, input, status) {
  const rows = [...table.tBodies[0].rows];
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    const shown = rows.filter((row) => !row.hidden).length;
    status.textContent = words.length ? `${shown} of ${rows.length}` : "";
  });
}

// A box to tick for each column but the first.
export function offerColumns(table, place) {
  [...table.tHead.rows[0].cells].slice(1).forEach((heading, i) => {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      for (const row of table.rows) row.cells[i + 1].hidden = !box.checked;
    });
    label.className = "check";
    label.append(box, heading.textContent);
    place.append(label);
  });
}
