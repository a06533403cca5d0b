// Sends a message by Enter, makes the field grow, and keeps drafts on the device until the server has stored them.

const user = document.querySelector("meta[name=session-mark]")?.dataset.user;
const hasNoKeyboard = matchMedia("(pointer: coarse)");

/** The texts that this page's window has sent, by the path that they were sent to. */
const sentTexts = "sent";

const pathOf = form => form.elements.next?.value ?? form.getAttribute("action");
const draftOf = path => `draft ${user} ${path}`;

/** The browser may forbid storage, or it may be full. */
function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

const readSent = () => attempt(() => JSON.parse(sessionStorage.getItem(sentTexts))) ?? {};

function onKey(event) {
  const { key, target, shiftKey, altKey, ctrlKey, metaKey } = event;
  // An input method uses Enter to choose a word. Safari ends the composition before this event, but sets its code.
  if (key !== "Enter" || event.isComposing || event.keyCode === 229) return;
  const breaksLine = hasNoKeyboard.matches && !ctrlKey && !metaKey;
  if (breaksLine || shiftKey || altKey) return;
  event.preventDefault();
  if (!event.repeat) target.form.requestSubmit();
}

function grow(field) {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
}

function compose(field) {
  const path = field.form.getAttribute("action");
  const isRejected = field.getAttribute("aria-invalid") === "true";
  const save = () => user && attempt(() => {
    if (field.value === field.defaultValue && !isRejected) localStorage.removeItem(draftOf(path));
    else localStorage.setItem(draftOf(path), field.value);
  });
  field.addEventListener("keydown", onKey);
  field.addEventListener("input", save);
  if (!CSS.supports("field-sizing", "content")) {
    field.addEventListener("input", () => grow(field));
  }
  const draft = user && attempt(() => localStorage.getItem(draftOf(path)));
  if (isRejected) save();
  else if (draft && field.value === field.defaultValue) field.value = draft;
  field.dispatchEvent(new Event("input"));
}

/** Removes the drafts of texts that the server has stored. */
function forgetStored() {
  for (const [path, texts] of Object.entries(readSent())) {
    if (texts.includes(localStorage.getItem(draftOf(path)))) localStorage.removeItem(draftOf(path));
  }
  sessionStorage.removeItem(sentTexts);
}

if (document.querySelector("[data-saved]")) attempt(forgetStored);
document.querySelectorAll("textarea[data-limit]").forEach(compose);

document.addEventListener("submit", ({ target: form }) => {
  const text = form.elements.text?.value;
  if (!text) return;
  const sent = readSent();
  (sent[pathOf(form)] ??= []).push(text);
  attempt(() => sessionStorage.setItem(sentTexts, JSON.stringify(sent)));
});
