// A page is drawn anew under its reader: what is typed stays, and the keyboard where it was.
(() => {
  const FIELD = "#page input.dash-input-element[type=text]";
  const HELD = "#page a[href], #page input";
  const write = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;

  // By field: its text, and once that is handed over, what the address said of it until then.
  const typed = new Map();
  let path = location.pathname;
  // What had the keyboard, and until when: a text field by its id, or what the selector finds.
  let held = null;
  let leftAt = 0;
  // The field "explore-regions" is "regions" in the address.
  const said = (id) => new URLSearchParams(location.search).get(id.slice(id.indexOf("-") + 1));

  document.addEventListener("input", (event) => {
    const field = event.target.closest(FIELD);
    if (!field?.id) return;
    typed.set(field.id, { text: field.value });
    // Dash's Input sets its caret a moment after each key, to where it was before the keys since.
    field.setSelectionRange = () => {};
  });

  // Enter, or leaving a field, hands its text over; a note to an alert has a button for that.
  const handOver = (field) => {
    const entry = typed.get(field.id);
    if (entry && !field.closest(".note-fields")) entry.before = said(field.id);
  };
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest(FIELD);
    if (field && event.key === "Enter") handOver(field);
  });
  document.addEventListener("focusout", (event) => {
    const field = event.target.closest(FIELD);
    // A field that is taken away with the page it stands on is left too, without being finished.
    if (field) setTimeout(() => { if (field.isConnected) handOver(field); });
    leftAt = event.timeStamp;
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest(".acknowledging button")) typed.clear();
  });

  const retype = () => {
    if (path !== location.pathname) { path = location.pathname; typed.clear(); held = null; }
    for (const [id, { text, before }] of typed) {
      const isHandedOver = before !== undefined;
      if (isHandedOver && said(id) !== before) { typed.delete(id); continue; }
      const field = document.getElementById(id);
      if (!field || field.value === text) continue;
      const around = field.closest("details");
      if (around) around.open = true;
      if (isHandedOver) {
        // The drawing that came was asked for before this was handed over.
        dash_clientside.set_props(id, { value: text });
      } else {
        write.call(field, text);
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
    }
  };

  const heldNow = () => held && document.activeElement === document.body && held;
  document.addEventListener("focusin", (event) => {
    const element = event.target.closest(HELD);
    const [name, value] = element?.matches("a") ? ["href", element.getAttribute("href")] : ["id", element?.id];
    const selector = `#page [${name}="${CSS.escape(value ?? "")}"]`;
    held = value ? { selector, field: element.matches(FIELD) ? value : null } : null;
  });
  document.addEventListener("pointerdown", () => { held = null; });

  // Between the old drawing and the new one there is no field: keys meant for it are kept for it.
  const GAP_MS = 1500;
  document.addEventListener("keydown", (event) => {
    const id = heldNow()?.field;
    if (!id || document.getElementById(id) || event.timeStamp - leftAt > GAP_MS) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const entry = typed.get(id);
    if (entry && event.key === "Enter") entry.before = said(id);
    else if (entry && event.key.length === 1) typed.set(id, { text: entry.text + event.key });
  }, { capture: true });

  new MutationObserver(() => {
    retype();
    const lost = heldNow();
    if (lost) document.querySelector(lost.selector)?.focus({ preventScroll: true });
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
