// Parts of the page are drawn anew under their reader: what is open, scrolled to and focused stays,
// and nothing moves under the pointer.
(() => {
  const dash = () => window.dash_clientside;
  const page = () => document.getElementById("page");

  // An element is known again by what it is called within its card or panel, never by its place.
  // The ids that begin with "part" are places.
  const nameOf = (element) => {
    const summary = element.localName === "details" ? element.querySelector(":scope > summary") : null;
    return (element.id.startsWith("part") ? "" : element.id)
      || element.dataset.part || element.getAttribute("aria-label") || element.getAttribute("href")
      || summary?.getAttribute("aria-label") || (summary?.firstElementChild ?? summary)?.textContent
      || element.className || "";
  };
  const cardOf = (element) => element.parentElement?.closest("#page [data-part]");
  const keyOf = (element) => {
    const around = cardOf(element)?.dataset.part
      ?? element.parentElement?.closest("#page section")?.querySelector("h2")?.textContent ?? "";
    return [around, element.localName, nameOf(element)].join("|");
  };
  const isKeptHere = (element) => element instanceof Element && page()?.contains(element) && element !== page();
  const find = (within, { key, tag }) =>
    [...within.querySelectorAll(tag)].find((element) => keyOf(element) === key);

  // By key: whether a details element is open, and how far an element is scrolled.
  const open = new Map();
  const scrolled = new Map();
  let held = null;
  let address = location.pathname;
  const forget = () => {
    if (address === location.pathname) return;
    address = location.pathname;
    open.clear();
    scrolled.clear();
    held = null;
  };

  document.addEventListener("toggle", (event) => {
    if (!isKeptHere(event.target)) return;
    forget();
    // A menu closes with the choice of an address.
    const search = event.target.matches(".menu") ? location.search : null;
    open.set(keyOf(event.target), { isOpen: event.target.open, search });
  }, { capture: true });

  // An element that is drawn anew begins at its top: that is no scrolling of its reader.
  const RESTORING_MS = 200;
  const restoredAt = new WeakMap();
  document.addEventListener("scroll", (event) => {
    const element = event.target;
    if (!isKeptHere(element) || event.timeStamp - (restoredAt.get(element) ?? -Infinity) < RESTORING_MS) return;
    forget();
    scrolled.set(keyOf(element), { tag: element.localName, top: element.scrollTop, left: element.scrollLeft });
  }, { capture: true, passive: true });

  // Text fields are kept by typing.js.
  const isTextField = (element) => element.matches("input.dash-input-element[type=text]");
  document.addEventListener("focusin", (event) => {
    forget();
    const element = event.target;
    held = isKeptHere(element) && !isTextField(element)
      ? { key: keyOf(element), tag: element.localName, card: cardOf(element)?.dataset.part }
      : null;
  });
  document.addEventListener("pointerdown", (event) => {
    // A press on what has the keyboard already leaves it there.
    const active = document.activeElement;
    if (active === document.body || !active?.contains(event.target)) held = null;
  }, { capture: true });

  const restoreOpen = (root) => {
    for (const details of root.querySelectorAll("details")) {
      const known = open.get(keyOf(details));
      if (!known || (known.search !== null && known.search !== location.search)) continue;
      if (details.open !== known.isOpen) details.open = known.isOpen;
    }
  };
  const restoreScroll = (root) => {
    for (const [key, { tag, top, left }] of [...scrolled]) {
      const element = find(root, { key, tag });
      if (!element || (element.scrollTop === top && element.scrollLeft === left)) continue;
      restoredAt.set(element, performance.now());
      element.scrollTo({ top, left, behavior: "instant" });
    }
  };
  const isFocusLost = () => held && document.activeElement === document.body;
  const restoreFocus = () => {
    if (!isFocusLost()) return;
    find(page(), held)?.focus({ preventScroll: true });
  };
  // A button that is gone for good leaves the keyboard in its card.
  const settleFocus = () => {
    if (!isFocusLost() || !held.card) return;
    const card = page().querySelector(`[data-part="${CSS.escape(held.card)}"]`);
    card?.querySelector("a[href], button, summary")?.focus({ preventScroll: true });
  };

  const SETTLED_MS = 100;
  let settling = null;
  new MutationObserver((changes) => {
    const added = changes.some(({ target, addedNodes }) => addedNodes.length && page()?.contains(target));
    if (!added) return;
    forget();
    restoreOpen(page());
    restoreScroll(page());
    restoreFocus();
    clearTimeout(settling);
    // Tables and figures reach their height a moment later.
    settling = setTimeout(() => { restoreScroll(page()); restoreFocus(); settleFocus(); }, SETTLED_MS);
  }).observe(document.documentElement, { childList: true, subtree: true });

  // New data wait while the pointer is over what may be pressed, but not for longer than this.
  const LONGEST_MS = 10_000;
  const TAPPED_MS = 500;
  const PRESSED = ["button", "summary", "a.button", "[data-part]"].map((one) => `#page ${one}`).join();
  let under = null;
  let waiting = null;
  let latest = null;
  const draw = () => {
    clearTimeout(latest);
    if (waiting === null) return;
    const version = waiting;
    waiting = null;
    dash().set_props("version", { data: version });
  };
  const look = (element) => {
    under = element?.closest?.(PRESSED) ?? null;
    if (!under) draw();
  };
  document.addEventListener("pointerover", (event) => look(event.target));
  document.documentElement.addEventListener("pointerleave", () => look(null));
  document.addEventListener("pointerup", (event) => {
    if (event.pointerType === "touch") setTimeout(() => look(null), TAPPED_MS);
  });
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    redraw: {
      whenPointerIsFree: (version) => {
        if (version !== undefined && version !== null) {
          const isFirst = waiting === null;
          waiting = version;
          if (!under?.isConnected) draw();
          else if (isFirst) latest = setTimeout(draw, LONGEST_MS);
        }
        return dash().no_update;
      },
    },
  });
})();
