// Acknowledging in the browser: said at once, sent once, tried again.
(() => {
  // Until a press is said to be pending, the next one of a double press is no other.
  const DOUBLE_MS = 300;
  const pressedAt = new Map();

  document.addEventListener("click", (event) => {
    const around = event.target.closest(".acknowledging");
    const button = around?.querySelector("button[id]");
    if (!button) return;
    if (event.target.closest(".again")) {
      // It goes with the answer beside it, but the keyboard stays.
      button.focus({ preventScroll: true });
      button.click();
    } else if (button.contains(event.target)) {
      const isDouble = event.timeStamp - (pressedAt.get(button.id) ?? -Infinity) < DOUBLE_MS;
      if (isDouble || around.querySelector(".pending")) event.stopImmediatePropagation();
      else pressedAt.set(button.id, event.timeStamp);
    }
  }, { capture: true });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    alerts: {
      pending: (clicks) => clicks
        ? { namespace: "dash_html_components", type: "Span",
            props: { className: "pending", children: "Acknowledging…" } }
        : dash_clientside.no_update,
    },
  });
})();
