// Keys for whoever works here all day, and a conversation that shows its end. Everything works without them.
"use strict";

const writing = (place) => place.matches("input, textarea, select");

function walk(step) {
  const cases = [...document.querySelectorAll("[data-case]")];
  if (cases.length) {
    const here = cases.indexOf(document.activeElement);
    cases[Math.min(Math.max(here + step, 0), cases.length - 1)].focus();
  }
}

const KEYS = {
  j: () => walk(1),
  k: () => walk(-1),
  r: () => document.getElementById("text")?.focus(),
  u: () => document.querySelector("[data-up]")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Escape") document.activeElement?.blur();
  if (writing(event.target) || !KEYS[event.key.toLowerCase()]) return;
  event.preventDefault();
  KEYS[event.key.toLowerCase()]();
});

function end() {
  const talk = document.querySelector(".talk");
  if (talk) talk.scrollTop = talk.scrollHeight;
}

// The queue is replaced when it changes: whoever stood on a case stays on it.
let on = null;
document.addEventListener("htmx:beforeSwap", () => {
  on = document.activeElement?.closest("[data-task]")?.dataset.task ?? null;
});
document.addEventListener("htmx:afterSettle", () => {
  if (on) document.querySelector(`[data-task="${CSS.escape(on)}"] [data-case]`)?.focus();
  end();
});
end();
