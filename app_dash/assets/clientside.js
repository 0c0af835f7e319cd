// What the browser does by itself: theme, clock, age of the data, keys, focus.
(() => {
  const CADENCE_S = 720;
  const STORED = "flarewatch-theme";
  const apply = (theme) => { document.documentElement.dataset.theme = theme; return theme; };

  const age = (seconds) => {
    if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400).toLocaleString("en-US")} d`;
  };
  const ageClass = (seconds) =>
    `chip age ${seconds > 21600 ? "error" : seconds > 2 * CADENCE_S ? "stale" : "ok"}`;
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
      clock: (_second, newest) => {
        const now = new Date();
        if (!newest) return [clock(now), "no data", "chip age error"];
        const seconds = (now - new Date(newest)) / 1000;
        return [clock(now), age(seconds), ageClass(seconds)];
      },
    },
  });

  // A live page is drawn anew under its reader: the link that had the keyboard gets it back.
  let focused = null;
  document.addEventListener("focusin", (event) => {
    focused = event.target.closest("#page a[href]")?.getAttribute("href") ?? null;
  });
  document.addEventListener("pointerdown", () => { focused = null; });
  new MutationObserver(() => {
    if (focused === null || document.activeElement !== document.body) return;
    document.querySelector(`#page a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }).observe(document.documentElement, { childList: true, subtree: true });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (/^[1-9]$/.test(event.key)) document.getElementById(`nav-${event.key}`)?.click();
    if (event.key === "/") {
      const search = document.getElementById("search");
      if (search) { event.preventDefault(); search.focus(); }
    }
  });
})();
