// Picking a day beside a typed time: the browser's own calendar, whose day is typed for the reader.
(() => {
  const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;

  const type = (field, text) => {
    field.focus();
    setValue.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.blur();
  };

  const open = (button) => {
    const field = document.getElementById(button.dataset.pick);
    const written = field.value.trim();
    const calendar = document.createElement("input");
    Object.assign(calendar, { type: "date", className: "calendar", tabIndex: -1 });
    calendar.value = written.slice(0, 10);
    calendar.setAttribute("aria-label", button.getAttribute("aria-label"));
    calendar.addEventListener("change", () => {
      // The time of day stays; who wants another types it.
      if (calendar.value) type(field, `${calendar.value} ${written.slice(11) || "00:00"}`);
      calendar.remove();
    });
    calendar.addEventListener("blur", () => calendar.remove());
    button.after(calendar);
    calendar.focus();
    calendar.showPicker();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pick]");
    if (button) open(button);
  });
})();
