// The composer: Enter asks, one question at a time, and the new question comes to the top of the window.
(() => {
  const form = document.getElementById("ask");
  const question = document.getElementById("question");
  const button = form.querySelector("button");
  const error = document.getElementById("question-error");
  const messages = document.getElementById("messages");
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const isTouch = matchMedia("(hover: none)").matches;

  const update = () => {
    button.disabled = messages.querySelector("[data-live]") !== null;
  };

  question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    if (isTouch && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    if (!button.disabled) form.requestSubmit();
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.matches("#ask, .starters form") && messages.querySelector("[data-live]")) event.preventDefault();
    else error.textContent = "";
  });

  document.addEventListener("htmx:load", (event) => {
    update();
    const message = event.target;
    if (!message.matches?.(".message[data-announce]")) return; // earlier questions have nothing to announce
    const isLast = message === messages.lastElementChild;
    document.getElementById("intro")?.remove();
    if (message.matches("[data-live]")) {
      for (const old of messages.querySelectorAll(".asked")) old.classList.remove("asked");
      message.classList.toggle("asked", isLast);
      message.scrollIntoView({ block: "start", behavior: isCalm ? "instant" : "smooth" });
      if (isLast) form.reset();
    } else {
      message.classList.toggle("asked", isLast);
      if (!isTouch && document.activeElement === document.body) question.focus({ preventScroll: true });
    }
  });

  for (const failure of ["htmx:sendError", "htmx:responseError"]) {
    document.addEventListener(failure, (event) => {
      if (event.detail.xhr.status === 404) location.reload(); // cleared or asked again in another tab
      error.textContent = "This could not be sent. Check the connection and try again.";
    });
  }
  document.addEventListener("docent:stopped", update);
  document.addEventListener("htmx:sseClose", () => setTimeout(update)); // once the message is replaced
  update();
})();
