// A number in an answer unfolds its lines on the page. With a modifier key it is the link to the repository's host that it says.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a.citation");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const lines = document.getElementById(link.dataset.source);
  if (!lines) return;
  event.preventDefault();
  for (let fold = lines.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  for (const shown of document.querySelectorAll(".source.shown")) shown.classList.remove("shown");
  const source = lines.closest(".source");
  source.classList.add("shown");
  source.scrollIntoView({ block: "nearest" });
  source.querySelector("summary").focus({ preventScroll: true });
});
document.addEventListener("htmx:load", (event) => {
  event.target.closest(".source.shown")?.scrollIntoView({ block: "nearest" }); // its lines have come
});
