// Sessions and forms in the browser: the way to the sign-in page, Enter, choices, secrets shown once.
(() => {
  const CALLBACKS = "/_dash-";
  const plain = window.fetch;

  const showMessage = (...children) => {
    const part = (type, props) => ({ namespace: "dash_html_components", type, props });
    const text = part("Span", { children: children.map((one) =>
      typeof one === "string" ? one : part("A", { ...one, className: "link" })) });
    const strip = part("Div", { className: "strip error", children: [text], role: "alert" });
    dash_clientside.set_props("strip", { children: strip });
  };

  // A session ends while its page is open: by a lock, by other roles, by time.
  const signIn = () => {
    const here = encodeURIComponent(location.pathname + location.search);
    const href = `/sign-in?next=${here}`;
    // A link or key that is shown only now would be lost.
    if (document.querySelector(".shown-once")) {
      showMessage("You are signed out. Copy what is shown below, then ", { href, children: "sign in" }, ".");
    } else {
      location.assign(href);
    }
  };

  window.fetch = async (...request) => {
    const answer = await plain(...request);
    const path = new URL(answer.url || "/", location.href).pathname;
    if (!path.startsWith(CALLBACKS) || ![401, 403].includes(answer.status)) return answer;
    if (answer.status === 401) signIn();
    else showMessage("Your roles do not allow this. An admin can change them under People.");
    // For dash: nothing changes.
    return new Response(null, { status: 204 });
  };

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input")) return;
    const form = event.target.closest("#page .form, #page .answering");
    form?.querySelector(".button.primary, .acting .button")?.click();
  });

  // Dash calls the label around each of its boxes an option of a list, which it is not.
  const unlabel = () => {
    for (const part of document.querySelectorAll(".choices [role=option], .choices[role=listbox]")) {
      for (const name of [...part.attributes].map((one) => one.name)) {
        if (name === "role" || name.startsWith("aria-")) part.removeAttribute(name);
      }
    }
  };
  new MutationObserver(unlabel).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["role", "aria-selected"],
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-clears]");
    if (button) dash_clientside.set_props(button.dataset.clears, { children: [] });
  });
})();
