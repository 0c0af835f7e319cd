// What the browser does by itself: theme, clock, age of the data, keys, rest, print.
(() => {
  const OLD_S = 21600;
  const STORED = "flarewatch-theme";
  const apply = (theme) => { document.documentElement.dataset.theme = theme; return theme; };

  const age = (seconds) => {
    if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400).toLocaleString("en-US")} d`;
  };
  const ageState = (seconds, stale) =>
    seconds > Math.max(OLD_S, 3 * stale) ? "error" : seconds > stale ? "stale" : "ok";
  const clock = (now) => {
    const parts = new Intl.DateTimeFormat("en-GB", {
      timeZone: "UTC", day: "2-digit", month: "short", year: "numeric",
    }).format(now).replace("Sept", "Sep");
    return `${parts} ${now.toISOString().slice(11, 19)}`;
  };

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    flarewatch: {
      theme: (clicks) => {
        const current = document.documentElement.dataset.theme;
        if (!clicks) return apply(current);
        const chosen = current === "dark" ? "light" : "dark";
        try { localStorage.setItem(STORED, chosen); } catch { /* private mode: this page only */ }
        return apply(chosen);
      },
      clock: (_second, newest, told) => {
        const { replay } = dash_clientside;
        replay.receive(told);
        const now = replay.now();
        replay.show(now);
        const mode = replay.isPlayed() ? "Replay" : "Live";
        const header = (text, state) =>
          [clock(now), text, `chip age ${state}`, mode, `chip mode ${mode.toLowerCase()} ${state}`];
        if (!newest) return header("no data", "error");
        const seconds = replay.age(newest) / 1000;
        return header(age(seconds), ageState(seconds, 2 * (told?.step_s ?? Infinity)));
      },
      title: (title) => {
        const heading = [title].flat()[0]?.props?.children;
        closeGoTo();
        document.title = heading ? `${heading} · Flarewatch` : "Flarewatch";
        return dash_clientside.no_update;
      },
      writeClock: clock,
    },
  });

  // A hidden page asks for nothing; shown again, it asks at once.
  document.addEventListener("visibilitychange", () => {
    const hidden = document.hidden;
    for (const id of ["tick", "second"]) {
      dash_clientside.set_props(id, hidden ? { disabled: true } : { disabled: false, n_intervals: Date.now() });
    }
  });

  // A briefing is printed on white: a dark page is drawn in light first, and in dark again after.
  const PAPER_MS = 4000;
  const print = () => {
    if (document.documentElement.dataset.theme !== "dark") { window.print(); return; }
    const page = document.getElementById("page");
    const inLight = () => new Promise((done) => {
      const drawn = new MutationObserver(() => { drawn.disconnect(); setTimeout(done, 600); });
      drawn.observe(page, { childList: true, subtree: true });
      setTimeout(done, PAPER_MS);
      dash_clientside.set_props("theme", { data: apply("light") });
    });
    inLight().then(() => {
      window.print();
      dash_clientside.set_props("theme", { data: apply("dark") });
    });
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("#print")) print();
  });

  // A figure keeps the size it was drawn in: on the width of the sheet it is drawn anew.
  const fit = (isPaper) => {
    document.documentElement.classList.toggle("paper", isPaper);
    for (const figure of document.querySelectorAll(".js-plotly-plot")) {
      window.Plotly?.relayout(figure, { autosize: true });
    }
  };
  window.addEventListener("beforeprint", () => fit(true));
  window.addEventListener("afterprint", () => fit(false));

  // One explanation, question or menu at a time; Escape and a click elsewhere close it.
  const OPENS = ["explanation", "asking", "person-menu"].map((name) => `details.${name}`);
  const closeOthers = (but) => {
    for (const open of document.querySelectorAll(OPENS.map((one) => `${one}[open]`).join())) {
      if (open === but) continue;
      const held = open.contains(document.activeElement);
      open.open = false;
      if (held) open.querySelector("summary").focus();
    }
  };
  document.addEventListener("click", (event) => {
    const inside = event.target.closest(OPENS.join());
    const chosen = event.target.closest(".asking button[id], .person-menu a");
    closeOthers(chosen ? null : inside);
  });

  // A page or the bar names the key of a control on the control itself, or around a link. Where it
  // says for which time it was drawn, a press waits until the page has caught up with the address.
  const press = (key, patience = 40) => {
    const named = `[data-key="${CSS.escape(key)}"]`;
    const keyed = document.querySelector(`#page ${named}, [data-clock=replay] #replay-bar[data-may-set] ${named}`);
    if (!keyed) return false;
    const at = new URLSearchParams(location.search).get("at") ?? "";
    if (patience > 0 && (keyed.dataset.at ?? at) !== at) {
      setTimeout(() => press(key, patience - 1), 50);
    } else {
      (keyed.querySelector("a[href]") ?? keyed).click();
    }
    return true;
  };

  // The search of the page; where it has none, the field that leads to any page or region.
  const SEARCHES = "#search, #page .find-field input, #page input.find-field";
  const search = () => {
    const field = document.querySelector(SEARCHES) ?? document.getElementById("go-to");
    const goTo = field.closest(".go-to");
    if (goTo) goTo.hidden = false;
    field.focus();
    field.select();
  };
  const closeGoTo = () => { document.querySelector(".go-to").hidden = true; };

  const FIELDS = "input, textarea, select, [contenteditable], [role=grid]";
  const PRESSED = "a, button, summary, label, input, [role=button], [role=region]";
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { closeOthers(null); closeGoTo(); }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isSlider = event.target.matches("input[type=range], [role=slider]");
    if (!isSlider && event.target.closest(FIELDS)) return;
    // A slider has its own keys, and what is pressed, opened or scrolled has the space bar.
    if (event.key.length > 1 ? isSlider : event.key === " " && event.target.closest(PRESSED)) return;
    if (/^[1-9]$/.test(event.key)) document.getElementById(`nav-${event.key}`)?.click();
    if (press(event.key)) event.preventDefault();
    if (event.key === "/") { event.preventDefault(); search(); }
  });
})();
