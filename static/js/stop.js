// The stop button closes the stream; the server keeps what was written by then.
(() => {
  const streams = new WeakMap();
  const reveal = (message) => {
    const button = message.querySelector("[data-stop]");
    if (button) button.hidden = false;
  };
  document.addEventListener("htmx:sseOpen", (event) => {
    streams.set(event.target, event.detail.source);
    reveal(event.target);
  });
  // All places taken: the extension asks again, later each time.
  document.addEventListener("htmx:sseError", (event) => {
    streams.set(event.target, event.detail.source);
    const thinking = event.target.querySelector("[data-thinking]");
    if (thinking && event.detail.source.readyState === EventSource.CLOSED) {
      thinking.textContent = "The assistant is busy or out of reach. Trying again…";
    }
    reveal(event.target);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-stop]");
    if (!button) return;
    const message = button.closest(".message");
    streams.get(message)?.close();
    for (const name of ["sse-connect", "data-live"]) message.removeAttribute(name);
    message.querySelector("[data-thinking]").hidden = true;
    button.hidden = true;
    const note = message.querySelector("[data-stopped]");
    note.hidden = false;
    note.querySelector("button").focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("docent:stopped"));
  });
})();
