"use strict";
// Tables: one K at a time, sorted by a column, saved as CSV.
page.tables = (() => {
  const { element, press, save } = page;
  const counts = document.getElementById("table-counts");
  if (counts) {
    counts.hidden = false;
    const blocks = document.querySelectorAll("tbody[data-count]");
    const choose = (button) => {
      press(counts, button);
      for (const block of blocks)
        block.hidden = Boolean(button.dataset.count) && block.dataset.count !== button.dataset.count;
    };
    for (const button of counts.querySelectorAll("button"))
      button.addEventListener("click", () => choose(button));
    const rows = document.querySelectorAll("#headline tbody tr").length;
    const buttons = counts.querySelectorAll("button");
    if (rows > 16) choose(buttons[Math.floor((buttons.length - 1) / 2)]);
    addEventListener("beforeprint", () => choose(buttons[buttons.length - 1]));
  }


  const shown = (cell) => cell.cloneNode(true);
  function text(cell) {
    const copy = shown(cell);
    for (const aside of copy.querySelectorAll("sup")) aside.remove();
    for (const interval of copy.querySelectorAll("small")) interval.prepend(" ");
    return copy.textContent.trim().replace(/\s+/g, " ");
  }
  function figure(cell) {
    const copy = shown(cell);
    for (const aside of copy.querySelectorAll("small, sup")) aside.remove();
    const found = copy.textContent.replace("−", "-").replaceAll(",", "").match(/[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?/);
    return found ? Number(found[0]) : NaN;
  }

  // Within each K; what has no figure comes last, either way.
  function sort(table, column, up) {
    for (const body of table.tBodies) {
      const rows = [...body.rows];
      const keys = new Map(rows.map((row) => [row, column ? figure(row.cells[column]) : text(row.cells[0])]));
      rows.sort((a, b) => {
        const [x, y] = [keys.get(a), keys.get(b)];
        if (column === 0) return up ? x.localeCompare(y) : y.localeCompare(x);
        return isNaN(x) - isNaN(y) || (up ? x - y : y - x) || 0;
      });
      body.append(...rows);
    }
  }

  for (const button of document.querySelectorAll(".sort"))
    button.addEventListener("click", () => {
      const head = button.closest("th"), column = head.cellIndex;
      // Names from A on, figures from the highest on; once more turns it round.
      const up = head.ariaSort ? head.ariaSort === "descending" : column === 0;
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      sort(head.closest("table"), column, up);
    });

  const quoted = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  function csv(table) {
    const rows = [...table.rows].filter((row) => !row.parentElement.hidden);
    return rows.map((row) => [...row.cells].map((cell) => quoted(text(cell))).join(",") + "\n").join("");
  }
  for (const holder of document.querySelectorAll(".scroll")) {
    const table = holder.querySelector("table");
    const name = holder.getAttribute("aria-label");
    const button = element("button", { type: "button", class: "save", "aria-label": `Save as CSV: ${name}` }, "CSV");
    button.addEventListener("click", () => save(`${name}.csv`, `data:text/csv;charset=utf-8,${encodeURIComponent("\ufeff" + csv(table))}`));
    holder.after(button);
  }
  return { sort };
})();
