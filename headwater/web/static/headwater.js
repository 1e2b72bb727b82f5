// Small behaviours that every page shares. Everything works without them, but for copying.
"use strict";

// A button with data-copy puts its text on the clipboard and says so.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "copied";
  } catch {
    button.textContent = "not copied";
  }
  setTimeout(() => { button.textContent = "copy"; }, 1500);
});

// Buttons with data-print print the page.
document.addEventListener("click", (event) => {
  if (event.target.closest("button[data-print]")) window.print();
});

// An open menu closes at a click elsewhere and at Escape, which gives the focus back to its name.
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.hw-menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.removeAttribute("open");
  });
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.hw-menu[open]");
  if (!menu) return;
  menu.removeAttribute("open");
  menu.querySelector("summary").focus();
});

// A fragment that could not be refreshed says so beside it, instead of showing old figures as if they were new.
function mark(event, stale) {
  const target = event.target.closest("[data-live]");
  if (target) target.toggleAttribute("data-stale", stale);
}
document.addEventListener("htmx:responseError", (event) => mark(event, true));
document.addEventListener("htmx:sendError", (event) => mark(event, true));
document.addEventListener("htmx:afterOnLoad", (event) => mark(event, false));

// What a page asks for by itself says so: it must not keep a session open that its person left.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.triggeringEvent?.type === "hx:poll:trigger") event.detail.headers["HX-Poll"] = "1";
});

// Nothing is polled while nobody looks.
document.addEventListener("htmx:beforeRequest", (event) => {
  const polled = event.target.closest("[data-live]");
  if (polled && document.hidden) event.preventDefault();
});

// After a refused form the summary of what is wrong gets the focus.
document.querySelector(".hw-error-summary")?.focus();
