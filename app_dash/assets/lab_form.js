// The form of a new run: a recipe from a file, and its check a moment after the last key. A page
// of the Lab that nobody sees asks for nothing.
(() => {
  const SETTLED_MS = 300;
  const setValue = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
  let settling = 0;
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    lab: {
      later: (text) => {
        clearTimeout(settling);
        settling = setTimeout(() => dash_clientside.set_props("lab-to-check", { data: text }), SETTLED_MS);
        return dash_clientside.no_update;
      },
    },
  });

  const read = async (file, field) => {
    if (!file || !field) return;
    setValue.call(field, await file.text());
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-reads]");
    if (!button) return;
    const chooser = Object.assign(document.createElement("input"), { type: "file", accept: ".toml,text/plain" });
    chooser.addEventListener("change", () =>
      read(chooser.files[0], document.querySelector(`#${button.dataset.reads} textarea`)));
    chooser.click();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.querySelector(".lab-page")) return;
    const at = document.getElementById("page").dataset.address;
    dash_clientside.set_props({ type: "lab-tick", at }, { disabled: document.hidden });
  });
  document.addEventListener("dragover", (event) => {
    if (event.target.closest(".toml-field")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const field = event.target.closest(".toml-field");
    if (!field || !event.dataTransfer.files.length) return;
    event.preventDefault();
    read(event.dataTransfer.files[0], field);
  });
})();
