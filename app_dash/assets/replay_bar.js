// The clock of the Sun in the browser, and the bar that sets it while a replay plays.
(() => {
  const DAY_MS = 86400000;
  const NO_ANSWER_MS = 15000;
  const SHORTEST_REFRESH_MS = 2000;

  // What the server told last, when, and which time was shown: between two answers time passes by
  // itself, and it does not go back where the second answer took longer than the first.
  let told = null;
  let toldAt = 0;
  let shown = -Infinity;
  const part = (id) => document.getElementById(id);

  const receive = (data) => {
    if (!data || data === told || (told && data.version < told.version)) return;
    if (told?.version !== data.version || !data.speed) shown = -Infinity;
    told = data;
    toldAt = performance.now();
  };
  const isPlayed = () => told?.mode === "replay";
  const endsAt = () => (told.ends ? Date.parse(told.ends) + DAY_MS : Infinity);
  const now = () => {
    if (!isPlayed()) return new Date();
    const event = Date.parse(told.now);
    const passed = event + (performance.now() - toldAt) * (told.speed ?? 0);
    shown = Math.max(shown, event, Math.min(passed, endsAt()));
    return new Date(shown);
  };
  // The time as of which the page is shown; undefined for now.
  const asOf = () => {
    const at = document.querySelector(".as-of-banner")?.dataset.at;
    return at && new Date(at);
  };

  // What has come since the last answer is not known yet: until the next one is overdue, data are as
  // old as they were then.
  const age = (newest) => {
    if (asOf()) return asOf() - new Date(newest);
    if (!isPlayed()) return new Date() - new Date(newest);
    const isOverdue = performance.now() - toldAt > 3 * refreshMs();
    return (isOverdue ? now() : new Date(told.now)) - new Date(told.newest ?? newest);
  };

  // In a fast replay a record comes more often than the page asks: it asks for each, within limits.
  let askedEvery = null;
  const refreshMs = () => {
    const usual = 1000 * part("replay-bar").dataset.refresh;
    if (!isPlayed() || told.speed === 0) return usual;
    const perRecord = told.speed === null ? 0 : (1000 * told.step_s) / told.speed;
    return Math.min(usual, Math.max(SHORTEST_REFRESH_MS, perRecord));
  };
  const askInTime = () => {
    askedEvery ??= 1000 * part("replay-bar").dataset.refresh;
    if (askedEvery === refreshMs()) return;
    askedEvery = refreshMs();
    dash_clientside.set_props("tick", { interval: askedEvery });
  };

  const write = (id, text) => { const one = part(id); if (one && one.textContent !== text) one.textContent = text; };
  const speedText = (speed) => (speed === null ? "max" : `${speed}×`);
  const stateText = (at) => {
    if (told.speed === 0) return "paused";
    return at >= endsAt() ? "ended" : `playing ${speedText(told.speed)}`;
  };
  const day = (text) => (text ? dash_clientside.flarewatch.writeClock(new Date(text)).slice(0, 6) : "");

  const showButtons = () => {
    const isPaused = told.speed === 0;
    const speed = isPaused ? told.speed_before : told.speed;
    part("replay-bar").toggleAttribute("data-may-set", told.may_set);
    part("replay-bar").dataset.state = isPaused ? "paused" : "playing";
    write("replay-play", isPaused ? "Play" : "Pause");
    for (const button of document.querySelectorAll("#replay-bar [data-speed]")) {
      const isChosen = (button.dataset.speed || "null") === String(speed);
      button.classList.toggle("active", isChosen);
      button.setAttribute("aria-pressed", isChosen);
    }
    const alert = document.querySelector("#replay-bar [data-act=next-alert]");
    alert.disabled = !asOf();
    alert.title = asOf() ? "To the opening of the next alert"
      : "Later alerts are not known yet; first jump back, to a time before now";
  };
  const show = (at) => {
    const root = document.documentElement.dataset;
    if (told && root.clock !== told.mode) {
      root.clock = told.mode;
      try { localStorage.setItem("flarewatch-clock", told.mode); } catch { /* private mode */ }
    }
    if (!isPlayed()) return;
    askInTime();
    if (saidAt !== location.href) say("");
    const { writeClock } = dash_clientside.flarewatch;
    write("replay-now", writeClock(at));
    write("replay-state", `event time · ${stateText(at)} · wall ${writeClock(new Date())}`);
    write("replay-starts", day(told.starts));
    write("replay-ends", day(told.ends));
    const [from, to] = [Date.parse(told.starts), Date.parse(told.ends)];
    part("replay-played").style.width = `${Math.min(100, (100 * (at - from)) / (to - from)) || 0}%`;
    showButtons();
  };

  // One act at a time: what was pressed is marked until it is answered.
  let count = 0;
  let waiting = null;
  let saidAt = null;
  const say = (text) => { write("replay-message", text); saidAt = location.href; };
  const finish = () => {
    clearTimeout(waiting?.timer);
    waiting?.button.removeAttribute("aria-busy");
    waiting = null;
  };
  const act = (button) => {
    if (waiting || !isPlayed() || !told.may_set) return;
    const { act: name, speed } = button.dataset;
    const action = name === "play" && told.speed !== 0 ? "pause" : name;
    const timer = setTimeout(() => { finish(); say("The dashboard did not answer; press again."); }, NO_ANSWER_MS);
    count += 1;
    waiting = { button, timer, number: count, action };
    button.setAttribute("aria-busy", "true");
    say("");
    dash_clientside.set_props("clock-act", { data: {
      number: count, action, version: told.version, speed: speed ? Number(speed) : null,
      to: part("replay-to").value,
    } });
  };
  const answer = ({ number, error }) => {
    const isJump = waiting?.action === "jump";
    if (number !== waiting?.number) return dash_clientside.no_update;
    finish();
    say(error);
    return isJump && !error ? "" : dash_clientside.no_update;
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#replay-bar [data-act]");
    if (button) act(button);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.id === "replay-to") {
      act(document.querySelector("#replay-bar [data-act=jump]"));
    }
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    replay: { receive, isPlayed, now, age, show, answer },
  });
})();
