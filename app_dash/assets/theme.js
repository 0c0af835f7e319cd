// Runs before anything is painted, so that nobody who chose dark sees a light flash.
(() => {
  const chosen = () => {
    try { return localStorage.getItem("flarewatch-theme"); } catch { return null; }
  };
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = chosen() || (dark ? "dark" : "light");
})();
