// Small conveniences; every page works without them.

const box = document.querySelector("#q");

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && box) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});

// Leave empty fields out of the address, so that it can be shared.
document.querySelector("form.search")?.addEventListener("submit", (event) => {
  const fields = [...event.target.elements].filter((field) => field.name && !field.value.trim());
  fields.forEach((field) => { field.disabled = true; });
  setTimeout(() => fields.forEach((field) => { field.disabled = false; }));
});

for (const image of document.querySelectorAll(".shot img")) {
  image.addEventListener("error", () => image.closest(".shot").classList.add("missing"));
}
