// Tells the server that this browser runs scripts, so that answers can stream.
for (const field of document.querySelectorAll("[data-scripted]")) field.disabled = false;
document.addEventListener("htmx:load", (event) => {
  for (const field of event.target.querySelectorAll("[data-scripted]")) field.disabled = false;
});
