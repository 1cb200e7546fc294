// Ends a stream that brings no answer any more: stopped by the visitor (the server keeps what was written by then), ended
// by the server, or out of reach for a minute.
(() => {
  const MOST_TRIES = 8; // the extension waits half a second before the first and twice as long before each further one
  const streams = new WeakMap();
  const tries = new WeakMap();

  const reveal = (message) => {
    const button = message.querySelector("[data-stop]");
    if (button) button.hidden = false;
  };
  const end = (message, sentence) => {
    streams.get(message)?.close();
    for (const name of ["sse-connect", "data-live"]) message.removeAttribute(name);
    for (const gone of message.querySelectorAll("[data-thinking], [data-stop]")) gone.hidden = true;
    const note = message.querySelector("[data-stopped]");
    note.querySelector("p").textContent = sentence;
    note.hidden = false;
    document.dispatchEvent(new CustomEvent("docent:stopped"));
    return note;
  };

  document.addEventListener("htmx:sseOpen", (event) => {
    streams.set(event.target, event.detail.source);
    tries.delete(event.target);
    reveal(event.target);
  });
  // All places taken: the extension asks again, later each time.
  document.addEventListener("htmx:sseError", (event) => {
    const message = event.target;
    streams.set(message, event.detail.source);
    if (event.detail.source.readyState !== EventSource.CLOSED || !message.matches("[data-live]")) return;
    tries.set(message, (tries.get(message) ?? 0) + 1);
    if (tries.get(message) > MOST_TRIES) {
      end(message, "The assistant cannot be reached at the moment. Reload the page, or ask again later.");
      return;
    }
    const thinking = message.querySelector("[data-thinking]");
    if (thinking) thinking.textContent = "The assistant is busy or out of reach. Trying again…";
    reveal(message);
  });
  // The answer itself takes the message's place before the stream ends.
  document.addEventListener("htmx:sseClose", (event) => {
    if (event.detail.type === "message" && event.target.matches("[data-live]")) {
      end(event.target, "The answer ended before it was complete.");
    }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-stop]");
    if (!button) return;
    const note = end(button.closest(".message"), "Stopped. What was written so far is kept.");
    note.querySelector("button").focus({ preventScroll: true });
  });
})();
