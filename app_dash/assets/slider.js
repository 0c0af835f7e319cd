// Dash puts the caret back into every debounced field; a slider has none and refuses loudly.
(() => {
  const put = HTMLInputElement.prototype.setSelectionRange;
  HTMLInputElement.prototype.setSelectionRange = function (...range) {
    if (this.type !== "range") put.apply(this, range);
  };

  // A slider is read out in words: the time or the value with its unit, not minutes since 1970.
  const MINUTE_MS = 60000;
  const words = (slider) => {
    const unit = slider.closest("[data-unit]")?.dataset.unit;
    if (unit !== "time") return `${slider.value} ${unit ?? ""}`.trim();
    return `${dash_clientside.flarewatch.writeClock(new Date(slider.value * MINUTE_MS)).slice(0, -3)} UTC`;
  };
  const name = (slider) => {
    if (slider.getAttribute("aria-valuetext") !== words(slider)) slider.setAttribute("aria-valuetext", words(slider));
  };
  const nameAll = () => document.querySelectorAll("input[type=range]").forEach(name);
  document.addEventListener("input", (event) => { if (event.target.type === "range") name(event.target); });
  new MutationObserver(nameAll).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["value"],
  });
})();
