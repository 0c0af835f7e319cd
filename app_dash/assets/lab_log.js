// The log of a run: asked for piece by piece, from where it ended, while the tab is seen.
(() => {
  const LIVE_MS = 1000;
  const REST_MS = 15000;
  // What the page keeps; all of it is in the file.
  const MOST_CHARACTERS = 2_000_000;
  const ENDED = new Set(["succeeded", "failed", "cancelled", "timed_out", "draft"]);
  const WARNING = /\b(warning|error|critical|traceback)\b/i;

  const part = (name) => document.getElementById(name);
  let view = null;
  const begin = (log) => {
    log.textContent = "";
    const text = document.createTextNode("");
    log.append(text);
    view = { log, text, key: keyOf(log), decoder: new TextDecoder(), offset: 0, due: 0, follows: true, found: -1 };
    show(view);
    log.addEventListener("scroll", () => {
      const { scrollTop, clientHeight, scrollHeight } = log;
      view.follows = scrollTop + clientHeight >= scrollHeight - 8;
      show(view);
    }, { passive: true });
  };
  const keyOf = (log) => `${log.dataset.run} ${log.dataset.attempt}`;

  const show = ({ follows }) => {
    const button = part("lab-follow");
    if (!button) return;
    button.textContent = follows ? "Following" : "To the end";
    button.setAttribute("aria-pressed", String(follows));
  };
  const say = (text) => {
    if (part("lab-log-note")) part("lab-log-note").textContent = text;
  };
  const toEnd = ({ log }) => { log.scrollTop = log.scrollHeight; };

  const append = (piece) => {
    view.text.appendData(piece);
    const over = view.text.length - MOST_CHARACTERS;
    if (over > 0) {
      view.text.deleteData(0, over);
      say("The beginning is left out here; the download has all of it.");
    }
    if (view.follows) toEnd(view);
  };

  const ask = async () => {
    const asked = view;
    const { run, attempt, url } = asked.log.dataset;
    const query = new URLSearchParams({ run, attempt, from: String(asked.offset) });
    const answer = await fetch(`${url}?${query}`);
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const bytes = await answer.arrayBuffer();
    if (view !== asked) return REST_MS;
    // A piece may end within a character.
    const piece = asked.decoder.decode(bytes, { stream: true });
    const next = Number(answer.headers.get("X-Next-Offset") ?? asked.offset);
    const hasMore = next > asked.offset;
    asked.offset = next;
    if (asked.failedAt) { asked.failedAt = null; say(""); }
    if (piece) append(piece);
    if (hasMore) return 0;
    return ENDED.has(answer.headers.get("X-State")) ? REST_MS : LIVE_MS;
  };

  const turn = async () => {
    const log = part("lab-log");
    if (!log) { view = null; return; }
    if (!view || view.log !== log || view.key !== keyOf(log)) begin(log);
    if (document.hidden || view.isAsking || Date.now() < view.due) return;
    const asked = view;
    asked.isAsking = true;
    try {
      asked.due = Date.now() + await ask();
    } catch (error) {
      asked.failedAt ??= new Date().toISOString().slice(11, 19);
      say(`No answer since ${asked.failedAt} UTC (${error.message}); asked again every few seconds.`);
      asked.due = Date.now() + 5 * LIVE_MS;
    } finally {
      asked.isAsking = false;
    }
    if (view === asked && asked.due <= Date.now()) turn();
  };
  setInterval(turn, LIVE_MS / 4);

  // A found text is chosen and brought into view; the next search goes on behind it.
  const choose = (start, length) => {
    view.found = start;
    view.follows = false;
    const range = document.createRange();
    range.setStart(view.text, start);
    range.setEnd(view.text, start + length);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    const { log } = view;
    log.scrollTop += range.getBoundingClientRect().top - log.getBoundingClientRect().top - log.clientHeight / 3;
    show(view);
  };
  const find = (wanted) => {
    const text = view.text.data.toLowerCase();
    const start = [text.indexOf(wanted, view.found + 1), text.indexOf(wanted)].find((at) => at >= 0) ?? -1;
    if (start < 0) { say(`“${wanted}” is not in the log so far.`); return; }
    say("");
    choose(start, wanted.length);
  };

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.id !== "lab-find" || !view) return;
    const wanted = event.target.value.trim().toLowerCase();
    if (wanted) find(wanted);
  });
  document.addEventListener("click", (event) => {
    if (!view) return;
    if (event.target.closest("#lab-follow")) { view.follows = true; toEnd(view); show(view); }
    if (!event.target.closest("#lab-first")) return;
    const first = WARNING.exec(view.text.data);
    if (first) choose(first.index, first[0].length);
    else say("No warning and no error in the log so far.");
  });
})();
