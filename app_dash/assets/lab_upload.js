// Files sent to the Lab by tus 1.0.0, piece by piece, also while other pages are shown. Each goes on after a pause, a
// fault on the way, or a reload, when the same file is chosen again.
(() => {
  const PIECE_BYTES = 4 * 2 ** 20;
  const TYPE = "application/offset+octet-stream";
  const RETRY_S = 5;
  const WORDS = { sending: "Pause", paused: "Resume", refused: "Try again" };
  let uploads = [];
  let isAsking = false;
  const keyOf = ({ file }) => `lab-upload ${file.size} ${file.lastModified} ${file.name}`;
  const drop = (one) => { uploads = uploads.filter((other) => other !== one); localStorage.removeItem(keyOf(one)); };

  const ask = (method, id, headers = {}, body = null) =>
    fetch(`/lab/uploads${id ? `/${id}` : ""}`, { method, body, headers: { "Tus-Resumable": "1.0.0", ...headers } });
  const wait = (one, seconds, why) => Object.assign(one, { due: Date.now() + 1000 * seconds, why });
  const read = async (one, answer) => {
    const text = answer.ok ? "" : (await answer.text()).trim();
    const retry = Number(answer.headers.get("Retry-After")) || RETRY_S;
    if (answer.ok) Object.assign(one, { why: "", offset: Number(answer.headers.get("Upload-Offset")) });
    else if (answer.status === 503 || answer.status === 429) wait(one, retry, `busy, tried again: ${text}`);
    else if (answer.status === 409) wait(Object.assign(one, { offset: null }), 1, "asks how much has arrived");
    // It was given up after a day, or is of somebody who sat here before: it begins anew.
    else if (answer.status === 404 && one.id) Object.assign(one, { id: null, offset: null });
    else Object.assign(one, { state: "refused", why: answer.status === 401 ? "Sign in first." : text });
    return answer.ok;
  };
  const begin = async (one) => {
    const name = btoa(String.fromCharCode(...new TextEncoder().encode(one.file.name)));
    const answer = await ask("POST", null, { "Upload-Length": one.file.size, "Upload-Metadata": `filename ${name}` });
    if (await read(one, answer)) one.id = answer.headers.get("Location").split("/").pop();
    if (one.id) localStorage.setItem(keyOf(one), one.id);
  };
  const find = async (one) => read(one, await ask("HEAD", one.id));
  const send = async (one) => {
    const [piece, began] = [one.file.slice(one.offset, one.offset + PIECE_BYTES), performance.now()];
    const answer = await ask("PATCH", one.id, { "Upload-Offset": one.offset, "Content-Type": TYPE }, piece);
    if (await read(one, answer)) one.rate = (1000 * piece.size) / (performance.now() - began);
  };
  const turn = async () => {
    show();
    const one = uploads.find(({ state, due }) => state === "sending" && due <= Date.now());
    if (!one || isAsking) return;
    isAsking = true;
    try {
      await (one.id ? one.offset === null ? find : send : begin)(one);
      if (one.offset === one.file.size && one.state !== "refused") one.state = "complete";
    } catch (error) {
      // The way is broken, or the file cannot be read any more.
      wait(Object.assign(one, { offset: null }), RETRY_S, `no answer, tried again: ${error.message}`);
    }
    isAsking = false;
    turn();
  };
  setInterval(turn, 250);
  const size = (bytes) => {
    const unit = Math.min(Math.floor(Math.log10(bytes || 1) / 3), 4);
    return `${(bytes / 1000 ** unit).toFixed(unit ? 1 : 0)} ${["B", "kB", "MB", "GB", "TB"][unit]}`;
  };
  const make = (tag, given, ...children) => {
    const made = Object.assign(document.createElement(tag), given);
    made.append(...children);
    return made;
  };
  const button = (onclick) => make("button", { type: "button", className: "button", onclick });
  const withRow = (one) => {
    const { name } = one.file;
    const toggle = ({ state }) => Object.assign(one, { state: state === "sending" ? "paused" : "sending", due: 0 });
    const pause = button(() => { toggle(one); turn(); });
    // What stays at the API is given up there after a day.
    const remove = button(() => { drop(one); if (one.id) ask("DELETE", one.id).catch(() => {}); turn(); });
    Object.assign(remove, { textContent: "Remove", ariaLabel: `Remove ${name}` });
    const bar = make("div", { className: "progress", role: "progressbar", ariaLabel: `Progress of ${name}` }, make("i"));
    const [note, text] = [make("span", { className: "note" }), make("span", { className: "secondary" })];
    const named = make("span", { className: "named" }, name, note);
    const row = make("li", { className: "lab-row upload" }, named, bar, text, pause, remove);
    return Object.assign(one, { row, bar, note, text, pause });
  };
  const showOne = ({ file, state, offset, rate, why, bar, note, text, pause }) => {
    bar.ariaValueNow = ((100 * (offset ?? 0)) / (file.size || 1)).toFixed(1);
    bar.firstChild.style.width = `${bar.ariaValueNow}%`;
    const speed = state === "sending" && rate ? `, ${size(rate)}/s` : "";
    const part = state === "complete" ? "" : `${size(offset ?? 0)} of `;
    text.textContent = part + size(file.size) + (part ? speed : ", complete");
    note.textContent = why;
    const word = WORDS[state] ?? "";
    pause.hidden = !word;
    if (pause.textContent !== word) Object.assign(pause, { textContent: word, ariaLabel: `${word} ${file.name}` });
  };
  const forget = (one) => ask("HEAD", one.id).then(({ status }) => status === 404 && drop(one)).catch(() => {});
  const show = () => {
    const list = document.getElementById("lab-uploads");
    if (!list) return;
    const complete = uploads.filter(({ state }) => state === "complete");
    // What has become a data set meanwhile is no upload any more.
    if (!list.dataset.told) complete.forEach(forget);
    uploads.forEach(showOne);
    const rows = uploads.map(({ row }) => row);
    if (list.children.length !== rows.length || rows.some((row) => !list.contains(row))) list.replaceChildren(...rows);
    const ids = complete.length === uploads.length ? complete.map(({ id }) => id).join(" ") : "";
    if (list.dataset.told === `now ${ids}`) return;
    list.dataset.told = `now ${ids}`;
    list.closest(".panel").dataset.complete = Boolean(ids);
    dash_clientside.set_props({ type: "lab-input", name: "dataset-uploads" }, { value: ids });
    if (ids) dash_clientside.set_props("live-message", { children: "All files are complete." });
  };
  const add = (files) => {
    const isNew = (file) => !uploads.some((other) => keyOf(other) === keyOf({ file }));
    uploads.push(...[...files].filter(isNew).map((file) =>
      withRow({ file, id: localStorage.getItem(keyOf({ file })), state: "sending", offset: null, due: 0, why: "" })));
    turn();
  };
  const onchange = ({ target }) => add(target.files);
  document.addEventListener("click", ({ target }) =>
    target.closest("[data-chooses]") && make("input", { type: "file", multiple: true, onchange }).click());
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => {
    if (!event.target.closest(".upload-panel")) return;
    event.preventDefault();
    if (kind === "drop") add(event.dataTransfer.files);
  });
})();
