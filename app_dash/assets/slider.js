// Dash puts the caret back into every debounced field; a slider has none and refuses loudly.
(() => {
  const put = HTMLInputElement.prototype.setSelectionRange;
  HTMLInputElement.prototype.setSelectionRange = function (...range) {
    if (this.type !== "range") put.apply(this, range);
  };
})();
