// Says what changed to whoever cannot see it: once for each change, never for each piece of an answer.
(() => {
  let last = "";
  const say = (text) => {
    if (text && text !== last) {
      last = text;
      document.getElementById("announcer").textContent = text;
    }
  };
  document.addEventListener("htmx:load", (event) => {
    if (event.target === document.body) return;
    const changed = event.target.closest("[data-announce]");
    if (changed) say(changed.dataset.announce.trim());
    // What had the focus is gone with the old panel: its heading takes it.
    if (changed?.id === "assistant" && document.activeElement === document.body && changed.dataset.focus !== undefined) {
      document.getElementById("assistant-title").focus();
    }
  });
})();
