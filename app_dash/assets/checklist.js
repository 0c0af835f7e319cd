// The checklist in the strip stays open, and its button focused, when new data draw the strip anew.
(() => {
  let isOpen = false;
  let isFocused = false;
  const button = () => document.querySelector("#strip .checklist > summary");

  document.addEventListener("toggle", (event) => {
    if (event.target.matches("#strip .checklist") && event.target.isConnected) isOpen = event.target.open;
  }, { capture: true });
  document.addEventListener("focusin", (event) => { isFocused = event.target === button(); });
  document.addEventListener("pointerdown", () => { isFocused = false; });

  const restore = () => {
    const drawn = button();
    if (!drawn) return;
    if (isOpen && !drawn.parentElement.open) drawn.parentElement.open = true;
    if (isFocused && document.activeElement === document.body) drawn.focus({ preventScroll: true });
  };
  const begun = new MutationObserver(() => {
    const strip = document.getElementById("strip");
    if (!strip) return;
    begun.disconnect();
    new MutationObserver(restore).observe(strip, { childList: true, subtree: true });
  });
  begun.observe(document, { childList: true, subtree: true });
})();
