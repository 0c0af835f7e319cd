// A page is drawn anew under its reader: what is typed stays, with the keyboard and the caret in it.
(() => {
  const FIELD = "#page input.dash-input-element[type=text]";
  const write = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  const select = HTMLInputElement.prototype.setSelectionRange;

  // By field: its text, whether it is handed over, and whether it is accepted.
  const typed = new Map();
  let path = location.pathname;
  let isRetyping = false;
  // By field: the ends of what is selected in it, the caret where nothing is.
  const selected = new Map();
  // The field that had the keyboard, and until when.
  let held = null;
  let leftAt = 0;
  // The field "explore-regions" is "regions" in the address.
  const named = (id) => id.slice(id.indexOf("-") + 1);

  document.addEventListener("input", (event) => {
    // Dash's Input sets its caret a moment after each key, to where it was before the keys since.
    if (event.target.matches("input.dash-input-element")) event.target.setSelectionRange = () => {};
    const field = event.target.closest(FIELD);
    if (field?.id && !isRetyping) typed.set(field.id, { text: field.value });
  });

  const forget = () => {
    if (path !== location.pathname) { path = location.pathname; typed.clear(); selected.clear(); held = null; }
    const drawnFor = document.getElementById("page")?.dataset.address;
    if (drawnFor !== location.pathname + location.search) return;
    for (const [id, { isAccepted }] of typed) if (isAccepted) typed.delete(id);
  };

  // Enter, or leaving a field, hands over its text, with those that are not accepted yet. A note
  // to an alert has a button for that.
  const handOver = (id) => {
    forget();
    const entry = typed.get(id);
    const state = document.querySelector("#page .field-state");
    if (!entry || !state || document.getElementById(id)?.closest(".note-fields")) return;
    entry.isHandedOver = true;
    const texts = [...typed].filter(([, { isHandedOver, isAccepted }]) => isHandedOver && !isAccepted);
    dash_clientside.set_props("typed", { data: {
      typed: Object.fromEntries(texts.map(([one, { text }]) => [named(one), text])),
      shown: JSON.parse(state.dataset.shown),
    } });
  };
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    typing: {
      accept: (texts) => {
        for (const [id, entry] of typed) {
          if (entry.isHandedOver && texts?.[named(id)] === entry.text) entry.isAccepted = true;
        }
        return dash_clientside.no_update;
      },
    },
  });
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest(FIELD);
    if (field && event.key === "Enter") handOver(field.id);
  });
  document.addEventListener("focusout", (event) => {
    const field = event.target.closest(FIELD);
    // A field that is taken away with the page it stands on is left too, without being finished.
    if (field) setTimeout(() => {
      if (field.isConnected && !typed.get(field.id)?.isHandedOver) handOver(field.id);
    });
    leftAt = event.timeStamp;
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest(".acknowledging button, .acting button[id]")) typed.clear();
  });

  document.addEventListener("selectionchange", () => {
    const field = document.activeElement;
    if (field?.matches(FIELD) && field.id) selected.set(field.id, [field.selectionStart, field.selectionEnd]);
  });
  const focus = (field, range) => {
    field.focus({ preventScroll: true });
    if (range) select.apply(field, range);
  };

  const retype = () => {
    forget();
    for (const [id, { text }] of [...typed]) {
      const field = document.getElementById(id);
      if (!field || field.value === text) continue;
      const around = field.closest("details");
      if (around) around.open = true;
      const range = selected.get(id);
      isRetyping = true;
      write.call(field, text);
      field.dispatchEvent(new Event("input", { bubbles: true }));
      isRetyping = false;
      if (range && document.activeElement === field) select.apply(field, range);
    }
  };

  const heldNow = () => document.activeElement === document.body ? held : null;
  document.addEventListener("focusin", (event) => {
    held = (event.target.matches(FIELD) && event.target.id) || null;
  });
  document.addEventListener("pointerdown", (event) => {
    if (document.activeElement !== event.target) held = null;
  });

  // Between the old drawing and the new one there is no field: keys meant for it are kept for it.
  const GAP_MS = 1500;
  const SETTLED_MS = 50;
  document.addEventListener("keydown", (event) => {
    const id = heldNow();
    if (!id || document.getElementById(id) || event.timeStamp - leftAt > GAP_MS) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const entry = typed.get(id);
    if (event.key === "Enter") handOver(id);
    else if (entry && event.key.length === 1) {
      const [start, end] = selected.get(id) ?? [entry.text.length, entry.text.length];
      typed.set(id, { text: entry.text.slice(0, start) + event.key + entry.text.slice(end) });
      selected.set(id, [start + 1, start + 1]);
    }
  }, { capture: true });

  new MutationObserver(() => {
    retype();
    // Dash's Input puts a value that it was drawn with into the field a moment later.
    setTimeout(retype, SETTLED_MS);
    const lost = heldNow() && document.getElementById(held);
    if (lost) focus(lost, selected.get(held));
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
