// Copy buttons: of a whole answer as Markdown, and one for each block of code in it.
(() => {
  const prepare = (root) => {
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
    for (const block of root.querySelectorAll(".answer pre.code:not(:has(button))")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet-button";
      button.textContent = "Copy";
      button.dataset.copy = block.querySelector("code").textContent;
      block.append(button);
    }
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    let done = "Copied";
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      done = "Not allowed";
    }
    button.textContent = done;
    document.getElementById("announcer").textContent = done;
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  document.addEventListener("htmx:load", (event) => prepare(event.target));
  prepare(document);
})();
