// Runs before anything is painted, so that nobody who chose dark sees a light flash.
(() => {
  const chosen = () => {
    try { return localStorage.getItem("flarewatch-theme"); } catch { return null; }
  };
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  // Nor does the page jump when the bar of a replay comes.
  try { document.documentElement.dataset.clock = localStorage.getItem("flarewatch-clock") ?? ""; } catch { /* at the first answer */ }
  document.documentElement.dataset.theme = chosen() || (dark ? "dark" : "light");
})();
