// Says what changed to whoever cannot see it: once for each change, never for each piece of an answer.
(() => {
  let last = "";
  let asked = false; // whether the request came from a form in the panel, which takes the focus with it when it goes

  document.addEventListener("htmx:beforeRequest", (event) => {
    asked = event.target.matches("#assistant form");
  });

  document.addEventListener("htmx:load", (event) => {
    if (event.target === document.body) return;
    const changed = event.target.closest("[data-announce]");
    const text = changed?.dataset.announce.trim();
    if (text && text !== last) {
      last = text;
      document.getElementById("announcer").textContent = text;
    }
    if (changed?.id === "assistant" && asked) {
      asked = false;
      document.getElementById("assistant-title").focus();
    }
  });
})();
