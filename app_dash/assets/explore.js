// What the browser does by itself on the Explore page: marks and copying.
(() => {
  const EVENTS = ["c1", "m1", "m5", "x1"];
  const plot = (id) => document.querySelector(`#${id} .js-plotly-plot`);

  // A mark is one shape more; those that the figure came with stay.
  const draw = (id, shape) => {
    const figure = plot(id);
    if (!figure?.layout) return;
    figure.ownShapes ??= figure.layout.shapes ?? [];
    window.Plotly.relayout(figure, { shapes: [...figure.ownShapes, ...(shape ? [shape] : [])] });
  };
  const line = (x, dash) => ({
    type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1,
    line: { width: 1.5, dash, color: getComputedStyle(document.body).getPropertyValue("--accent").trim() },
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    explore: {
      mark: (selected) => {
        const row = selected.flat().find(Boolean);
        draw("explore-overview", row && line(row.mark[0], "solid"));
        EVENTS.forEach((event, i) => {
          const bin = row?.mark[i + 1];
          draw(`distribution-${event}`, bin == null ? null : line(bin + 0.5, "3px,2px"));
        });
        if (!row) return "";
        return `Marked in the figures: ${row.region_id}, ${row.t_rec} UTC`;
      },
    },
  });

  const copy = async (button) => {
    const text = button.dataset.copy;
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch {
      // Without a secure address the browser keeps its clipboard to itself: the text is chosen.
      window.getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
})();
