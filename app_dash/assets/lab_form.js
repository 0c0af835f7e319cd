// The form of a new run. What is typed is kept here by its place and handed over a moment after the
// last key; the answer redraws what stands beside the fields, and these only where a form changes.
(() => {
  const SETTLED_MS = 120, RETYPED_MS = 50;
  const writers = [HTMLInputElement, HTMLTextAreaElement].map((kind) =>
    [kind, Object.getOwnPropertyDescriptor(kind.prototype, "value").set]);
  const typed = new Map(), folded = new Map();
  // What the page was drawn with, what the check has told, and how many messages were sent.
  let given = {}, told = {}, sent = 0, timer = 0, redraws = false, isRetyping = false;
  let held = null, pressed = null;
  const form = () => document.getElementById("lab-form");
  const placeOf = (at) => at.replace(/^=/, "").replace(/@[^/]*/g, "");
  const write = (field, text) => {
    isRetyping = true;
    writers.find(([kind]) => field instanceof kind)[1].call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    isRetyping = false;
  };

  const isPending = () => Boolean(timer) || (told.seq ?? 0) !== sent;
  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      sent += 1;
      dash_clientside.set_props("lab-edits", { data: { ...given, edits: [...typed], redraws, seq: sent } });
    }, SETTLED_MS);
  };
  const edit = (at, value) => {
    typed.delete(at);
    typed.set(at, value);
    redraws ||= at.startsWith("=");
    settle();
  };
  const use = (at, value) => {
    for (const one of typed.keys()) if (`${placeOf(one)}/`.startsWith(`${placeOf(at)}/`)) typed.delete(one);
    edit(`=${at.replace(/^=/, "")}`, value);
  };
  const begin = (base, writes = false) => {
    given = { ...given, base, writes };
    typed.clear();
    redraws = true;
    settle();
  };

  const ticked = (row) => [...row.querySelectorAll("input[type=checkbox]:checked")]
    .map((box) => box.closest("label").textContent);
  const valueOf = (row, field) => {
    if (row.dataset.kind === "flag") return field.checked;
    if (row.dataset.kind === "list") return ticked(row);
    return field.value;
  };
  document.addEventListener("input", ({ target }) => {
    if (isRetyping) return;
    if (target.closest(".toml-field")) { begin(target.value); return; }
    const row = target.closest("#lab-form [data-at]");
    if (!row || target.closest(".add")) return;
    row.classList.remove("default");
    edit(row.dataset.at, valueOf(row, target));
  });
  document.addEventListener("change", ({ target }) => {
    const row = target.closest("#lab-form .add")?.closest("[data-at]");
    const more = target.value.split(",").map((one) => one.trim()).filter(Boolean);
    if (row && more.length) { redraws = true; edit(row.dataset.at, [...new Set([...ticked(row), ...more])]); }
  });

  // What the check says stands beside its field, or beside the nearest one around it.
  const rowAt = (place) => {
    for (let at = place; at; at = at.slice(0, at.lastIndexOf("/"))) {
      const row = [...form().querySelectorAll("[data-at]")].find((one) => placeOf(one.dataset.at) === at);
      if (row || !at.includes("/")) return row;
    }
  };
  const say = (place, text, kind) => {
    const row = rowAt(place);
    if (!row || row.classList.contains("wrong")) return;
    row.classList.add(kind);
    const said = row.querySelector(".said");
    said.textContent = text;
    const field = row.querySelector("input, select");
    if (kind === "wrong") field?.setAttribute("aria-invalid", "true");
    if (kind !== "wrong" || !told.uses[place]) return;
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: `Use ${told.uses[place]}` });
    Object.assign(button.dataset, { use: told.uses[place], useAt: row.dataset.at });
    button.className = "link";
    said.append(" ", button);
  };
  const paint = () => {
    if (!form()) return;
    for (const row of form().querySelectorAll("[data-at]")) {
      row.classList.remove("wrong", "changed");
      row.querySelector(".said").textContent = "";
      row.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
    }
    for (const [place, text] of Object.entries(told.errors ?? {})) say(place, text, "wrong");
    for (const [place, text] of Object.entries(told.had ?? {})) say(place, text, "changed");
    const start = document.querySelector(".new-run .button.primary");
    if (start) start.disabled = told.ok === false;
  };

  // A form that was drawn anew has what was typed meanwhile, its folds, and the keyboard as before.
  const retype = () => {
    for (const row of form()?.querySelectorAll("[data-at]") ?? []) {
      const text = typed.get(row.dataset.at), field = row.querySelector(".line input");
      if (field && typeof text === "string" && field.value !== text) write(field, text);
    }
  };
  const restore = () => {
    for (const [name, isOpen] of folded) {
      const section = document.querySelector(`[data-section="${name}"]`);
      if (section) section.open = isOpen;
    }
    retype();
    setTimeout(retype, RETYPED_MS);
    paint();
    if (held && document.activeElement === document.body) {
      const row = form().querySelector(`[data-at="${CSS.escape(held)}"]`);
      row?.querySelector("input:checked, select, input")?.focus({ preventScroll: true });
    }
  };
  new MutationObserver((changes) => {
    if (form() && changes.some(({ target }) => target === form())) restore();
  }).observe(document.documentElement, { childList: true, subtree: true });
  document.addEventListener("focusin", ({ target }) => {
    held = target.closest("#lab-form [data-at]")?.dataset.at ?? null;
  });
  document.addEventListener("toggle", ({ target }) => {
    const name = target.dataset?.section;
    if (!name) return;
    folded.set(name, target.open);
    for (const table of document.querySelectorAll(`[data-folds="${name}"]`)) table.open = target.open;
  }, { capture: true });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    lab: {
      // The page, or a kept recipe, begins the form anew.
      adopt: (message) => {
        if (!message || message.key === given.key) return dash_clientside.no_update;
        given = message;
        told = {};
        typed.clear();
        clearTimeout(timer);
        timer = sent = 0;
        return message.key;
      },
      paint: (marks) => {
        told = marks ?? {};
        if (!isPending()) redraws = false;
        paint();
        if (pressed && !isPending()) { const button = pressed; pressed = null; button.click(); }
        return dash_clientside.no_update;
      },
    },
  });

  const read = async (file, field) => {
    if (!file || !field) return;
    const text = await file.text();
    write(field, text);
    begin(text);
  };
  // A run is made of what is typed, so that its button waits for the last key.
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".new-buttons .acting button");
    if (!button || !isPending()) return;
    event.stopPropagation();
    pressed = button;
  }, { capture: true });
  document.addEventListener("click", ({ target }) => {
    const { use: value, useAt, goes, resets, saves, reads } = target.closest("button")?.dataset ?? {};
    if (useAt) use(useAt, JSON.parse(value));
    if (resets) begin(given.origin, true);
    if (goes) {
      const section = document.querySelector(`[data-section="${goes}"]`);
      if (section) { section.open = true; section.scrollIntoView(); section.querySelector("summary").focus(); }
    }
    if (saves) {
      const text = new Blob([document.querySelector("#lab-recipe textarea").value]);
      Object.assign(document.createElement("a"), { href: URL.createObjectURL(text), download: saves }).click();
    }
    if (!reads) return;
    const chooser = Object.assign(document.createElement("input"), { type: "file", accept: ".toml,text/plain" });
    chooser.addEventListener("change", () => read(chooser.files[0], document.querySelector(`#${reads} textarea`)));
    chooser.click();
  });
  // A page of the Lab that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", () => {
    if (!document.querySelector(".lab-page")) return;
    const at = document.getElementById("page").dataset.address;
    dash_clientside.set_props({ type: "lab-tick", at }, { disabled: document.hidden });
  });
  document.addEventListener("dragover", (event) => {
    if (event.target.closest(".toml-field, .recipe-panel")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const field = event.target.closest(".recipe-panel")?.querySelector(".toml-field");
    if (!field || !event.dataTransfer.files.length) return;
    event.preventDefault();
    read(event.dataTransfer.files[0], field);
  });
})();
