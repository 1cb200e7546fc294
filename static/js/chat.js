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
    const message = event.target;
    if (!message.matches?.(".message")) return;
    document.getElementById("intro")?.remove();
    if (message.matches("[data-live]")) {
      for (const old of messages.querySelectorAll(".asked")) old.classList.remove("asked");
      message.classList.add("asked");
      message.scrollIntoView({ block: "start", behavior: isCalm ? "instant" : "smooth" });
      form.reset();
    } else {
      message.classList.add("asked");
      if (!isTouch && document.activeElement === document.body) question.focus({ preventScroll: true });
    }
    update();
  });

  for (const failure of ["htmx:sendError", "htmx:responseError"]) {
    document.addEventListener(failure, () => {
      error.textContent = "This could not be sent. Check the connection and try again.";
    });
  }
  document.addEventListener("docent:stopped", update);
  update();
})();
